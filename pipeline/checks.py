"""A check of `tasks`, run on a recipe: it can refuse the work, and makes and leaves nothing."""

import tempfile
from pathlib import Path
from typing import Dict, List

from octet.datasets.dataset import PARTS
from octet.errors import OctetError, StageDied
from octet.job import Job
from pipeline import child, disk, snapshot
from pipeline.snapshot import Snapshot


def warnings(metrics: Dict) -> List[str]:
    """What is to be said about the files that a dataset has read, as its stage or check reports them."""
    return ["warning: the dataset's `load` reads {}, which is not below data.args.path: it is in the key only if "
            "`digest` reads it too".format(path) for path in metrics.get("read_outside_data_path", ())]


def run(taken: Snapshot, check: str) -> Dict:
    """What the check finds, its errors with their place in the recipe. It writes into the system's temporary
    folder alone: what is refused leaves no trace in the store. `taken` has its source (`with_source`).
    Raises OctetError."""
    tree = taken.trees[check]
    with disk.explained("check a recipe", Path("the system's temporary folder")), \
            tempfile.TemporaryDirectory(prefix="octet-check-") as folder:
        output = Path(folder) / "output"
        output.mkdir()
        job = Job(stage=check, settings=taken.sections, inputs={}, output=str(output), recipe_folder=str(taken.folder),
                  parts=PARTS, origin=tree.origin)
        try:
            return child.run(job, lambda fraction, message: None, Path(folder) / "check.log", tree.write)
        except StageDied as died:  # with its log, which lies in `folder`
            raise StageDied(died.what, where=died.where, why=died.why,
                            next_step="those were its last lines; nothing has been trained or written") from died
        except OctetError as error:
            raise snapshot.located(error, taken.where) from error
