"""One stage of the pipeline as a Luigi task: when it is complete, where its artifact is, its run."""

import signal
import sys
from contextlib import ExitStack
from typing import Dict, List, Optional

import luigi
import luigi.rpc

from octet.errors import OctetError, StageDied, UsageError
from pipeline import settings
from pipeline.execution import failures, preflight
from pipeline.execution.make import Making
from pipeline.inputs import snapshot
from pipeline.inputs.source_tree import SourceTree
from pipeline.process.child_environment import withheld
from pipeline.scheduling.set_parameter import SetParameter
from pipeline.spec import STAGES
from pipeline.staleness.plan import Plan
from pipeline.store import variants
from pipeline.store.artifacts import Store
from pipeline.store.status import INTACT
from pipeline.terminal import unexpected

_SETTINGS = []  # type: List[settings.Settings]


def settings_now() -> settings.Settings:
    """The settings that this process works by. A store that is changed in luigi.cfg meanwhile is the next run's."""
    if not _SETTINGS:
        _SETTINGS.append(settings.load())
    return _SETTINGS[0]


# Every snapshot taken by this process, by recipe and by name. Nothing re-reads a recipe later.
_SNAPSHOTS = {}  # type: Dict[str, snapshot.Snapshot]


def snapshot_of(recipe: str, target: Optional[str] = None) -> "snapshot.Snapshot":
    """The one look at `recipe`, its data and the source that this process takes. Where the stage `target` is still to
    be made, it has the bytes of the source."""
    if recipe not in _SNAPSHOTS:
        taken = snapshot.take(settings_now().find_recipe(recipe))
        if target is not None and not Plan(taken, Store(settings_now().store)).intact(target):
            taken = snapshot.with_source(taken)
            for variable in withheld():
                print("{} is not passed on to the stages: it could change results, and is in no key".format(variable),
                      file=sys.stderr, flush=True)
        _SNAPSHOTS[recipe] = taken
        known = _SNAPSHOTS.setdefault(snapshot.name(taken.digest), taken)
        if known.digest != taken.digest:
            raise UsageError("two snapshots have one name", where=recipe,
                             why="{} and {} begin alike".format(known.digest, taken.digest),
                             next_step="run one recipe at a time")
    return _SNAPSHOTS[recipe]


class Stage(luigi.Task):
    """A stage whose artifact is intact, all the way up, when it is complete."""

    recipe = luigi.OptionalParameter(
        default=None, description="a name in recipes/, or a path; luigi.cfg has the default")
    snapshot = luigi.OptionalParameter(
        default=None, description="of recipe, data and source, the first {} digits; taken when not given".format(
            snapshot.NAME_DIGITS))

    # The recipe that comes of it is a significant parameter, so this one need not be.
    set = SetParameter(default=(), significant=False, positional=False,
                       description="KEY=VALUE, such as train.epochs=5: the recipe with that value; may be repeated")

    @classmethod
    def get_param_values(cls, params, args, kwargs):
        values = dict(super().get_param_values(params, args, kwargs))
        values["recipe"] = values["recipe"] or settings_now().recipe
        if values["set"]:
            found = settings_now()
            values["recipe"] = str(variants.written(
                found.find_recipe(values["recipe"]), values["set"], found.store, found.find_recipe))
            values["set"] = ()
        # A significant parameter: the scheduler tells two contents apart by it alone.
        values["snapshot"] = snapshot.name(
            values["snapshot"] or snapshot_of(values["recipe"], cls.get_task_family()).digest)
        return [(name, values[name]) for name, _ in params]

    _deaf = False  # whether the scheduler has stopped answering

    @property
    def spec(self):
        return STAGES[self.task_family]

    @property
    def taken(self) -> "snapshot.Snapshot":
        """The snapshot that this task is about."""
        if self.snapshot not in _SNAPSHOTS:
            self._expect(snapshot_of(self.recipe))
        return _SNAPSHOTS[self.snapshot]

    @property
    def source(self) -> Dict[str, SourceTree]:
        """{file in `tasks`: the bytes of its source}, read now if the snapshot was only looked at so far."""
        if not self.taken.trees:
            taken = snapshot.with_source(self.taken)
            self._expect(taken)
            _SNAPSHOTS[self.snapshot] = taken
        return self.taken.trees

    def _expect(self, taken: "snapshot.Snapshot") -> None:
        if snapshot.name(taken.digest) != self.snapshot:
            raise UsageError(
                "the recipe, its data or the source is no longer what was asked for",
                where=self.recipe, why="snapshot {} was asked for, there is {}".format(
                    self.snapshot, snapshot.name(taken.digest)),
                next_step="run it again, without --snapshot")

    def plan(self) -> Plan:
        """What the store holds for this snapshot, looked at anew."""
        return Plan(self.taken, Store(settings_now().store))

    def requires(self) -> List["Stage"]:
        return [luigi.task_register.Register.get_task_cls(name)(self.recipe, self.snapshot)
                for name in self.spec.needs + self.spec.order_only]

    def complete(self) -> bool:
        try:
            plan = self.plan()
            return all(plan.intact(name) for name in (self.spec.name,) + self.spec.order_only)
        except Exception as error:
            failures.record(unexpected.explained(error, self.spec.name))
            raise

    def output(self) -> luigi.LocalTarget:
        # Until the upstream is there the key is unknown: a target that does not exist yet.
        folder = self.plan().folder(self.spec.name)
        return luigi.LocalTarget(str(
            folder / "manifest.json" if folder else
            settings_now().store / "unknown" / self.spec.name / self.snapshot / "manifest.json"))

    def run(self) -> None:
        plan, name = self.plan(), self.spec.name
        identified = plan.key(name)
        if identified is None:
            raise self._gone(", ".join(self.spec.needs))
        # Before the lock and the log: what is refused leaves nothing in the store. A check makes nothing, so its
        # source is not in the key.
        source = self.source  # first: where it is not what the snapshot says, this is another snapshot
        making = Making(self.spec, self.taken, source, self.recipe, self._tell_scheduler)
        notes = []  # type: List[str]
        for check in self.spec.checks:
            self._tell_scheduler(0.0, "checking that the recipe is fit to run")
            found = preflight.once(self.taken, check, on_wait=making.say_silent)
            notes.extend(found.get("notes", ()))
            making.say(preflight.remarks(found))
        key, preimage = identified
        with plan.store.lock(name, key, on_wait=self._say_waiting), ExitStack() as inputs:
            # Another process may have made it while this one waited for the lock.
            plan = self.plan()
            if not plan.intact(name):
                for need in self.spec.needs:
                    inputs.enter_context(plan.store.lock(need, plan.key(need)[0], shared=True))
                self._check_inputs(plan)
                making.make(plan, key, preimage, notes)
        self._tell_scheduler(1.0, "done")

    def _check_inputs(self, plan: Plan) -> None:
        """Under their locks: nobody can drop them from here on."""
        for need in self.spec.needs:
            key = plan.key(need)[0]
            if plan.store.state(need, key) != INTACT:
                raise self._gone(need)

    def _gone(self, what: str) -> OctetError:
        return OctetError("what it needs is gone", where=self.spec.name, why="needs {}".format(what),
                          next_step="run it again: what is missing is made again")

    def _say_waiting(self) -> None:
        self._tell_scheduler(0.0, "another run is making it: waiting for that")
        print("{}: another run is making it: waiting for that".format(self.spec.name),
              file=sys.stderr, flush=True)

    def _tell_scheduler(self, fraction: Optional[float], message: str) -> None:
        """What the scheduler's page shows. A scheduler that is gone is no reason to hold up work: it
        is told nothing more, and the run says at its end that it is gone."""
        # Luigi sets these only inside a worker's run().
        if self._deaf or not self.set_progress_percentage:
            return
        try:
            if fraction is not None:
                self.set_progress_percentage(round(100 * fraction))
            self.set_status_message(message)
        except luigi.rpc.RPCError:
            self._deaf = True

    def on_failure(self, exception: BaseException) -> str:
        """What the scheduler's page shows: the four parts, and a traceback for the unexpected only."""
        if isinstance(exception, OctetError):
            return str(exception)
        return super().on_failure(exception)


# Every way in which Luigi sees a task end badly: none of them ends a run without a word.

@Stage.event_handler(luigi.Event.FAILURE)
@Stage.event_handler(luigi.Event.BROKEN_TASK)
def _record(task: Stage, error: BaseException) -> None:
    if isinstance(error, luigi.rpc.RPCError):
        return  # no stage's failure: the run says that the scheduler is gone
    failures.record(unexpected.explained(error, task.task_family))


@Stage.event_handler(luigi.Event.PROCESS_FAILURE)
@Stage.event_handler(luigi.Event.TIMEOUT)
def _record_death(task: Stage, message: str) -> None:
    """message: Luigi's own: '... died unexpectedly with exit code -9', '... timed out after 5 seconds ...'."""
    code = message.rpartition("exit code ")[2]
    if code.startswith("-") and code[1:].isdigit():
        what = "the process that Luigi ran it in was killed by {}".format(signal.Signals(int(code[1:])).name)
    else:
        what = "the process that Luigi ran it in {}".format(message.partition(task.task_id)[2].strip() or message)
    failures.record(StageDied(what, where=task.task_family, why="nothing of it was published",
                              next_step="start the same command again: complete stages are kept"))
