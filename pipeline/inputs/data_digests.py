"""The digests of a recipe's data, found in this process or in one of its own.

A user's dataset may import anything, TensorFlow included; `pipeline` never does.
"""

from pathlib import Path
from typing import Dict, Optional, Sequence, Set

from octet.data import identity
from octet.errors import DatasetError, StageDied
from octet.job import Job
from pipeline.files import durable_files
from pipeline.inputs.source_tree import SourceTree
from pipeline.process import child, exit_reasons, scratch
from pipeline.spec import DIGEST

LIGHT = frozenset(("numpy", "PIL", "yaml", "platformdirs"))
"""Modules from elsewhere that a dataset may import and still be asked here: this process has them."""

ENDED_BY = "its digest, or what it imports, ended the process"


def is_light(section: dict, modules: Optional[Set[str]] = None) -> bool:
    """Whether the section's dataset can be asked in this process: one of ours, or one whose closure imports from
    elsewhere only LIGHT `modules`. Without `modules`, when a run has begun and a user's file may have been edited,
    one of ours."""
    return identity.is_ours(section["dataset"]) or (modules is not None and modules <= LIGHT)


def digests(section: dict, folder: Path, parts: Sequence[str], tree: Optional[SourceTree]) -> Dict[str, str]:
    """{part: sha256} of the section's data as it is at this moment.

    tree: the source of the job `digest`, which is asked in a process of its own; None asks the dataset in this one.
    Raises DatasetError for data that has no digest."""
    if tree is None:
        return {part: identity.digest(section, folder, part) for part in parts}
    doing = "take the digest of the data"
    with scratch.folder("digest", doing) as place, durable_files.explained(doing, place):
        job = Job(stage=DIGEST, settings={"data": section, "parts": list(parts)}, inputs={},
                  output=str(place / "output"), recipe_folder=str(folder), origin=tree.origin)
        try:
            return child.run(job, lambda fraction, message: None, place / "digest.log", tree.write)
        except StageDied as died:  # with its log, which lies in `place`
            raise DatasetError(
                "'{}' gave no digest: {}".format(section["dataset"], died.what), where="data.dataset", why=died.why,
                next_step=died.next_step.replace(exit_reasons.whole_log(place / "digest.log"), ENDED_BY)) from died
