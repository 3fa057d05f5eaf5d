"""Reads every byte of the store, and moves what is damaged to quarantine.

The exit code is 11 if anything was damaged or could not be read, or if there is no store. The next run that needs a
damaged artifact makes it again. If a by-product (a log, events) is damaged, its artifact stays valid, and the
by-product is marked as lost. Folders that other users can write are reported too, because Octet would trust files that
they put there.
"""

import argparse
import os
from functools import partial
from typing import Callable, Collection, Dict, Iterator, Optional

from octet.errors import StoreError
from pipeline import settings
from pipeline.files.safe_tree import Misplaced, printable
from pipeline.store import upkeep
from pipeline.store.artifacts import Store
from pipeline.store.runs import Runs
from pipeline.store.shared_files import Inode
from pipeline.store.status import DAMAGED, INTACT

SHOWN = 3  # folders that others can write to; further ones are only counted


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--keep", action="store_true", help="leave damaged files where they are")


def run(arguments: argparse.Namespace) -> Optional[int]:
    store = Store(settings.load().store)
    if not os.path.lexists(str(store.root)):
        raise StoreError("there is no store", where=str(store.root),
                         why="nothing was made yet, or the disk that it is on is not mounted",
                         next_step="`store` in luigi.cfg says where it is")
    for line in _writable_by_others(store):
        _say(line)
    damaged = sum(1 for _ in _misplaced(store, arguments.keep))
    artifacts = store.list(strict=False)
    read: Dict[Inode, str] = {}  # a shard of several artifacts is read once
    for stage, key in artifacts:
        lines = _of_artifact(store, stage, key, arguments.keep, read)
        damaged += _reads_damage("{} {}".format(stage, key[:12]), lines)
    for lines in (_marks(store, arguments.keep), _runs(store, arguments.keep), _sources(store, arguments.keep)):
        damaged += sum(1 for _ in _each(lines))
    _checkpoints(store, arguments.keep)
    _say("{} artifacts read, {} damaged".format(len(artifacts), damaged))
    return StoreError.exit_code if damaged else None


def _say(line: str) -> None:
    print(printable(line))


def _reads_damage(name: str, lines: Iterator[str]) -> bool:
    """Prints the lines. Returns whether there were any. An error counts as a line, so that the rest is read too."""
    any_lines = False
    try:
        for line in lines:
            any_lines = True
            _say("{}: {}".format(name, line))
    except StoreError as error:
        _say("{}: {} ({})".format(name, error.what, error.where))
        return True
    return any_lines


def _each(lines: Iterator[str]) -> Iterator[str]:
    """The lines, followed by a line for an error that ends them."""
    try:
        yield from lines
    except StoreError as error:
        _say("{}: {}".format(error.where, error.what))
        yield error.what


def _writable_by_others(store: Store) -> Iterator[str]:
    folders = upkeep.writable_by_others(store)
    for path, who in folders[:SHOWN]:
        yield "{}: can be written by {}; `chmod go-w` and `chown` restrict it to its owner".format(path, who)
    if len(folders) > SHOWN:
        yield "{} more folders of the store can be written by others than its owner".format(len(folders) - SHOWN)


def _misplaced(store: Store, keep: bool) -> Iterator[str]:
    """The places of entries of the wrong kind. Moves each into quarantine, unless `keep`."""
    for place, error in upkeep.misplaced(store):
        _say("{}: {}".format(place, error.strerror))
        if isinstance(error, Misplaced) and not keep:
            _say("{}: {}".format(place, _attempt(partial(_move, store, place))))
        yield place


def _move(store: Store, place: str) -> str:
    return "in quarantine: {}".format(upkeep.put_aside(store, place))


def _of_artifact(store: Store, stage: str, key: str, keep: bool, read: Dict[Inode, str]) -> Iterator[str]:
    status = store.status(stage, key, hashed=True, read=read)
    if status.state == DAMAGED:
        yield from status.damage
        if not keep:
            yield _attempt(lambda: _quarantine(store, stage, key))
    if status.state == INTACT:
        damaged = upkeep.by_product_damage(store, stage, key, status.recorded)
        yield from damaged.values()
        if damaged and not keep:
            yield _attempt(lambda: _lose(store, stage, key, damaged))


def _attempt(work: Callable[[], str]) -> str:
    """The sentence that `work` returns, or one that says why it failed."""
    try:
        return work()
    except StoreError as error:
        return "left where it is: {}".format(error.what)


def _quarantine(store: Store, stage: str, key: str) -> str:
    try:
        with store.lock(stage, key).acquire(timeout=0):
            # Another process may have made it again before the lock was taken.
            if store.status(stage, key, hashed=True).state != DAMAGED:
                return "made again meanwhile"
            return "in quarantine: {}".format(store.quarantine(stage, key))
    except TimeoutError:
        return "in use: left where it is"


def _lose(store: Store, stage: str, key: str, paths: Collection[str]) -> str:
    try:
        with store.lock(stage, key).acquire(timeout=0):
            aside = upkeep.lose_by_products(store, stage, key, paths)
    except TimeoutError:
        return "in use: left where it is"
    marked = "marked as lost; no stage reads {}".format("it" if len(paths) == 1 else "them")
    return marked + "".join("; in quarantine: {}".format(path) for path in aside)


def _marks(store: Store, keep: bool) -> Iterator[str]:
    for kind, name, error in list(store.marks.damaged()):
        _say("mark {}/{}: {}".format(kind, name, error.what if error else "damaged"))
        if not keep and error is None:
            _say("mark {}/{}: {}".format(kind, name, _attempt(partial(store.marks.mend, kind, name))))
        yield name


def _runs(store: Store, keep: bool) -> Iterator[str]:
    for place, error in list(Runs(store.root).damaged()):
        _say("{}: {}".format(place, error.what if error else "the record of a run is damaged"))
        if not keep and error is None:
            _say("{}: {}".format(place, _attempt(partial(_move, store, place))))
        yield place


def _checkpoints(store: Store, keep: bool) -> None:
    """Moves damaged checkpoints to quarantine, unless `keep`. The training then continues from the one before. They do
    not count as damage, since no artifact is affected."""
    for stage, key in store.checkpoints.places():
        for name in store.checkpoints.damaged(stage, key):
            line = "{} {}: the checkpoint {} is not what was written".format(stage, key[:12], name)
            _say(line if keep else "{}; {}".format(line, _attempt(partial(_put_aside, store, stage, key, name))))


def _put_aside(store: Store, stage: str, key: str, name: str) -> str:
    try:
        with store.lock(stage, key).acquire(timeout=0):
            return "in quarantine: {}".format(store.checkpoints.put_aside(stage, key, name))
    except TimeoutError:
        return "in use: left where it is"


def _sources(store: Store, keep: bool) -> Iterator[str]:
    for sha256 in store.blobs.list():
        name = "source {}".format(sha256[:12])
        wrong = _attempt_read(store, sha256)
        if wrong is None:
            continue
        _say("{}: {}".format(name, wrong))
        if not keep and wrong == "damaged":
            _say("{}: {}".format(name, _attempt(partial(_remove, store, sha256))))
        yield sha256


def _attempt_read(store: Store, sha256: str) -> Optional[str]:
    try:
        return "damaged" if store.blobs.read(sha256) is None else None
    except StoreError as error:
        return error.what


def _remove(store: Store, sha256: str) -> str:
    store.blobs.remove(sha256)
    return "removed; the next run that uses this file stores it again"
