"""Products that follow only from the inputs."""

import hashlib
import json
from typing import TYPE_CHECKING

import numpy

from octet.data.dataset import quantization
from tasks.promised import PRODUCTS

if TYPE_CHECKING:
    import tensorflow  # noqa: F401  (never loaded; in the key, as in that of the real stages)


def digest(*things) -> str:
    hasher = hashlib.sha256()
    for thing in things:
        content = thing if isinstance(thing, bytes) else json.dumps(thing, sort_keys=True).encode()
        hasher.update(b"%d:" % len(content) + content)
    return hasher.hexdigest()


def part(dataset, name: str) -> str:
    """One part of the dataset."""
    found = dataset.parts[name]
    scales = [quantization(spec.low, spec.high) for _, spec in sorted(dataset.inputs.items())]
    return digest(scales, *(numpy.asarray(array).tobytes() for arrays in (found.inputs, found.targets)
                    for _, array in sorted(arrays.items())))


def write(job, name: str, *things) -> None:
    (job.out / name).write_text(digest(*things) + "\n")


def fill(job) -> None:
    """Writes every declared product that does not exist yet, with content that is always the same."""
    for pattern in PRODUCTS[job.stage]:
        if not list(job.out.glob(pattern)):
            (job.out / pattern.replace("*", "0")).write_text(job.stage + "\n")
