"""Products that follow from what went in, and from nothing else."""

import hashlib
import json
from pathlib import Path

from tasks.promised import PRODUCTS


def digest(*things) -> str:
    hasher = hashlib.sha256()
    for thing in things:
        content = thing if isinstance(thing, bytes) else json.dumps(thing, sort_keys=True).encode()
        hasher.update(b"%d:" % len(content) + content)
    return hasher.hexdigest()


def part(dataset, name: str) -> str:
    """One part of the dataset."""
    found = dataset.parts[name]
    return digest(*(array.tobytes() for arrays in (found.inputs, found.targets)
                    for _, array in sorted(arrays.items())))


def chance(job) -> str:
    """What no key knows: a file that a test writes, to make a stage give other bytes."""
    path = Path(job.recipe_folder) / "chance"
    return path.read_text() if path.exists() else ""


def write(job, name: str, *things) -> None:
    (job.out / name).write_text(digest(*things) + "\n")


def fill(job) -> None:
    """Every product that the stage promises and that is not written yet, the same each time."""
    for pattern in PRODUCTS[job.stage]:
        if not list(job.out.glob(pattern)):
            (job.out / pattern.replace("*", "0")).write_text(job.stage + "\n")
