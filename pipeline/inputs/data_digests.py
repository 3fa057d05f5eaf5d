"""Computes the digests of a recipe's data, in this process or in a new one.

A user's dataset may import TensorFlow, which `pipeline` must not import. Its digest is computed in a new process.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Optional, Sequence, Set

from octet.data import dataset_digest
from octet.errors import DatasetError, StageDied
from octet.job import Job, Section, Sections
from pipeline.files import file_errors
from pipeline.inputs.source_tree import SourceTree
from pipeline.process import child, child_exit, scratch
from pipeline.stage_specs import DIGEST

if TYPE_CHECKING:
    from pipeline.inputs.preimage_types import Digests

LIGHT = frozenset(("numpy", "PIL", "yaml", "platformdirs"))
"""Third-party modules that this process may import for a dataset."""

ENDED_BY = "its digest function, or a module that it imports, ended the process"


def is_light(section: Section, modules: Optional[Set[str]] = None) -> bool:
    """Whether the digest of the section's dataset can be computed in this process.

    True for Octet's own datasets, and for a dataset whose closure imports no third-party `modules` except LIGHT ones.
    modules: None during a run, when a user's file may have been edited; then only Octet's own datasets count."""
    return dataset_digest.is_ours(section["dataset"]) or (modules is not None and modules <= LIGHT)


def digests(section: Section, folder: Path, parts: Sequence[str], tree: Optional[SourceTree]) -> Digests:
    """{part: sha256} of the section's data at this moment.

    tree: the source of the job `digest`, to run it in a new process; None to compute the digests in this process.
    Raises DatasetError for data that has no digest."""
    if tree is None:
        return {part: dataset_digest.digest(section, folder, part) for part in parts}
    doing = "take the digest of the data"
    with scratch.folder("digest", doing) as place, file_errors.explained(doing, place):
        settings: Sections = {"data": section, "parts": list(parts)}
        job = Job(stage=DIGEST, settings=settings, inputs={},
                  output=str(place / "output"), recipe_folder=str(folder), origin=tree.origin)
        try:
            return child.run(job, lambda fraction, message: None, place / "digest.log", tree.write)
        except StageDied as died:  # its log lies in `place`, which is removed
            raise DatasetError(
                "'{}' gave no digest: {}".format(section["dataset"], died.what), where="data.dataset", why=died.why,
                next_step=died.next_step.replace(child_exit.whole_log(place / "digest.log"), ENDED_BY)) from died
