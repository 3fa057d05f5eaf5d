"""A check of `tasks`, run on a recipe: it can refuse the work, and makes and leaves nothing."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Dict, List, Optional

from octet.data.dataset import PARTS
from octet.errors import OctetError, StageDied
from octet.job import Job, Progress
from pipeline.files import durable_files
from pipeline.inputs import snapshot
from pipeline.inputs.snapshot import Snapshot
from pipeline.inputs.source_tree import SourceTree
from pipeline.process import child, exit_reasons, scratch

NOTHING_MADE = "nothing has been trained or written"

def remarks(metrics: Dict) -> List[str]:
    """A line for each thing that a person should know of what a check or a stage has found: warnings, then notes."""
    outside = ["the dataset's `load` reads {}, which is not below data.args.path: it is in the key only if `digest` "
               "reads it too".format(path) for path in metrics.get("read_outside_data_path", ())]
    return (["warning: {}".format(line) for line in outside + list(metrics.get("warnings", ()))]
            + ["note: {}".format(line) for line in metrics.get("notes", ())])

# Of this process: {(snapshot, check): what it found} of those that refused nothing.
_FOUND = {}  # type: Dict[Tuple[str, str], Dict]


def once(taken: Snapshot, check: str, on_wait: Optional[child.OnWait] = None) -> Dict:
    """What `run` finds, or has found in this process for the same snapshot: two stages of one run ask for it."""
    if (taken.digest, check) not in _FOUND:
        _FOUND[taken.digest, check] = run(taken, check, on_wait)
    return _FOUND[taken.digest, check]


def run(taken: Snapshot, check: str, on_wait: Optional[child.OnWait] = None,
        on_progress: Progress = lambda fraction, message: None) -> Dict:
    """What the check finds, its errors with their place in the recipe. It writes into the system's temporary
    folder alone: what is refused leaves no trace in the store. `taken` has its source (`with_source`).
    on_wait, on_progress: as for child.run. Raises OctetError."""
    job = Job(stage=check, settings=taken.sections, inputs={}, output="", recipe_folder=str(taken.folder), parts=PARTS)
    try:
        return in_child(job, taken.trees[check], "check a recipe", on_wait, on_progress)
    except OctetError as error:
        raise snapshot.located(error, taken.where) from error


def in_child(job: Job, tree: SourceTree, doing: str, on_wait: Optional[child.OnWait] = None,
             on_progress: Progress = lambda fraction, message: None) -> Dict:
    """What a job that makes no artifact finds, run from this source. Its output is a temporary folder that is gone
    then. doing: what that is needed for, in an error. Raises OctetError."""
    with scratch.folder("check", doing) as folder, durable_files.explained(doing, folder):
        output, log = folder / "output", folder / "check.log"
        output.mkdir()
        job = job._replace(output=str(output), origin=tree.origin)
        try:
            return child.run(job, on_progress, log, tree.write, on_wait)
        except StageDied as died:  # with its log, which lies in `folder`
            raise StageDied(died.what, where=died.where, why=died.why, next_step=died.next_step.replace(
                exit_reasons.whole_log(log), NOTHING_MADE)) from died
        except exit_reasons.Unexpected as error:
            next_step = error.next_step.replace(str(log), _kept(log))
            raise exit_reasons.Unexpected(error.what, where=error.where, why=error.why, next_step=next_step) from error


def _kept(log: Path) -> str:
    """The place of a copy of the log, which stays."""
    handle, name = tempfile.mkstemp(prefix="octet-traceback-", suffix=".log")
    with os.fdopen(handle, "wb") as out, log.open("rb") as source:
        shutil.copyfileobj(source, out)
    return name
