"""The command `luigi --module pipeline STAGE`.

Its exit code is 0 when the stage's artifact is complete, whichever process made it. For any other exit code, standard
error says why.
"""

import json
import logging
import os
import sys
import time
import warnings
from typing import Dict, Iterator, List, NamedTuple, NoReturn, Optional, Set, Tuple

import luigi
import luigi.configuration
import luigi.interface
import luigi.rpc
from luigi.cmdline_parser import CmdlineParser
from luigi.execution_summary import LuigiStatusCode
from luigi.scheduler import UNKNOWN

from octet.errors import DataChanged, GateError, LimitError, OctetError, RecipeError, SchedulerError
from pipeline import settings
from pipeline.execution import data_limits, run_failures, run_record, run_summary
from pipeline.inputs import snapshot
from pipeline.inputs.snapshot import Snapshot
from pipeline.process import fork_client
from pipeline.scheduling import command_line, scheduler, stage, worker_context
from pipeline.scheduling.scheduler_client import ANSWER_WITHIN_S, Client
from pipeline.scheduling.worker import Factory
from pipeline.staleness.plan import Wanted
from pipeline.terminal import interrupts, streams, unexpected_error

LOOK_AGAIN_S = 2.0
# How long a scheduler may give no work although there is some and no other worker runs it.
PATIENCE_S = 15.0


def main(argv: List[str]) -> NoReturn:
    """Runs the pipeline as the arguments say, and exits."""
    code = 0
    try:
        run_failures.start()
        interrupts.hear()
        fork_client.use()
        run(argv)
    except (Exception, KeyboardInterrupt) as error:
        code = _report(error)
    finally:
        interrupts.leave_at_once()
        fork_client.stop()
        streams.finish()
        interrupts.ignore()
    sys.exit(code)


def _report(error: BaseException) -> int:
    """Prints what ended the run. Returns its exit code."""
    if interrupts.received():
        print("interrupted: complete stages are kept, the same command goes on from there", file=sys.stderr)
        return run_failures.exit_code(error)
    explained = unexpected_error.explained(error, "luigi --module pipeline")
    run_failures.record(explained)
    return explained.exit_code


def run(argv: List[str]) -> None:
    """Makes the artifact of the stage that `argv` names. Raises the error that ends the run."""
    _read_config()
    arguments = list(argv)
    if not command_line.says(arguments, "log-level"):
        arguments += ["--log-level", "WARNING"]
    logging.getLogger("luigi-interface").addFilter(quiet_about_known_errors)
    with command_line.parsed(arguments) as parsed:
        factory = Factory()
        try:
            root, wanted = _make(parsed, arguments, factory)
        except DataChanged:
            if interrupts.received():
                raise
            if command_line.snapshot(arguments) is not None:
                print("--snapshot names the data as it was, so the run does not begin again from the data as it is; "
                      "without --snapshot it does", file=sys.stderr, flush=True)
                raise
            print("the data is looked at anew, and the run begins again, once", file=sys.stderr, flush=True)
            run_failures.start()
            root, wanted = _make(parsed, arguments, Factory(), _FirstPass(stage.forget_snapshots(), factory))
        _print_result(root, wanted)


class _FirstPass(NamedTuple):
    """What a run that begins again has begun with. snapshots: {recipe: the snapshot}. factory: of its worker."""

    snapshots: Dict[str, Snapshot]
    factory: Factory


def _make(parsed: CmdlineParser, arguments: List[str], factory: Factory, first: Optional[_FirstPass] = None
          ) -> "Tuple[stage.Stage, Wanted]":
    """Makes the artifact of the stage that the command line names, from a snapshot of this moment, and records the run.
    Returns the stage, and what was wanted beside it.

    first: given where the run has begun once. Raises RecipeError where more than the data has changed since: an edit of
    recipe or source during a run belongs to the next run."""
    target, recipe = command_line.stage(arguments), command_line.recipe(arguments)
    if not os.path.lexists(str(stage.settings_now().store)):  # it was moved, or the disk that it is on is not mounted
        print("{}: there is no store yet".format(stage.settings_now().store), file=sys.stderr, flush=True)
    with run_record.refusals(stage.settings_now(), target, recipe):
        core = command_line.core()
        local = not scheduler.is_used(core, command_line.names_scheduler(arguments))
        try:
            root: stage.Stage = parsed.get_task_obj()
        except Exception as error:
            if not local:
                _show_refusal(Client(scheduler.url(core), attempts=1), target, recipe, error)
            raise
        before = first.snapshots.get(root.recipe) if first else None
        if before is not None and not snapshot.differ_in_data_alone(before, root.taken_snapshot):
            raise RecipeError("the recipe or its source has been edited, too, since the run began",
                              where=str(root.taken_snapshot.recipe), why="",
                              next_step="run it again, if the edited one is meant")
        if first and not local:
            _withdraw(first.factory)
        plan = root.plan()
        wanted = plan.wanted(root.task_family)
        stage.Stage.made_beside = frozenset(wanted.made).difference(plan.required)
        try:
            run_record.around(root.plan, root.task_family, wanted.made,
                              lambda: _run_within_limits(root, wanted.made, factory, local))
        except LimitError:
            raise
        except GateError:
            _print_result(root, wanted, missed=True)
            raise
        return root, wanted


def _print_result(root: "stage.Stage", wanted: Wanted, missed: bool = False) -> None:
    failed = {name: error.what.splitlines()[0] for name, error in run_failures.seen_beside().items()}
    for line in run_summary.lines(root.plan(), root.task_family, root.recipe, missed, wanted, failed):
        print(line)


def _show_refusal(client: Client, target: str, recipe: Optional[str], error: Exception) -> None:
    """The scheduler's page shows a run that was refused before it had a task."""
    name = "{}_refused_{}".format(target, os.path.basename(recipe or "default"))
    shown = str(error) if isinstance(error, OctetError) else run_failures.first_line(error)
    try:
        client.add_task(worker="refused(pid={})".format(os.getpid()), task_id=name, status="FAILED", runnable=False,
                        family=target, module="pipeline.scheduling.stages", params={"recipe": recipe or ""},
                        expl=json.dumps(shown))
    except luigi.rpc.RPCError:
        pass  # the terminal says it


def _withdraw(factory: Factory) -> None:
    """The scheduler's page no longer shows the tasks of this factory's worker that are not done: neither as failed nor
    as waiting. They were of a snapshot that is not made any more."""
    try:
        for task, _ in list(_not_done(factory)):
            factory.scheduler.add_task(worker=factory.last_worker._id, task_id=task.task_id, status=UNKNOWN,
                                       runnable=False, expl=json.dumps("the run has begun again from other data"))
    except (luigi.rpc.RPCError, LookupError, AttributeError, TypeError):
        pass  # a scheduler that does not answer is said by what asks it for work


def _run_within_limits(root: "stage.Stage", beside: List[str], factory: Factory, local: bool) -> None:
    """`_run_until_complete`, before and after which the data keeps to the limits of the recipe. Raises LimitError."""
    data_limits.expect_kept(root.plan())
    _run_until_complete(root, beside, factory, local)
    data_limits.expect_kept(root.plan())


def _run_until_complete(root: "stage.Stage", beside: List[str], factory: Factory, local: bool) -> None:
    """Returns when the stage is complete, by this run's work or another's, and so is each stage of `beside`, or has
    failed. Raises the error that ends the run."""
    idle_since = time.monotonic()
    announced: Set[str] = set()
    while True:
        tasks = [root.of_same_snapshot(name) for name in beside if name not in run_failures.seen_beside()] + [root]
        try:
            outcome = luigi.build(tasks, local_scheduler=local, no_lock=True, detailed_summary=True,
                                  worker_scheduler_factory=factory)
        except luigi.rpc.RPCError as error:
            if run_failures.seen() or not root.complete():
                raise (run_failures.seen() or [scheduler.gone(luigi.interface.core(), error)])[0] from error
            print("the scheduler answers no more; all that was asked for is made", file=sys.stderr)
            return
        except OctetError:
            raise
        except Exception as error:  # Luigi's own, such as a mail about a failure that could not be sent
            run_failures.record(unexpected_error.explained(error, "luigi --module pipeline"))
        interrupt = interrupts.received()
        if interrupt is not None:
            raise interrupt
        if run_failures.seen():
            raise run_failures.seen()[0]
        if all(task.complete() for task in tasks if task.task_family not in run_failures.seen_beside()):
            return
        others = factory.last_worker.running
        for task_id, other in others.items():
            if task_id not in announced:
                announced.add(task_id)
                print("{}: another run is making it: waiting for that (host {}, pid {})".format(
                    task_id.partition("_")[0], other.get("host", "?"), other.get("pid", "?")),
                    file=sys.stderr, flush=True)
        if others or factory.last_worker.has_worked:
            idle_since = time.monotonic()
        else:
            idle_s = time.monotonic() - idle_since
            _expect_work(factory, outcome, local, idle_s)
            if idle_s > ANSWER_WITHIN_S and "no work" not in announced:
                announced.add("no work")
                print("{}: no work is given, although there is some: waiting for it, for at most {:.0f} s more".format(
                    _where(local), PATIENCE_S - idle_s), file=sys.stderr, flush=True)
        # Another worker runs a stage. When it fails there, this run makes it.
        time.sleep(LOOK_AGAIN_S)


def _expect_work(factory: Factory, outcome: luigi.LuigiStatusCode, local: bool, idle_s: float) -> None:
    """Raises SchedulerError for a scheduler that gives no work and is not going to."""
    worker, where = factory.last_worker, _where(local)
    alone = "or do without the scheduler: --local-scheduler"
    if worker.disabled:
        raise SchedulerError("this run's worker was disabled on the scheduler's page", where=where,
                             why="a disabled worker is given no work",
                             next_step="start the same command again: it is another worker. Or " + alone[3:])
    if worker.was_told_to_stop:
        raise SchedulerError("this run was told to take no more work", where=where,
                             why="it got the signal SIGUSR1, as `luigi --take-lock` sends it",
                             next_step="start the same command again: complete stages are kept")
    try:
        paused = not local and factory.scheduler.is_paused()["paused"]
    except (luigi.rpc.RPCError, KeyError, TypeError):
        paused = False  # an older scheduler, which cannot be paused
    if paused:
        raise SchedulerError("the scheduler is paused", where=where, why="a paused scheduler gives no work",
                             next_step="resume it on its page, then start the same command again; " + alone)
    failed = outcome.status in (LuigiStatusCode.FAILED, LuigiStatusCode.SCHEDULING_FAILED,
                                LuigiStatusCode.FAILED_AND_SCHEDULING_FAILED)
    states = _states(factory)
    if failed or "DISABLED" in states or idle_s > PATIENCE_S:
        raise SchedulerError(
            "the scheduler gives no work, although there is some", where=where, why=states,
            next_step="its page can forgive, enable or remove a task; then start the same command again; " + alone)


def _where(local: bool) -> str:
    return "the local scheduler" if local else scheduler.url(luigi.interface.core())


def _states(factory: Factory) -> str:
    """The status that the scheduler has for each of this run's tasks that is not done, a line for each."""
    lines = []
    try:
        for task, status in _not_done(factory):
            lines.append("{} is {} there".format(task.task_family, status))
    except (luigi.rpc.RPCError, AttributeError, TypeError) as error:
        lines.append("their status is not known: {}".format(error))
    return "\n".join(lines) or "it has the status 'done' for all of them, and they are not done"


def _not_done(factory: Factory) -> Iterator[Tuple[luigi.Task, str]]:
    """(task, the status that the scheduler has for it) of each of its worker's tasks that is not done there. Raises
    RPCError, and AttributeError or TypeError for an answer that is no scheduler's."""
    for task in factory.last_worker.tasks:
        for status, tasks in factory.scheduler.task_search(task.task_id).items():
            if task.task_id in tasks and status != "DONE":
                yield task, status


def quiet_about_known_errors(entry: logging.LogRecord) -> bool:
    """Lets an entry of Luigi's log pass unless it is about an error that the run says in its own words: those of tasks
    and of their scheduling are recorded by the handlers in `stage.py`, others end the run."""
    if entry.exc_info:
        return False
    return not str(entry.msg).startswith("Will not run ") or "task-limit" in str(entry.msg)


def _read_config() -> None:
    """Luigi's own sections come from the machine's luigi.cfg, ours, and LUIGI_CONFIG_PATH; the last
    wins. The luigi.cfg of another project, which happens to be in the working folder, does not count.
    """
    ours, named = settings.find_config(), os.environ.get("LUIGI_CONFIG_PATH")
    config = luigi.configuration.get_config()
    config.clear()
    config.read(["/etc/luigi/luigi.cfg"] + [str(path) for path in (ours, named) if path])
    config.set("worker", "task_process_context", worker_context.CONTEXT)
    config.set("worker", "check_unfulfilled_deps", "false")  # a stage looks itself, and says it in its own words
    # Luigi itself reads these, and then warns that nobody does.
    warnings.filterwarnings("ignore", ".* parameter '(default_scheduler_(host|port|url)|rpc_retry_wait)' ")
