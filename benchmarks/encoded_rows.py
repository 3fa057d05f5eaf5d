"""CPU time to read pictures in training: kept decoded, and kept as the bytes of their files (`data: {keep: encoded}`).

    python -m benchmarks.encoded_rows [PICTURES]      512 unless said

Made JPEGs, smooth and with a little noise as photographs are, of the size of the network's input up to a camera's;
read in batches of 64 in random order, as training reads them. Time is of all threads.
"""

import resource
import sys
import tempfile
from pathlib import Path
from typing import List, NamedTuple, Tuple

import numpy as np
from PIL import Image

from octet.data import dataset_digest, prepared
from octet.job import Job
from octet.sizes import size
from tasks.stages import prepare_data

BATCH = 64


class Case(NamedTuple):
    """saved: [height, width] of the files. prepared: of the network's input. share: of the pictures that are drawn."""

    saved: Tuple[int, int]
    prepared: Tuple[int, int]
    share: float


CASES = (Case((64, 64), (64, 64), 1), Case((224, 224), (224, 224), 1), Case((480, 640), (224, 224), 0.5),
         Case((3000, 4000), (224, 224), 0.05))


def furnish(folder: Path, case: Case, count: int) -> None:
    """`count` pictures of two classes to train on, and two each to validate and to test on."""
    random = np.random.RandomState(0)
    noise = random.normal(0, 6, (1 << 16) + 1).astype(np.int16)
    height, width = case.saved
    for part, pictures in (("train", count), ("validation", 4), ("test", 4)):
        for index in range(pictures):
            small = random.randint(0, 256, (max(4, height // 16), max(4, width // 16), 3)).astype(np.uint8)
            path = folder / "set" / part / "ab"[index % 2] / "{}.jpg".format(index)
            path.parent.mkdir(parents=True, exist_ok=True)
            smooth = np.asarray(Image.fromarray(small).resize((width, height), Image.BICUBIC), np.int16)
            noisy = smooth + np.resize(noise, smooth.shape)
            Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(str(path), quality=85)


def read_s(folder: Path, case: Case, keep: str) -> Tuple[float, float]:
    """(CPU seconds to prepare a picture, CPU seconds to read one)."""
    section = {"dataset": "image_folder", "args": {"path": "set", "size": list(case.prepared)}, "keep": keep}
    out = folder / keep
    out.mkdir()
    started = _cpu_s()
    prepare_data.run(Job("stages.prepare_data", {"data": section}, {}, str(out), str(folder), ("train",), data={
        "train": dataset_digest.digest(section, folder, "train")}), lambda fraction, message: None)
    prepared_s = _cpu_s() - started
    images = prepared.read({"train": out}).parts["train"].inputs["image"]
    order = np.random.RandomState(1).permutation(len(images))
    started = _cpu_s()
    for start in range(0, len(order), BATCH):
        images[order[start:start + BATCH]]
    return prepared_s / len(images), (_cpu_s() - started) / len(images)


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main(arguments: List[str]) -> None:
    count = int(arguments[0]) if arguments else 512
    print("{:>12} {:>10} {:>10} {:>12} {:>12} {:>12}".format(
        "files", "input", "a file", "prepare ms", "decoded ms", "encoded ms"))
    for case in CASES:
        with tempfile.TemporaryDirectory(prefix="octet-encoded-") as name:
            folder = Path(name)
            furnish(folder, case, max(BATCH // 4, int(count * case.share)))
            files = list((folder / "set" / "train").rglob("*.jpg"))
            _, decoded_s = read_s(folder, case, "decoded")
            prepare_s, encoded_s = read_s(folder, case, "encoded")
            print("{:>12} {:>10} {:>10} {:>12.2f} {:>12.3f} {:>12.2f}".format(
                "{}x{}".format(*case.saved), "{}x{}".format(*case.prepared),
                size(sum(path.stat().st_size for path in files) // len(files)), 1e3 * prepare_s, 1e3 * decoded_s,
                1e3 * encoded_s), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
