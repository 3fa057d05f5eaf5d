"""Lists what could be removed to free space; with --delete, removes it.

The files of an artifact are deleted, but its manifest stays: nothing downstream becomes stale, and everything can still
be traced. Artifacts that are fresh for a recipe, those of the last runs of each recipe, and pinned ones are kept.
Nothing that a running stage makes or reads is removed. A file that artifacts share, such as a shard of
PrepareData, exists until the last of them is removed: its bytes are counted with that one.

Checkpoints of a training that did not end are removed when they are older than `[octet] keep_partial` days (14).
"""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Iterator, List, NamedTuple, Optional

from octet import digest, sizes
from octet.errors import StoreError, UsageError
from pipeline import formatting, settings
from pipeline.files.safe_tree import printable
from pipeline.provenance import retention
from pipeline.store import shared_files, upkeep
from pipeline.store.artifacts import Store
from pipeline.store.checkpoints import UnfinishedTraining
from pipeline.store.runs import Runs
from pipeline.store.shared_files import SharedFiles
from pipeline.store.status import INTACT

if TYPE_CHECKING:
    from pipeline.store.record_types import Manifest

LAST_RUNS = 3
IN_USE = "in use: left alone"


class Row(NamedTuple):
    """Something that was or would be removed. bytes: the freed space. done: what was or would be done, in words."""

    stage: str
    key: str
    bytes: int
    finished: Optional[str]
    done: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--delete", action="store_true", help="remove it, instead of only listing it")
    mode.add_argument("--dry-run", action="store_true", help="only list what would be removed (the default)")
    parser.add_argument("--runs", type=int, default=LAST_RUNS, metavar="N",
                        help="how many of a recipe's last runs are kept ({})".format(LAST_RUNS))
    parser.add_argument("--quarantine", action="store_true", help="also remove what is in quarantine")
    parser.add_argument("--json", action="store_true", help="the same as JSON")


def run(arguments: argparse.Namespace) -> Optional[int]:
    if arguments.runs < 0:
        raise UsageError("a number of runs is not negative", where="--runs {}".format(arguments.runs),
                         why="it is the number of last runs of each recipe whose artifacts are kept",
                         next_step="give 0 or more; {} is the default".format(LAST_RUNS))
    config = settings.load()
    store = Store(config.store)
    with digest.kept_open():
        statuses = store.statuses(store.list())  # first, so that nothing that is made from now on is deleted
        reasons, troubles = retention.kept(store, statuses, Runs(store.root), config.recipes, arguments.runs)
        if troubles and arguments.delete:
            # Without the recipe, it is unknown which artifacts are fresh for it.
            raise troubles[0]
    for error in troubles:
        print("unknown which artifacts are fresh for a recipe: {}".format(error))
    rows: List[Row] = []
    failed: List[StoreError] = []
    # First remove what needs no note. On a full disk, this makes space for the notes of the rest.
    swept = upkeep.remove_left_workspaces(store) if arguments.delete else []
    for name in store.quarantined() if arguments.quarantine else ():
        rows += _row(_of_quarantine(store, name, arguments.delete), failed)
    for training in store.checkpoints.unfinished():
        status = statuses.get((training.stage, training.key))
        if training.is_older_than(config.keep_partial) or (status is not None and status.state == INTACT):
            rows += _row(_of_training(store, training, arguments.delete), failed)
    shared = SharedFiles()
    for (stage, key), status in sorted(statuses.items()):
        if (stage, key) not in reasons and status.state == INTACT:
            rows += _row(_of_artifact(store, stage, key, status.recorded, shared, arguments.delete), failed)
    _print(arguments, rows, len(statuses), len(swept))
    if failed:
        raise failed[0]
    return None


def _row(rows: Iterator[Row], failed: List[StoreError]) -> List[Row]:
    """The rows. An error is added to `failed`, and the other rows are still returned."""
    try:
        return list(rows)
    except StoreError as error:
        failed.append(error)
        return []


def _of_artifact(store: Store, stage: str, key: str, manifest: Manifest, shared: SharedFiles, delete: bool
                 ) -> Iterator[Row]:
    files = shared_files.of_artifact(store, stage, key)
    done = _drop(store, stage, key) if delete else "would go"
    yield Row(stage, key, 0 if done == IN_USE else shared.freed(files), manifest.get("finished"), done)


def _of_training(store: Store, training: UnfinishedTraining, delete: bool) -> Iterator[Row]:
    yield Row(training.stage, training.key, training.size_bytes, formatting.utc(training.written),
              "checkpoints after epoch {}: {}".format(
                  training.epochs_done, _drop_checkpoints(store, training) if delete else "would go"))


def _drop_checkpoints(store: Store, training: UnfinishedTraining) -> str:
    try:
        with store.lock(training.stage, training.key).acquire(timeout=0):
            store.checkpoints.remove(training.stage, training.key)
    except TimeoutError:
        return IN_USE
    return "gone"


def _of_quarantine(store: Store, name: str, delete: bool) -> Iterator[Row]:
    size = store.quarantine_folder.size(name)
    if size is None:
        return
    if delete:
        store.quarantine_folder.drop(name)
    stage, _, rest = name.partition("-")
    yield Row(printable(stage), printable(rest), size, None,
              "gone from quarantine" if delete else "would go from quarantine")


def _drop(store: Store, stage: str, key: str) -> str:
    try:
        with store.lock(stage, key).acquire(timeout=0):
            store.drop(stage, key, "nothing needed it")
    except TimeoutError:
        return IN_USE
    return "gone"


def _print(arguments: argparse.Namespace, rows: List[Row], there: int, swept: int) -> None:
    """there: the number of artifacts in the store. swept: the number of removed workspaces of killed runs."""
    if arguments.json:
        print(json.dumps([row._asdict() for row in rows], indent=1))
        return
    if rows:
        formatting.table(("stage", "key", "age", "size", ""), [
            [row.stage, row.key[:12], formatting.age(row.finished), sizes.size(row.bytes), row.done]
            for row in rows])
    freed = sizes.size(sum(row.bytes for row in rows if not row.done.endswith(IN_USE)))
    print("{} of {} artifacts, {}, {}".format(
        len(rows), there, freed, "gone" if arguments.delete else "would go: `octet gc --delete` does it"))
    if swept:
        print("{} leftovers of killed runs are gone".format(swept))
