"""Memory and CPU seconds of the stage Measure for MobileNetV2 at 224x224. Most of both are those of the parity checks.

    python -m benchmarks.parity [FOLDER]      the network is made in FOLDER, and used again if it is there

The network is hardly trained, which does not matter for the cost. Prints the peak memory of the stage's own process and
that of the interpreters' processes, the CPU seconds of both, and the digest of measurement.json: an optimization must
not change it.
"""

import hashlib
import importlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from octet.job import Job
from octet.recipe import loading
from pipeline.stage_specs import STAGES, upward

MEASURED = next(name for name, spec in STAGES.items() if "measurement.json" in spec.products)
SAMPLES = 16
RECIPE = """data: {dataset: ./noise.py}
model: {build: ./mobilenet.py}
train: {epochs: 1, batch_size: 8}
quantize: {epochs: 0, batch_size: 8, calibration_batches: 2}
"""
MODEL = """import tensorflow as tf


def build(input_shape, classes):
    return tf.keras.applications.MobileNetV2(input_shape=input_shape, weights=None, classes=classes)
"""
DATASET = """import numpy as np

from octet.data.dataset import Dataset, Input, Part, Target


def load():
    def part(seed):
        random = np.random.RandomState(seed)
        return Part({{"image": random.randint(0, 256, ({0}, 224, 224, 3)).astype(np.uint8)}},
                    {{"label": np.arange({0}, dtype=np.int32) % 8}})

    return Dataset({{"image": Input((224, 224, 3), 0.0, 1.0)}}, {{"label": Target("class", list("01234567"))}},
                   {{name: part(seed) for seed, name in enumerate(("train", "validation", "test"))}})


def digest(part):
    return part
""".format(SAMPLES)


def run_stage(folder: Path, name: str) -> Path:
    """Runs one stage in this process. Returns the folder of its output."""
    spec, sections = STAGES[name], loading.load(folder / "recipe.yaml").sections()
    out = Path(tempfile.mkdtemp(dir=str(folder), prefix=name + "-"))
    job = Job(spec.module, {section: sections[section] for section in spec.reads},
              {need: str(folder / need) for need in spec.needs}, str(out), str(folder), spec.parts)
    importlib.import_module("tasks." + spec.module).run(job, lambda fraction, message: None)
    if name != MEASURED:
        out.rename(folder / name)
    return out


def make_upstream(folder: Path) -> None:
    """Makes in `folder` everything that Measure needs, unless it exists."""
    folder.mkdir(exist_ok=True)
    for name, text in (("recipe.yaml", RECIPE), ("mobilenet.py", MODEL), ("noise.py", DATASET)):
        (folder / name).write_text(text)
    for name in upward(MEASURED)[:-1]:
        if not (folder / name).is_dir():
            subprocess.run([sys.executable, "-m", "benchmarks.parity", str(folder), name], check=True)


def main(folder: str = "", stage: str = "") -> int:
    if stage and stage != MEASURED:
        run_stage(Path(folder), stage)
        return 0
    if stage:
        started = time.perf_counter()
        measurement = (run_stage(Path(folder), stage) / "measurement.json").read_bytes()
        own, below = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
        print(json.dumps({
            "peak_mb": round(own.ru_maxrss / 1024), "interpreters_peak_mb": round(below.ru_maxrss / 1024),
            "cpu_s": round(own.ru_utime + own.ru_stime, 1),
            "interpreters_cpu_s": round(below.ru_utime + below.ru_stime, 1),
            "seconds": round(time.perf_counter() - started, 1),
            "measurement": hashlib.sha256(measurement).hexdigest()[:16]}))
        return 0
    with tempfile.TemporaryDirectory(prefix="octet-bench-") as temporary:
        place = Path(folder or os.path.join(temporary, "network"))
        make_upstream(place)
        return subprocess.run([sys.executable, "-m", "benchmarks.parity", str(place), MEASURED]).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
