"""The run that this process is: its record in the store, from its beginning to its end."""

import os
import socket
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, Optional

from octet.errors import OctetError
from pipeline import formatting
from pipeline.execution import failures
from pipeline.execution.early_record import EarlyRecord, Recorded
from pipeline.settings import Settings
from pipeline.spec import upward
from pipeline.staleness.plan import Plan
from pipeline.staleness.verdict import Staleness
from pipeline.store.marks import current_user
from pipeline.store.runs import Runs, process_identity

# Known to the workers that Luigi forks, since it is set before they are.
_current = {}  # type: Dict[str, str]
_early = None  # type: Optional[EarlyRecord]


def current() -> Optional[str]:
    """The name of the run that is going on in this process; None outside one."""
    return _current.get("name")


@contextmanager
def refusals(found: Settings, target: str, recipe: Optional[str]) -> Iterator[None]:
    """What the block raises before `around` has begun is recorded as a run of the recipe that came to nothing.

    A block that takes long is recorded while it runs, so that a kill is recorded too. A recipe that is not there is
    recorded only where it has run before: it may have been misspelt."""
    global _early
    started = formatting.utc(time.time())
    _current.clear()
    _early = EarlyRecord(found, recipe, _facts(target, started))
    try:
        yield
    except BaseException as error:
        if not _current and isinstance(error, (Exception, KeyboardInterrupt)):
            _record_refusal(found, target, recipe, started, error)
        raise
    finally:
        _early.stop()


def _taken_over() -> Optional[Recorded]:
    """The record that was begun before it was known what there is to do, if one was."""
    return _early.stop() if _early is not None else None


def _record_refusal(found: Settings, target: str, recipe: Optional[str], started: str, error: BaseException) -> None:
    runs, begun = Runs(found.store), _taken_over()
    try:
        path = found.find_recipe(recipe or found.recipe).absolute()
    except OctetError:  # no such name: `error` says so, or something that came before it
        return
    try:
        if not path.is_file() and next(runs.of(path), None) is None:
            return
        record = {**_of(path), **_facts(target, started), "snapshot": None, "stages": {}, **_end_of(error)}
        _begin(runs, path, record, begun)
    except (OctetError, OSError) as trouble:
        print("this run is not recorded: {}".format(failures.first_line(trouble)), file=sys.stderr)


def around(plan: Callable[[], Plan], target: str, work: Callable[[], None]) -> None:
    """Does `work`, which is the making of `target`, and records it: what it raises, too.

    plan: the store as it is now. A run that finds everything fresh and changes nothing about the
    newest record of its recipe is not recorded again.
    Raises StoreError where a run that has something to do cannot be recorded."""
    first, begun = plan(), _taken_over()
    runs, recipe = Runs(first.store.root), first.snapshot.recipe
    if first.intact(target):
        if begun is not None:
            runs.remove(*begun)
        _after_nothing(runs, first, target, work)
        return
    verdicts = Staleness(first, runs).all()
    record = _begin(runs, recipe, {
        **_of(recipe), **_facts(target, formatting.utc(time.time())), "snapshot": first.snapshot.digest,
        "finished": None, "exit": None, "error": None,
        "stages": {stage: {"key": _key(first, stage), "made": False,
                           "why": list(verdicts[stage].reasons)} for stage in upward(target)}}, begun)
    _current["name"] = runs.name(recipe, record["number"])
    _then(work, lambda raised: _end(runs, plan, record, raised))


def _after_nothing(runs: Runs, plan: Plan, target: str, work: Callable[[], None]) -> None:
    _current["nothing to do"] = target
    started = formatting.utc(time.time())
    _then(work, lambda raised: _record_nothing(runs, plan, target, started, raised))


def _then(work: Callable[[], None], record: Callable[[Optional[BaseException]], None]) -> None:
    """Does `work`, and gives `record` what it raises, or None. Raises the same."""
    raised = None  # type: Optional[BaseException]
    try:
        work()
    except BaseException as error:
        raised = error
        raise
    finally:
        record(raised)


def _record_nothing(runs: Runs, plan: Plan, target: str, started: str, raised: Optional[BaseException]) -> None:
    recipe = plan.snapshot.recipe
    stages = {stage: {"key": _key(plan, stage), "made": False, "why": []} for stage in upward(target)}
    newest = next(runs.of(recipe), None)
    end = _end_of(raised)
    if newest is not None and newest["exit"] == end["exit"] and all(
            (newest["stages"].get(stage) or {}).get("key") == stages[stage]["key"]
            for stage in stages):
        return
    try:
        runs.begin(recipe, {**_of(recipe), **_facts(target, started), "snapshot": plan.snapshot.digest,
                            "stages": stages, **end})
    except OctetError as error:  # all that was asked for is there, in a store that is read-only
        print("this run is not recorded: {}".format(error.what), file=sys.stderr)


def _end(runs: Runs, plan: Callable[[], Plan], record: dict, raised: Optional[BaseException]) -> None:
    try:
        now = plan()
        for stage, said in record["stages"].items():
            said["key"] = _key(now, stage) or said["key"]
            made = now.look(stage).manifest
            said["made"] = made is not None and made["run"] == _current["name"]
    except OctetError as error:  # the store cannot be read any more
        print("what this run made is not recorded: {}".format(error.what), file=sys.stderr)
    try:
        runs.end(Path(record["recipe"]["path"]), dict(record, **_end_of(raised)))
    except OctetError as error:  # its beginning is recorded, and so is every artifact
        print("the end of this run is not recorded: {}".format(error.what), file=sys.stderr)


def _begin(runs: Runs, recipe: Path, record: Dict[str, Any], begun: Optional[Recorded]) -> Dict[str, Any]:
    """`record` with its number, kept, in the place of the one that was begun before."""
    if begun is not None and begun.recipe == recipe:
        return runs.end(recipe, {"number": begun.number, **record})
    if begun is not None:
        runs.remove(*begun)
    return runs.begin(recipe, record)


def _of(recipe: Path) -> Dict[str, Any]:
    return {"recipe": {"name": recipe.stem, "path": str(recipe)}}


def _facts(target: str, started: str) -> Dict[str, Any]:
    """What every record has, beside its recipe."""
    return {"target": target, "started": started,
            "host": socket.gethostname(), "pid": os.getpid(), "process": process_identity(os.getpid()),
            "by": current_user(), "argv": sys.argv[1:]}


def _end_of(raised: Optional[BaseException]) -> Dict[str, Any]:
    return {"finished": formatting.utc(time.time()), "exit": 0 if raised is None else failures.exit_code(raised),
            "error": None if raised is None else failures.first_line(raised)}


def _key(plan: Plan, stage: str) -> Optional[str]:
    known = plan.key(stage)
    return known[0] if known else None
