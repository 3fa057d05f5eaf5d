"""The run that this process is: its record in the store, from its beginning to its end."""

import getpass
import os
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import Callable, Optional

from octet.errors import StoreError
from pipeline import disk, words
from pipeline.plan import Plan
from pipeline.runs import Runs
from pipeline.spec import upward
from pipeline.staleness import Staleness

# Known to the workers that Luigi forks, since it is set before they are.
_current = {}  # type: Dict[str, str]
# A byte for each stage that has begun, in whatever process: its file is open before they are forked.
_begun = None


def begun() -> None:
    """A stage of the run has passed its checks, and begins to write into the store."""
    if _begun is not None:
        os.write(_begun.fileno(), b".")


def current() -> Optional[str]:
    """The name of the run that is going on in this process; None outside one."""
    return _current.get("name")


def around(plan: Callable[[], Plan], target: str, work: Callable[[], int]) -> int:
    """The exit code of `work`, run as the making of `target`, and recorded.

    plan: the store as it is now. A run that finds everything fresh and changes nothing about the
    newest record of its recipe is not recorded again; nor is one that was refused before a stage began.
    Raises StoreError where a run that has something to do cannot be recorded."""
    first = plan()
    global _begun
    runs, recipe = Runs(first.store.root), first.snapshot.recipe
    if first.intact(target):
        return _after_nothing(runs, first, target, work)
    verdicts = Staleness(first, runs).all()
    record = runs.begin(recipe, {
        "recipe": {"name": recipe.stem, "path": str(recipe)}, "snapshot": first.snapshot.digest,
        "target": target, "started": words.utc(time.time()), "finished": None, "exit": None,
        "host": socket.gethostname(), "pid": os.getpid(), "by": user(), "argv": sys.argv[1:],
        "stages": {stage: {"key": _key(first, stage), "made": False,
                           "why": list(verdicts[stage].reasons)} for stage in upward(target)}})
    _current["name"] = runs.name(recipe, record["number"])
    code = 1
    with disk.explained("record a run", Path("the system's temporary folder")):
        _begun = tempfile.TemporaryFile("ab", buffering=0)
    with _begun:
        try:
            code = work()
        finally:
            if code and not os.fstat(_begun.fileno()).st_size:
                runs.forget(recipe, record["number"])
            else:
                _end(runs, plan(), record, code)
    return code


def _after_nothing(runs: Runs, plan: Plan, target: str, work: Callable[[], int]) -> int:
    started = words.utc(time.time())
    code = work()
    recipe = plan.snapshot.recipe
    stages = {stage: {"key": _key(plan, stage), "made": False, "why": []} for stage in upward(target)}
    newest = next(runs.of(recipe), None)
    if newest is not None and newest["exit"] == code and all(
            (newest["stages"].get(stage) or {}).get("key") == stages[stage]["key"]
            for stage in stages):
        return code
    try:
        runs.begin(recipe, {
            "recipe": {"name": recipe.stem, "path": str(recipe)}, "snapshot": plan.snapshot.digest,
            "target": target, "started": started, "finished": words.utc(time.time()), "exit": code,
            "host": socket.gethostname(), "pid": os.getpid(), "by": user(), "argv": sys.argv[1:],
            "stages": stages})
    except StoreError as error:  # all that was asked for is there, in a store that is read-only
        print("this run is not recorded: {}".format(error.what), file=sys.stderr)
    return code


def _end(runs: Runs, plan: Plan, record: dict, code: int) -> None:
    for stage, said in record["stages"].items():
        said["key"] = _key(plan, stage) or said["key"]
        made = plan.look(stage).manifest
        said["made"] = made is not None and made["run"] == _current["name"]
    try:
        runs.end(plan.snapshot.recipe, dict(record, finished=words.utc(time.time()), exit=code))
    except StoreError as error:  # its beginning is recorded, and so is every artifact
        print("the end of this run is not recorded: {}".format(error.what), file=sys.stderr)


def _key(plan: Plan, stage: str) -> Optional[str]:
    known = plan.key(stage)
    return known[0] if known else None


def user() -> str:
    """Who does this, for a record that a person reads."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without an entry
        return str(os.getuid())
