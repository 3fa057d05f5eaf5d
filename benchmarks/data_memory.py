"""Memory and CPU seconds of the stages that read data, for a growing number of pictures.

    python -m benchmarks.data_memory [--light] [--last STAGE] [NUMBER ...]

NUMBERs are 2000 8000 32000 unless said, and the last stage is Measure: about 20 minutes.

Made pictures of 64x64, eight of ten to train on, one each to validate and to test on; the network is lenet, one epoch
in each phase. --light: it has one convolution, which costs a tenth, so that what grows with the data is a larger share
of the memory. Memory is the peak of RssAnon + RssShmem of a stage's process and its children: pages that are mapped
from files do not count, for the system takes them back. It is to be flat within 10 %.
"""

import argparse
import importlib
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, Dict, Iterator, List, Tuple

from octet.job import Job
from octet.recipe import loading
from pipeline.stage_specs import STAGES, upward

EVERY_S = 0.02
RECIPE = """data: {dataset: image_folder, args: {path: pictures, size: [64, 64]}}
model: {build: lenet}
train: {epochs: 1}
quantize: {epochs: 1}
"""
LIGHT = '''\
import tensorflow as tf

def build(input_shape, classes):
    return tf.keras.Sequential([tf.keras.layers.Conv2D(8, 8, 8, activation="relu", input_shape=input_shape),
                                tf.keras.layers.Flatten(), tf.keras.layers.Dense(classes, activation="softmax")])
'''


def furnish(folder: Path, count: int, is_light: bool) -> None:
    """The recipe, and `count` pictures of ten classes."""
    import numpy as np
    from PIL import Image

    random = np.random.RandomState(0)
    (folder / "recipe.yaml").write_text(RECIPE.replace("lenet", "./net.py") if is_light else RECIPE)
    (folder / "net.py").write_text(LIGHT)
    for part, share in (("train", 0.8), ("validation", 0.1), ("test", 0.1)):
        for name in range(10):
            place = folder / "pictures" / part / str(name)
            place.mkdir(parents=True)
            for index in range(int(count * share / 10)):
                small = random.randint(0, 256, (8, 8, 3)).astype(np.uint8)
                Image.fromarray(small).resize((64, 64), Image.BICUBIC).save(str(place / "{}.jpg".format(index)))


def run_stage(folder: Path, name: str) -> None:
    """Runs one stage in this process, as its child process would."""
    spec, sections = STAGES[name], loading.load(folder / "recipe.yaml").sections()
    (folder / name).mkdir()
    job = Job(spec.module, {section: sections[section] for section in spec.reads},
              {need: str(folder / need) for need in spec.needs}, str(folder / name), str(folder), spec.parts)
    importlib.import_module("tasks." + spec.module).run(job, lambda fraction, message: None)


def measure(folder: Path, last: str) -> Iterator[Tuple[str, float, float]]:
    """(stage, peak in MB, CPU seconds) of each stage that `last` needs, and of itself."""
    for name in upward(last):
        before = _cpu_s()
        with tempfile.TemporaryFile() as errors:
            yield name, _peak_kb(folder, name, errors) / 1000, _cpu_s() - before


def _peak_kb(folder: Path, name: str, errors: IO[bytes]) -> int:
    """What the process of a stage, and its children, hold at most. Raises RuntimeError where it fails."""
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.data_memory", "--stage", str(folder), name],
                               stdout=subprocess.DEVNULL, stderr=errors)
    peak = 0
    while process.poll() is None:
        peak = max(peak, sum(_held(pid) for pid in _with_children(process.pid)))
        time.sleep(EVERY_S)
    if process.returncode:
        errors.seek(0)
        raise RuntimeError(errors.read().decode("utf-8", "replace")[-2000:])
    return peak


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _with_children(pid: int) -> List[int]:
    parents: Dict[int, int] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                parents[int(name)] = int(Path("/proc", name, "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:  # it has ended
                continue
    found = [pid]
    for one in found:
        found.extend(child for child, parent in parents.items() if parent == one)
    return found


def _held(pid: int) -> int:
    """kB that the process holds and that no file backs."""
    try:
        lines = Path("/proc", str(pid), "status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith(("RssAnon:", "RssShmem:")))


def main(arguments: List[str]) -> None:
    if arguments[:1] == ["--stage"]:
        run_stage(Path(arguments[1]), arguments[2])
        return
    options = argparse.ArgumentParser()
    options.add_argument("--light", action="store_true")
    options.add_argument("--last", default="Measure", choices=list(STAGES))
    options.add_argument("numbers", type=int, nargs="*", default=[2000, 8000, 32000])
    wanted = options.parse_args(arguments)
    print("{:>9}  {:<24} {:>8} {:>8}".format("pictures", "stage", "MB", "CPU s"))
    for count in wanted.numbers:
        with tempfile.TemporaryDirectory(prefix="octet-data-memory-") as name:
            furnish(Path(name), count, wanted.light)
            for stage, peak_mb, cpu_s in measure(Path(name), wanted.last):
                print("{:>9}  {:<24} {:>8.0f} {:>8.1f}".format(count, stage, peak_mb, cpu_s), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
