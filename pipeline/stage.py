"""One stage of the pipeline as a Luigi task: when it is complete, where its artifact is, its run."""

import socket
import subprocess
import time
from pathlib import Path
from typing import Dict, List, Optional

import luigi
import luigi.rpc

from octet.errors import DatasetError, OctetError, UsageError
from octet.job import Job
from pipeline import child, failures, gates, progress, settings, snapshot
from pipeline.plan import Plan
from pipeline.spec import STAGES
from pipeline.store import Store

# Every snapshot taken by this process, by recipe and by digest. Nothing re-reads a recipe later.
_SNAPSHOTS = {}  # type: Dict[str, snapshot.Snapshot]


def snapshot_of(recipe: str) -> "snapshot.Snapshot":
    """The one look at `recipe`, its data and the source that this process takes."""
    if recipe not in _SNAPSHOTS:
        taken = snapshot.take(settings.load().find_recipe(recipe))
        _SNAPSHOTS[recipe] = taken
        _SNAPSHOTS.setdefault(taken.digest, taken)
    return _SNAPSHOTS[recipe]


class Stage(luigi.Task):
    """A stage whose artifact is intact, all the way up, when it is complete."""

    recipe = luigi.OptionalParameter(
        default=None, description="a name in recipes/, or a path; luigi.cfg has the default")
    snapshot = luigi.OptionalParameter(
        default=None, description="digest of recipe, data and source; taken when not given")

    @classmethod
    def get_param_values(cls, params, args, kwargs):
        values = dict(super().get_param_values(params, args, kwargs))
        values["recipe"] = values["recipe"] or settings.load().recipe
        # A significant parameter: the scheduler tells two contents apart by it alone.
        values["snapshot"] = values["snapshot"] or snapshot_of(values["recipe"]).digest
        return [(name, values[name]) for name, _ in params]

    @property
    def spec(self):
        return STAGES[self.task_family]

    @property
    def taken(self) -> "snapshot.Snapshot":
        """The snapshot that this task is about."""
        if self.snapshot not in _SNAPSHOTS and snapshot_of(self.recipe).digest != self.snapshot:
            raise UsageError(
                "the recipe, its data or the source is no longer what was asked for",
                where=self.recipe, why="snapshot {} was asked for, there is {}".format(
                    self.snapshot[:12], snapshot_of(self.recipe).digest[:12]),
                next_step="leave out --snapshot")
        return _SNAPSHOTS[self.snapshot]

    def plan(self) -> Plan:
        """What the store holds for this snapshot, looked at anew."""
        return Plan(self.taken, Store(settings.load().store))

    def requires(self) -> List["Stage"]:
        return [luigi.task_register.Register.get_task_cls(name)(self.recipe, self.snapshot)
                for name in self.spec.needs]

    def complete(self) -> bool:
        try:
            plan = self.plan()
            return plan.intact(self.spec.name) and not self.verdict(plan)
        except OctetError as error:
            failures.record(error)
            raise

    def verdict(self, plan: Plan) -> Optional[OctetError]:
        """What is wrong with an intact artifact, by the recipe as it is now. Nothing, usually."""
        return None

    def output(self) -> luigi.LocalTarget:
        # Until the upstream is there the key is unknown: a target that does not exist yet.
        folder = self.plan().folder(self.spec.name)
        return luigi.LocalTarget(str(
            folder / "manifest.json" if folder else
            settings.load().store / "unknown" / self.spec.name / self.snapshot / "manifest.json"))

    def run(self) -> None:
        plan, name = self.plan(), self.spec.name
        identified = plan.key(name)
        if identified is None:
            raise OctetError("what it needs is gone", where=name,
                             why="needs {}".format(", ".join(self.spec.needs)),
                             next_step="run it again: what is missing is made again")
        key, preimage = identified
        store = Store(settings.load().store)
        with store.lock(name, key):
            # Another process may have made it while this one waited for the lock.
            if not self.plan().intact(name):
                self._make(plan, store, key, preimage)
        wrong = self.verdict(self.plan())
        if wrong:
            raise wrong

    def _make(self, plan: Plan, store: Store, key: str, preimage: dict) -> None:
        name = self.spec.name
        workspace = store.workspace(name, key)
        log_path = store.root / "logs" / "{}-{}.log".format(name, key[:12])
        started = time.time()
        code = git_state()
        if snapshot.source_now(self.taken, name) != self.taken.source[name]:
            raise UsageError("the source changed since the run began", where=name,
                             why="the artifact would carry the key of other code",
                             next_step="run it again")
        with progress.on_terminal(name) as shown:
            def report(fraction: float, message: str) -> None:
                shown(fraction, message)
                self._tell_scheduler(fraction, message)
            job = self._job(plan, workspace)
            try:
                for check in self.spec.checks:
                    child.run(job._replace(stage=check, settings=self.taken.sections),
                              lambda fraction, message: report(0.0, message), log_path)
                metrics = child.run(job, report, log_path)
            except BaseException as error:
                store.discard(workspace)
                if isinstance(error, OctetError):
                    raise snapshot.located(error, self.taken.where) from error
                raise
        if snapshot.data_now(self.taken) != self.taken.data:
            raise DatasetError("the data changed while the stage ran",
                               where=str(self.taken.recipe),
                               why="{} may have seen both, so nothing is recorded".format(name),
                               next_step="run it again when the data is at rest")
        finished = time.time()
        store.publish(workspace, name, key, {
            "inputs": preimage, "metrics": metrics, "git": code, "versions": self.taken.versions,
            "recipe": {"name": self.recipe, "path": str(self.taken.recipe)},
            "snapshot": self.snapshot, "seed": self.taken.sections.get("seed"),
            "host": socket.gethostname(), "started": _utc(started), "finished": _utc(finished),
            "seconds": round(finished - started, 3)})

    def _job(self, plan: Plan, workspace: Path) -> Job:
        sections = self.taken.sections
        wanted = {section: sections[section] for section in self.spec.reads if section in sections}
        return Job(stage=self.spec.module, settings=wanted,
                   inputs={need: str(plan.folder(need)) for need in self.spec.needs},
                   output=str(workspace), recipe_folder=str(self.taken.folder))

    def _tell_scheduler(self, fraction: float, message: str) -> None:
        # Luigi sets these only inside a worker's run().
        try:
            if self.set_progress_percentage:
                self.set_progress_percentage(round(100 * fraction))
            if self.set_status_message:
                self.set_status_message(message)
        except luigi.rpc.RPCError:  # Luigi has tried for a minute; that is no reason to stop training
            self.set_progress_percentage = self.set_status_message = None

    def on_failure(self, exception: BaseException) -> str:
        """What the scheduler's page shows: the four parts, and a traceback for the unexpected only."""
        if isinstance(exception, OctetError):
            return str(exception)
        return super().on_failure(exception)


class Validation(Stage):
    """A measurement, and a verdict on it that is given afresh each time."""

    def verdict(self, plan: Plan) -> Optional[OctetError]:
        metrics = plan.manifest(self.spec.name)["metrics"]
        try:
            gates.judge(metrics, self.taken.sections.get("validate") or {},
                        where=str(self.taken.recipe))
        except OctetError as error:
            return error
        return None


@Stage.event_handler(luigi.Event.FAILURE)
def _record(task: Stage, exception: BaseException) -> None:
    if isinstance(exception, OctetError):
        failures.record(exception)


def _utc(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def git_state() -> Dict:
    """The commit of our own checkout, and whether it has changes. None where there is none."""
    def git(*words: str) -> Optional[str]:
        if not (settings.ROOT / ".git").exists():  # installed, perhaps inside somebody's own checkout
            return None
        try:
            done = subprocess.run(("git", "-C", str(settings.ROOT)) + words, timeout=10,
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.decode("utf-8").strip() if done.returncode == 0 else None
    changes = git("status", "--porcelain", "--untracked-files=no")
    return {"commit": git("rev-parse", "HEAD"), "dirty": None if changes is None else bool(changes)}
