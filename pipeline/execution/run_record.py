"""Records this process's run in the store, from its beginning to its end."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Callable, Dict, Iterable, Iterator, List, Optional, cast

from octet.errors import OctetError
from pipeline import formatting
from pipeline.execution import run_facts, run_failures
from pipeline.execution.early_record import EarlyRecord, Recorded
from pipeline.settings import Settings
from pipeline.stage_specs import upward
from pipeline.staleness.freshness import Staleness
from pipeline.staleness.plan import Plan
from pipeline.store.runs import Runs

if TYPE_CHECKING:
    from pipeline.store.record_types import Run, RunStage, UnnumberedRun

# Set before Luigi forks its workers, which inherit it.
_current: Dict[str, str] = {}
_early: Optional[EarlyRecord] = None


def current() -> Optional[str]:
    """The name of this process's run; None outside a run."""
    return _current.get("name")


@contextmanager
def refusals(settings: Settings, target: str, recipe: Optional[str]) -> Iterator[None]:
    """Records an exception that the block raises before `around` begins, as a run of the recipe that made nothing.

    If the block takes long, the record is begun while it runs, so that a killed run is recorded too. For a recipe file
    that does not exist, a run is recorded only if the recipe has run before: its name may be misspelt."""
    global _early
    started = formatting.utc(time.time())
    _current.clear()
    _early = EarlyRecord(settings, recipe, target, started)
    try:
        yield
    except BaseException as error:
        if not _current and isinstance(error, (Exception, KeyboardInterrupt)):
            _record_refusal(settings, target, recipe, started, error)
        raise
    finally:
        _early.stop()


def _take_early_record() -> Optional[Recorded]:
    """The record that `_early` has begun, which the caller must end or remove; None if there is none."""
    return _early.stop() if _early is not None else None


def _record_refusal(settings: Settings, target: str, recipe: Optional[str], started: str,
                    error: BaseException) -> None:
    runs, begun = Runs(settings.store), _take_early_record()
    try:
        path = settings.find_recipe(recipe or settings.recipe).absolute()
    except OctetError:  # an unknown recipe name; `error` already reports it or an earlier problem
        return
    try:
        if not path.is_file() and next(runs.of(path), None) is None:
            return
        record = run_facts.begun(path, target, started, None, {})
        run_facts.set_end(record, error)
        _begin(runs, path, record, begun)
    except (OctetError, OSError) as trouble:
        print("this run is not recorded: {}".format(run_failures.first_line(trouble)), file=sys.stderr)


def around(first: Plan, plan: Callable[[], Plan], target: str, wanted_stages: List[str],
           work: Callable[[], None]) -> None:
    """Calls `work`, which makes `target` and the stages `wanted_stages`, and records the run, even if `work` raises.

    first: the plan from which `wanted_stages` was found. plan: returns a plan of the present store. A run with nothing
    to do is recorded only if its record would differ from the newest one of its recipe. Raises StoreError if a run with
    something to do cannot be recorded."""
    begun = _take_early_record()
    runs, recipe = Runs(first.store.root), first.snapshot.recipe
    if first.intact(target) and not wanted_stages:
        if begun is not None:
            runs.remove(*begun)
        _after_nothing(runs, first, target, work)
        return
    staleness = Staleness(first, runs).all()
    stages: Dict[str, RunStage] = {
        stage: {"key": _key(first, stage), "made": False, "why": list(staleness[stage].reasons)}
        for stage in upward(target)}
    record = _begin(runs, recipe, run_facts.begun(
        recipe, target, formatting.utc(time.time()), first.snapshot.digest, stages), begun)
    _current["name"] = runs.name(recipe, record["number"])
    _call(work, lambda raised: _end(runs, plan, record, raised))


def _after_nothing(runs: Runs, plan: Plan, target: str, work: Callable[[], None]) -> None:
    _current["nothing to do"] = target
    started = formatting.utc(time.time())
    _call(work, lambda raised: _record_nothing(runs, plan, target, started, raised))


def _call(work: Callable[[], None], record: Callable[[Optional[BaseException]], None]) -> None:
    """Calls `work`, then `record` with the exception that `work` raised, or None. Raises that exception again."""
    raised: Optional[BaseException] = None
    try:
        work()
    except BaseException as error:
        raised = error
        raise
    finally:
        record(raised)


def _record_nothing(runs: Runs, plan: Plan, target: str, started: str, raised: Optional[BaseException]) -> None:
    recipe = plan.snapshot.recipe
    stages: Dict[str, RunStage] = {
        stage: {"key": _key(plan, stage), "made": False, "why": []} for stage in upward(target)}
    newest = next(runs.of(recipe), None)
    exit_code = 0 if raised is None else run_failures.exit_code(raised)
    if newest is not None and newest["exit"] == exit_code and \
            _keys(newest["stages"], stages) == _keys(stages, stages):
        return
    record = run_facts.begun(recipe, target, started, plan.snapshot.digest, stages)
    run_facts.set_end(record, raised)
    try:
        runs.begin(recipe, record)
    except OctetError as error:  # everything is complete, but the store is read-only
        print("this run is not recorded: {}".format(error.what), file=sys.stderr)


def _keys(recorded: Dict[str, RunStage], stages: Iterable[str]) -> List[Optional[str]]:
    """The recorded keys of the stages; None for a stage that is not recorded."""
    return [recorded[stage]["key"] if stage in recorded else None for stage in stages]


def _end(runs: Runs, plan: Callable[[], Plan], record: Run, raised: Optional[BaseException]) -> None:
    try:
        plan_now = plan()
        for stage, in_run in record["stages"].items():
            in_run["key"] = _key(plan_now, stage) or in_run["key"]
            manifest = plan_now.status(stage).manifest
            in_run["made"] = manifest is not None and manifest["run"] == _current["name"]
    except OctetError as error:  # the store can no longer be read
        print("what this run made is not recorded: {}".format(error.what), file=sys.stderr)
    try:
        run_facts.set_end(record, raised)
        runs.end(Path(record["recipe"]["path"]), record)
    except OctetError as error:  # the beginning of the run and all artifacts are recorded
        print("the end of this run is not recorded: {}".format(error.what), file=sys.stderr)


def _begin(runs: Runs, recipe: Path, record: UnnumberedRun, begun: Optional[Recorded]) -> Run:
    """Writes the record, replacing the one that `_early` has begun. Returns it with its number."""
    if begun is not None and begun.recipe == recipe:
        return runs.end(recipe, cast("Run", {"number": begun.number, **record}))
    if begun is not None:
        runs.remove(*begun)
    return runs.begin(recipe, record)


def _key(plan: Plan, stage: str) -> Optional[str]:
    identity = plan.key(stage)
    return identity.key if identity else None
