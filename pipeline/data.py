"""The digests of a recipe's data, found in this process or in one of its own.

A user's dataset may import anything, TensorFlow included; `pipeline` never does.
"""

import tempfile
from pathlib import Path
from typing import Dict, Sequence, Set

from octet.datasets import identity
from octet.errors import DatasetError, StageDied
from octet.job import Job
from pipeline import child

LIGHT = frozenset(("numpy", "PIL", "yaml", "platformdirs"))
"""Modules from elsewhere that a dataset may import and still be asked here: this process has them."""


def digests(section: dict, folder: Path, parts: Sequence[str], modules: Set[str]) -> Dict[str, str]:
    """{part: sha256} of the section's data as it is at this moment.

    modules: the top-level modules from elsewhere that the dataset's closure imports.
    Raises DatasetError for data that has no digest."""
    if identity.is_ours(section["dataset"]) or modules <= LIGHT:
        return {part: identity.digest(section, folder, part) for part in parts}
    with tempfile.TemporaryDirectory(prefix="octet-digest-") as place:
        job = Job(stage="digest", settings={"data": section, "parts": list(parts)}, inputs={},
                  output=place, recipe_folder=str(folder))
        try:
            return child.run(job, lambda fraction, message: None, Path(place) / "digest.log")
        except StageDied as died:  # with its log, which lies in `place`
            raise DatasetError(
                "'{}' gave no digest: {}".format(section["dataset"], died.what), where="data.dataset", why=died.why,
                next_step="its digest, or what it imports, ended the process: those were its last lines") from died
