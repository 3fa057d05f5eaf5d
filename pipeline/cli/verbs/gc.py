"""What could be removed to free space; with --delete, it is.

An artifact's bytes go and its manifest stays, so nothing below it becomes stale and everything can
still be traced. Kept is what is fresh for a recipe, what the last runs of each recipe came to, what is
pinned and what was released. Nothing that a running stage makes or reads is touched.

The checkpoints of a training that did not end go when they are older than `[octet] keep_partial` days (14).
"""

import argparse
import json
from typing import Iterator, List, Optional

from octet import digest
from octet.errors import StoreError, UsageError
from pipeline import formatting, settings
from pipeline.files.safe_tree import printable
from pipeline.provenance import retention
from pipeline.store.artifacts import Store
from pipeline.store.checkpoints import Interrupted
from pipeline.store.runs import Runs
from pipeline.store.status import INTACT

LAST_RUNS = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--delete", action="store_true", help="do it, rather than say what would be done")
    mode.add_argument("--dry-run", action="store_true", help="only say what would be done (the default)")
    parser.add_argument("--runs", type=int, default=LAST_RUNS, metavar="N",
                        help="how many of a recipe's last runs are kept ({})".format(LAST_RUNS))
    parser.add_argument("--quarantine", action="store_true", help="what is in quarantine too")
    parser.add_argument("--json", action="store_true", help="the same as JSON")


def run(arguments: argparse.Namespace) -> Optional[int]:
    if arguments.runs < 0:
        raise UsageError("a number of runs is not negative", where="--runs {}".format(arguments.runs),
                         why="so many of the last runs of each recipe keep their artifacts",
                         next_step="give 0 or more; {} is the default".format(LAST_RUNS))
    found = settings.load()
    store = Store(found.store)
    with digest.kept_open():
        looks = store.looks(store.list())  # first: what is made from here on is none of our business
        reasons, troubles = retention.kept(store, looks, Runs(store.root), found.recipes, arguments.runs)
        if troubles and arguments.delete:
            # What would be fresh for a recipe that cannot be read is not known.
            raise troubles[0]
    for error in troubles:
        print("not known what is fresh for it: {}".format(error))
    rows, failed = [], []
    # First what takes no note: on a disk that is full to the last block that makes space for the rest.
    swept = store.sweep() if arguments.delete else []
    for name in store.quarantined() if arguments.quarantine else ():
        rows += _row(_of_quarantine(store, name, arguments.delete), failed)
    for training in store.checkpoints.list():
        look = looks.get((training.stage, training.key))
        if training.is_older_than(found.keep_partial) or (look is not None and look.state == INTACT):
            rows += _row(_of_training(store, training, arguments.delete), failed)
    for (stage, key), look in sorted(looks.items()):
        if (stage, key) not in reasons and look.state == INTACT:
            rows += _row(_of_artifact(store, stage, key, look.manifest, arguments.delete), failed)
    _print(arguments, rows, len(looks), len(swept))
    if failed:
        raise failed[0]
    return None


def _row(rows: Iterator[dict], failed: List[StoreError]) -> List[dict]:
    """The rows; one that fails ends in `failed`, so that the others go on."""
    try:
        return list(rows)
    except StoreError as error:
        failed.append(error)
        return []


def _of_artifact(store: Store, stage: str, key: str, manifest: dict, delete: bool) -> Iterator[dict]:
    size = sum(output["bytes"] for output in manifest["outputs"])
    yield {"stage": stage, "key": key, "bytes": size, "finished": manifest.get("finished"),
           "done": _drop(store, stage, key) if delete else "would go"}


def _of_training(store: Store, training: Interrupted, delete: bool) -> Iterator[dict]:
    words = "checkpoints after epoch {}".format(training.epoch)
    yield {"stage": training.stage, "key": training.key, "bytes": training.bytes,
           "finished": formatting.utc(training.written),
           "done": "{}: {}".format(words, _drop_checkpoints(store, training)) if delete else
           "{}: would go".format(words)}


def _drop_checkpoints(store: Store, training: Interrupted) -> str:
    try:
        with store.lock(training.stage, training.key).acquire(timeout=0):
            store.checkpoints.remove(training.stage, training.key)
    except TimeoutError:
        return "in use: left alone"
    return "gone"


def _of_quarantine(store: Store, name: str, delete: bool) -> Iterator[dict]:
    size = store.quarantine_folder.size(name)
    if size is None:
        return
    if delete:
        store.quarantine_folder.drop(name)
    stage, _, rest = name.partition("-")
    yield {"stage": printable(stage), "key": printable(rest), "bytes": size, "finished": None,
           "done": "gone from quarantine" if delete else "would go from quarantine"}


def _drop(store: Store, stage: str, key: str) -> str:
    try:
        with store.lock(stage, key).acquire(timeout=0):
            store.drop(stage, key, "nothing needed it")
    except TimeoutError:
        return "in use: left alone"
    return "gone"


def _print(arguments: argparse.Namespace, rows: list, there: int, swept: int) -> None:
    if arguments.json:
        print(json.dumps(rows, indent=1))
        return
    if rows:
        formatting.table(("stage", "key", "age", "size", ""), [
            [row["stage"], row["key"][:12], formatting.age(row["finished"]), formatting.size(row["bytes"]), row["done"]]
            for row in rows])
    freed = formatting.size(sum(row["bytes"] for row in rows if not row["done"].endswith("in use: left alone")))
    print("{} of {} artifacts, {}, {}".format(
        len(rows), there, freed, "gone" if arguments.delete else "would go: `octet gc --delete` does it"))
    if swept:
        print("{} leftovers of killed runs are gone".format(swept))
