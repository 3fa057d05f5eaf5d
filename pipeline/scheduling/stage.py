"""One stage of the pipeline as a Luigi task."""

from __future__ import annotations

import signal
import sys
from typing import Any, Dict, FrozenSet, List, Optional, Sequence, Set, Tuple

import luigi
import luigi.rpc

from octet.data.dataset import PARTS
from octet.errors import DataChanged, DatasetError, OctetError, StageDied, UsageError
from pipeline import settings
from pipeline.execution import data_limits, preflight, run_failures
from pipeline.execution.make import Making, input_missing
from pipeline.inputs import snapshot as snapshots
from pipeline.inputs.snapshot import Snapshot
from pipeline.inputs.source_tree import SourceTree
from pipeline.process.child_environment import withheld
from pipeline.scheduling.set_parameter import SetParameter
from pipeline.stage_specs import PREPARE_DATA, STAGES, SUMMARIZE, StageSpec
from pipeline.staleness.plan import Plan
from pipeline.store import recipe_variants
from pipeline.store.artifacts import Store
from pipeline.terminal import unexpected_error

_SETTINGS: List[settings.Settings] = []


def settings_now() -> settings.Settings:
    """The settings, read once in this process. Later changes of luigi.cfg take effect in the next run."""
    if not _SETTINGS:
        _SETTINGS.append(settings.load())
    return _SETTINGS[0]


_SNAPSHOTS: Dict[str, Snapshot] = {}
"""{recipe, or name of the snapshot: snapshot} of all snapshots that this process has taken."""


def snapshot_of(recipe: str, target: Optional[str] = None) -> Snapshot:
    """The snapshot of `recipe`, taken once in this process. It contains the bytes of the source if the stage `target`,
    or a stage wanted with it, must be made."""
    if recipe not in _SNAPSHOTS:
        taken_snapshot = snapshots.take(settings_now().find_recipe(recipe))
        if target is not None and _has_work(Plan(taken_snapshot, Store(settings_now().store)), target):
            taken_snapshot = snapshots.with_source(taken_snapshot)
            for variable in withheld():
                print("{} is not passed to the stages: it could change results, and keys do not contain it".format(
                    variable), file=sys.stderr, flush=True)
        _SNAPSHOTS[recipe] = taken_snapshot
        same_name = _SNAPSHOTS.setdefault(snapshots.name(taken_snapshot.digest), taken_snapshot)
        if same_name.digest != taken_snapshot.digest:
            raise UsageError("two snapshots have the same name", where=recipe,
                             why="{} and {} begin with the same digits".format(same_name.digest, taken_snapshot.digest),
                             next_step="run one recipe at a time")
    return _SNAPSHOTS[recipe]


def _has_work(plan: Plan, target: str) -> bool:
    return not plan.intact(target) or bool(plan.wanted(target).made)


def forget_snapshots() -> Dict[str, Snapshot]:
    """Forgets all snapshots, so that the next task takes a new one. Returns {recipe or name: snapshot} of them."""
    forgotten = dict(_SNAPSHOTS)
    _SNAPSHOTS.clear()
    return forgotten


class Stage(luigi.Task):
    """A stage. It is complete if its artifact and all upstream artifacts are intact."""

    recipe = luigi.OptionalParameter(
        default=None, description="a name in recipes/, or a path; luigi.cfg has the default")
    snapshot = luigi.OptionalParameter(
        default=None, description="the first {} digits of a snapshot of recipe, data and source; by default, a new "
                                  "one is taken".format(snapshots.NAME_DIGITS))

    # Not significant: the recipe that results from it is.
    set = SetParameter(default=(), significant=False, positional=False,
                       description="KEY=VALUE, such as train.epochs=5: changes a value of the recipe; may be repeated")

    @classmethod
    def get_param_values(cls, params: Sequence[Tuple[str, luigi.Parameter]], args: Sequence[Any],
                         kwargs: Dict[str, Any]) -> List[Tuple[str, Any]]:
        values = dict(super().get_param_values(params, args, kwargs))
        values["recipe"] = values["recipe"] or settings_now().recipe
        if values["set"]:
            config = settings_now()
            values["recipe"] = str(recipe_variants.written(
                config.find_recipe(values["recipe"]), values["set"], config.store, config.find_recipe))
            values["set"] = ()
        # Significant: the scheduler tells tasks with different content apart by it alone.
        values["snapshot"] = snapshots.name(
            values["snapshot"] or snapshot_of(values["recipe"], cls.get_task_family()).digest)
        return [(name, values[name]) for name, _ in params]

    _scheduler_unreachable = False

    wanted_stages: FrozenSet[str] = frozenset()
    """The wanted stages that this run makes in addition to its target. Set before Luigi forks."""

    @property
    def spec(self) -> StageSpec:
        return STAGES[self.task_family]

    @property
    def taken_snapshot(self) -> Snapshot:
        """The snapshot whose name is the task's parameter `snapshot`."""
        if self.snapshot not in _SNAPSHOTS:
            self._expect(snapshot_of(self.recipe))
        return _SNAPSHOTS[self.snapshot]

    @property
    def source(self) -> Dict[str, SourceTree]:
        """{module in `tasks`: the source of its job}. Reads the source now unless the snapshot contains it."""
        if not self.taken_snapshot.trees:
            taken_snapshot = snapshots.with_source(self.taken_snapshot)
            self._expect(taken_snapshot)
            _SNAPSHOTS[self.snapshot] = taken_snapshot
        return self.taken_snapshot.trees

    @property
    def modules(self) -> Set[str]:
        """The top-level names of the installed modules that the stage and its checks import. Empty if the source has
        not been read."""
        taken_snapshot = _SNAPSHOTS.get(self.snapshot)
        trees = taken_snapshot.trees if taken_snapshot else {}
        return {name for job in (self.spec.module, *self.spec.checks) if job in trees for name in trees[job].modules}

    def _expect(self, taken_snapshot: Snapshot) -> None:
        if snapshots.name(taken_snapshot.digest) != self.snapshot:
            raise UsageError(
                "the recipe, its data or the source is no longer what was asked for",
                where=self.recipe, why="snapshot {} was asked for, but now it would be {}".format(
                    self.snapshot, snapshots.name(taken_snapshot.digest)),
                next_step="run it again, without --snapshot")

    def plan(self) -> Plan:
        """A new plan for this snapshot, from the present state of the store."""
        return Plan(self.taken_snapshot, Store(settings_now().store))

    def requires(self) -> List[Stage]:
        limited_by = self.plan().required if self._is_limited else ()
        return [self.of_same_snapshot(name) for name in (*self.spec.needs, *limited_by)]

    @property
    def _is_limited(self) -> bool:
        """Whether the stage is made only if the data keeps to its limits: all but PrepareData and SummarizeData."""
        return self.spec.name != SUMMARIZE and not self.spec.name.startswith(PREPARE_DATA)

    def of_same_snapshot(self, name: str) -> Stage:
        """The task of the stage `name` for the same recipe and snapshot."""
        task: Stage = luigi.task_register.Register.get_task_cls(name)(self.recipe, self.snapshot)
        return task

    @property
    def priority(self) -> int:
        """1 for a stage that another stage wants, so that it runs before that stage if both can run; otherwise 0."""
        return int(any(self.spec.name in spec.wants for spec in STAGES.values()))

    def complete(self) -> bool:
        try:
            return self.plan().intact(self.spec.name)
        except Exception as error:
            self.record_failure(unexpected_error.explained(error, self.spec.name))
            raise

    def output(self) -> luigi.LocalTarget:
        # While an upstream artifact is missing, the key is unknown; the target is then a path that never exists.
        folder = self.plan().folder(self.spec.name)
        return luigi.LocalTarget(str(
            folder / "manifest.json" if folder else
            settings_now().store / "unknown" / self.spec.name / self.snapshot / "manifest.json"))

    def run(self) -> None:
        try:
            self._make()
        except DataChanged:
            raise
        except DatasetError as error:
            # For example, a picture that is being written cannot be decoded.
            if snapshots.has_data_as_taken(self.taken_snapshot, PARTS):
                raise
            why = "{}\nthe data has changed since its snapshot was taken".format(error.why)
            raise DataChanged(error.what, error.where, why, error.next_step) from error

    def _make(self) -> None:
        plan, name = self.plan(), self.spec.name
        if self._is_limited:
            data_limits.expect_kept(plan)
        identity = plan.key(name)
        if identity is None:
            raise input_missing(name, ", ".join(self.spec.needs))
        # The checks come before the lock and the log, so that a refused recipe leaves nothing in the store. A check
        # makes no artifact, so its source is not in the key.
        source = self.source  # before the checks: raises UsageError if the source was edited
        making = Making(self.spec, self.taken_snapshot, source, self.recipe, self._tell_scheduler)
        notes: List[str] = []
        for check in self.spec.checks:
            self._tell_scheduler(0.0, "checking that the recipe is fit to run")
            report = preflight.once(self.taken_snapshot, check, on_wait=making.print_waiting)
            if plan.intact(SUMMARIZE):
                report = preflight.without_data_notes(report)
            notes.extend(preflight.notes(report))
            making.print_remarks(preflight.remarks(report))
        making.make(plan, *identity, notes)
        self._tell_scheduler(1.0, "done")

    def _tell_scheduler(self, fraction: Optional[float], message: str) -> None:
        """Updates the scheduler's page. If the scheduler does not answer, the work goes on, this task sends it nothing
        more, and the run reports the problem at its end."""
        # Luigi sets these methods only inside a worker's run().
        if self._scheduler_unreachable or not self.set_progress_percentage:
            return
        try:
            if fraction is not None:
                self.set_progress_percentage(round(100 * fraction))
            self.set_status_message(message)
        except luigi.rpc.RPCError:
            self._scheduler_unreachable = True

    def record_failure(self, error: OctetError) -> None:
        """Records the failure. It ends the run, unless the stage is one of `wanted_stages`."""
        if self.spec.name in Stage.wanted_stages:
            run_failures.record_of_wanted_stage(self.spec.name, error)
        else:
            run_failures.record(error)

    def on_failure(self, exception: BaseException) -> str:
        """The text for the scheduler's page: an OctetError's parts, or another error's traceback."""
        if isinstance(exception, OctetError):
            return str(exception)
        return str(super().on_failure(exception))


# The handlers below cover all events with which Luigi reports the failure of a task.

@Stage.event_handler(luigi.Event.FAILURE)
@Stage.event_handler(luigi.Event.BROKEN_TASK)
def _record(task: Stage, error: BaseException) -> None:
    if isinstance(error, luigi.rpc.RPCError):
        return  # not a failure of the stage: the run reports that the scheduler does not answer
    task.record_failure(unexpected_error.explained(error, task.task_family))


@Stage.event_handler(luigi.Event.PROCESS_FAILURE)
@Stage.event_handler(luigi.Event.TIMEOUT)
def _record_death(task: Stage, message: str) -> None:
    """message: Luigi's text: '... died unexpectedly with exit code -9' or '... timed out after 5 seconds ...'."""
    code = message.rpartition("exit code ")[2]
    if code.startswith("-") and code[1:].isdigit():
        what = "Luigi's process for it was killed by {}".format(signal.Signals(int(code[1:])).name)
    else:
        what = "Luigi's process for it {}".format(message.partition(task.task_id)[2].strip() or message)
    task.record_failure(StageDied(what, where=task.task_family, why="nothing of it was published",
                                  next_step="start the same command again: complete stages are kept"))
