"""Runs the checks of a recipe before its stages: modules of `tasks` that can refuse the work and make no artifact."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Dict, List, Optional, Tuple

from octet.data.dataset import PARTS
from octet.errors import OctetError, StageDied
from octet.job import Job, Metrics, Progress, Sections
from octet.suggestions import CLASS_WEIGHTS
from pipeline.files import file_errors
from pipeline.inputs import snapshot
from pipeline.inputs.snapshot import Snapshot
from pipeline.inputs.source_tree import SourceTree
from pipeline.process import child, child_exit, scratch

NOTHING_MADE = "nothing has been trained or written"


def remarks(metrics: Metrics, sections: Optional[Sections] = None) -> List[str]:
    """A line for each warning, and then for each note, in the metrics of a check or a stage. Notes about the data come
    before other notes. sections: of the recipe. Where they weight classes, no note proposes it."""
    outside = ["the dataset's `load` reads {}, which is not below data.args.path: its content is in the key only if "
               "`digest` reads it too".format(path) for path in metrics.get("read_outside_data_path", ())]
    return (["warning: {}".format(line) for line in outside + list(metrics.get("warnings", ()))]
            + ["note: {}".format(line) for line in notes(metrics)
               if not (_weights_classes(sections or {}) and "without " + CLASS_WEIGHTS in line)])


def _weights_classes(sections: Sections) -> bool:
    """Whether the recipe weights or oversamples classes, for all targets."""
    loss = sections.get("loss") or {}
    return any(loss.get(key) is not None for key in ("class_weights", "oversample"))


def notes(metrics: Metrics) -> List[str]:
    """The notes in the metrics of a check or a stage, those about the data first."""
    return [*metrics.get("data_notes", ()), *metrics.get("notes", ())]


def without_data_notes(report: Metrics) -> Metrics:
    """The report of a check without its notes about the data. The check has read a few samples only: where
    SummarizeData is made, its notes, which are about all samples, are shown instead."""
    return {name: value for name, value in report.items() if name != "data_notes"}


_REPORTS: Dict[Tuple[str, str], Metrics] = {}
"""{(digest of a snapshot, check): report} of the checks that have passed in this process."""


def once(taken_snapshot: Snapshot, check: str, on_wait: Optional[child.OnWait] = None) -> Metrics:
    """The report of a check, which runs once for each snapshot: several stages of a run may need it."""
    if (taken_snapshot.digest, check) not in _REPORTS:
        _REPORTS[taken_snapshot.digest, check] = run(taken_snapshot, check, on_wait)
    return _REPORTS[taken_snapshot.digest, check]


def run(taken_snapshot: Snapshot, check: str, on_wait: Optional[child.OnWait] = None,
        on_progress: Progress = lambda fraction, message: None, inputs: Optional[Dict[str, str]] = None) -> Metrics:
    """The report of a check.

    taken_snapshot: a snapshot with source (`with_source`). on_wait, on_progress: as for child.run. inputs: {stage:
    folder} of the artifacts that it reads.
    The check writes only to the system's temporary folder. Raises OctetError, with the position in the recipe."""
    job = Job(stage=check, settings=taken_snapshot.sections, inputs=inputs or {}, output="",
              recipe_folder=str(taken_snapshot.folder), parts=PARTS)
    try:
        return in_child(job, taken_snapshot.trees[check], "check a recipe", on_wait, on_progress)
    except OctetError as error:
        raise snapshot.located(error, taken_snapshot.where) from error


def in_child(job: Job, tree: SourceTree, doing: str, on_wait: Optional[child.OnWait] = None,
             on_progress: Progress = lambda fraction, message: None) -> Metrics:
    """The metrics of a job that makes no artifact, run from this source. Its output folder is temporary.

    doing: what the folder is for, as a verb phrase for errors. Raises OctetError."""
    with scratch.folder("check", doing) as folder, file_errors.explained(doing, folder):
        output, log = folder / "output", folder / "check.log"
        output.mkdir()
        job = job._replace(output=str(output), origin=tree.origin)
        try:
            return child.run(job, on_progress, log, tree.write, on_wait, tree.modules)
        except StageDied as died:  # its log lies in `folder`, which is removed
            raise StageDied(died.what, where=died.where, why=died.why, next_step=died.next_step.replace(
                child_exit.whole_log(log), NOTHING_MADE)) from died
        except child_exit.Unexpected as error:
            next_step = error.next_step.replace(str(log), _copy(log))
            raise child_exit.Unexpected(error.what, where=error.where, why=error.why, next_step=next_step) from error


def _copy(log: Path) -> str:
    """Copies the log to a place where it is kept. Returns the path of the copy."""
    handle, name = tempfile.mkstemp(prefix="octet-traceback-", suffix=".log")
    with os.fdopen(handle, "wb") as out, log.open("rb") as source:
        shutil.copyfileobj(source, out)
    return name
