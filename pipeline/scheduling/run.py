"""The command `luigi --module pipeline STAGE`.

Its exit code is 0 if the stage's artifact is complete, whichever process made it. Otherwise, stderr has the error.
"""

import json
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
from pipeline.scheduling import command_line, luigi_log, scheduler, stage, worker_context
from pipeline.scheduling.scheduler_client import ANSWER_WITHIN_S, Client
from pipeline.scheduling.worker import Factory
from pipeline.staleness.plan import Wanted
from pipeline.terminal import interrupts, streams, unexpected_error

POLL_S = 2.0
# How long to wait for a scheduler that gives no work although tasks are pending and no other worker runs them.
PATIENCE_S = 15.0


def main(argv: List[str]) -> NoReturn:
    """Runs the pipeline with these arguments, and exits."""
    code = 0
    try:
        run_failures.start()
        interrupts.raise_on_signals()
        fork_client.allow()
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
    """Prints the error that ended the run. Returns the exit code."""
    if interrupts.received():
        print(interrupts.MESSAGE, file=sys.stderr)
        return run_failures.exit_code(error)
    explained = unexpected_error.explained(error, "luigi --module pipeline")
    run_failures.record(explained)
    return explained.exit_code


def run(argv: List[str]) -> None:
    """Makes the artifact of the stage that `argv` names. Raises the error that ends the run."""
    _read_config()
    arguments = list(argv)
    if not command_line.has_option(arguments, "log-level"):
        arguments += ["--log-level", "WARNING"]
    luigi_log.leave_out_reported_errors()
    with command_line.parsed(arguments) as parsed:
        factory = Factory()
        try:
            root, wanted = _make(parsed, arguments, factory)
        except DataChanged:
            if interrupts.received():
                raise
            if command_line.snapshot(arguments) is not None:
                print("the data changed: --snapshot names the data as it was, so the run does not start again with the "
                      "changed data; without --snapshot it would", file=sys.stderr, flush=True)
                raise
            print("the data changed: the run begins again, once, with a new snapshot", file=sys.stderr, flush=True)
            run_failures.start()
            root, wanted = _make(parsed, arguments, Factory(), _FirstAttempt(stage.forget_snapshots(), factory))
        _print_result(root, wanted)


class _FirstAttempt(NamedTuple):
    """The first attempt of a run that begins again. snapshots: {recipe: the snapshot}. factory: of its worker."""

    snapshots: Dict[str, Snapshot]
    factory: Factory


def _make(parsed: CmdlineParser, arguments: List[str], factory: Factory, first: Optional[_FirstAttempt] = None
          ) -> "Tuple[stage.Stage, Wanted]":
    """Takes a snapshot, makes the artifact of the stage that the command line names, and records the run. Returns the
    stage, and its wanted stages.

    first: the first attempt, if the run begins again. Raises RecipeError if more than the data has changed since then:
    edits of the recipe or the source belong to the next run."""
    target, recipe = command_line.stage(arguments), command_line.recipe(arguments)
    if not os.path.lexists(str(stage.settings_now().store)):  # it was moved, or its disk is not mounted
        print("note: the store {} does not exist yet, so a new one begins".format(stage.settings_now().store),
              file=sys.stderr, flush=True)
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
            raise RecipeError("the recipe or its source was edited, too, since the run began",
                              where=str(root.taken_snapshot.recipe), why="",
                              next_step="start the run again to use the edited version")
        if first and not local:
            _withdraw(first.factory)
        plan = root.plan()
        wanted = plan.wanted(root.task_family)
        stage.Stage.wanted_stages = frozenset(wanted.made).difference(plan.required)
        try:
            run_record.around(plan, root.plan, root.task_family, wanted.made,
                              lambda: _run_within_limits(root, wanted.made, factory, local))
        except LimitError:
            raise
        except GateError:
            _print_result(root, wanted, missed=True)
            raise
        return root, wanted


def _print_result(root: "stage.Stage", wanted: Wanted, missed: bool = False) -> None:
    failed = {name: error.what.splitlines()[0] for name, error in run_failures.seen_of_wanted_stages().items()}
    for line in run_summary.lines(root.plan(), root.task_family, root.recipe, missed, wanted, failed):
        print(line)


def _show_refusal(client: Client, target: str, recipe: Optional[str], error: Exception) -> None:
    """Shows a run that was refused before it had a task on the scheduler's page, as a failed task."""
    name = "{}_refused_{}".format(target, os.path.basename(recipe or "default"))
    shown = str(error) if isinstance(error, OctetError) else run_failures.first_line(error)
    try:
        client.add_task(worker="refused(pid={})".format(os.getpid()), task_id=name, status="FAILED", runnable=False,
                        family=target, module="pipeline.scheduling.stages", params={"recipe": recipe or ""},
                        expl=json.dumps(shown))
    except luigi.rpc.RPCError:
        pass  # the error is printed on the terminal, too


def _withdraw(factory: Factory) -> None:
    """Removes the unfinished tasks of the first attempt from the scheduler's page: no run will make their snapshot."""
    try:
        for task, _ in list(_not_done(factory)):
            factory.scheduler.add_task(worker=factory.last_worker._id, task_id=task.task_id, status=UNKNOWN,
                                       runnable=False, expl=json.dumps("the run has begun again from other data"))
    except (luigi.rpc.RPCError, LookupError, AttributeError, TypeError):
        pass  # the next request for work reports a scheduler that does not answer


def _run_within_limits(root: "stage.Stage", wanted_stages: List[str], factory: Factory, local: bool) -> None:
    """`_run_until_complete`, with a check of the recipe's data limits before and after. Raises LimitError."""
    data_limits.expect_kept(root.plan())
    _run_until_complete(root, wanted_stages, factory, local)
    data_limits.expect_kept(root.plan())


def _run_until_complete(root: "stage.Stage", wanted_stages: List[str], factory: Factory, local: bool) -> None:
    """Returns when this run or another one has completed `root`, and each of `wanted_stages` is complete or has failed.
    Raises the error that ends the run."""
    idle_since = time.monotonic()
    announced: Set[str] = set()
    while True:
        failed = run_failures.seen_of_wanted_stages()
        tasks = [root.of_same_snapshot(name) for name in wanted_stages if name not in failed] + [root]
        try:
            outcome = luigi.build(tasks, local_scheduler=local, no_lock=True, detailed_summary=True,
                                  worker_scheduler_factory=factory)
        except luigi.rpc.RPCError as error:
            if run_failures.seen() or not root.complete():
                raise (run_failures.seen() or [scheduler.gone(luigi.interface.core(), error)])[0] from error
            print("the scheduler answers no more, but all that was asked for is made", file=sys.stderr)
            return
        except OctetError:
            raise
        except Exception as error:  # from Luigi itself, for example a mail about a failure that could not be sent
            run_failures.record(unexpected_error.explained(error, "luigi --module pipeline"))
        interrupt = interrupts.received()
        if interrupt is not None:
            raise interrupt
        if run_failures.seen():
            raise run_failures.seen()[0]
        if all(task.complete() for task in tasks if task.task_family not in run_failures.seen_of_wanted_stages()):
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
                print("{}: it gives no work although tasks are pending; waiting for at most {:.0f} s more".format(
                    _where(local), PATIENCE_S - idle_s), file=sys.stderr, flush=True)
        # Another worker runs a stage. If the stage fails there, this run makes it.
        time.sleep(POLL_S)


def _expect_work(factory: Factory, outcome: luigi.LuigiStatusCode, local: bool, idle_s: float) -> None:
    """Raises SchedulerError if no work can be expected from the scheduler any more."""
    worker, where = factory.last_worker, _where(local)
    without = "run without the scheduler: --local-scheduler"
    if worker.disabled:
        raise SchedulerError("this run's worker was disabled on the scheduler's page", where=where,
                             why="a disabled worker is given no work",
                             next_step="start the same command again, which is a new worker; or " + without)
    if worker.was_told_to_stop:
        raise SchedulerError("this run was told to take no more work", where=where,
                             why="it received SIGUSR1, which `luigi --take-lock` sends",
                             next_step="start the same command again: complete stages are kept")
    try:
        paused = not local and factory.scheduler.is_paused()["paused"]
    except (luigi.rpc.RPCError, KeyError, TypeError):
        paused = False  # an older scheduler, which cannot be paused
    if paused:
        raise SchedulerError("the scheduler is paused", where=where, why="a paused scheduler gives no work",
                             next_step="resume it on its page, then start the same command again; or " + without)
    failed = outcome.status in (LuigiStatusCode.FAILED, LuigiStatusCode.SCHEDULING_FAILED,
                                LuigiStatusCode.FAILED_AND_SCHEDULING_FAILED)
    statuses = _task_statuses(factory)
    if failed or "DISABLED" in statuses or idle_s > PATIENCE_S:
        raise SchedulerError(
            "the scheduler gives no work, although tasks are pending", where=where, why=statuses,
            next_step="forgive, enable or remove the task on its page, then start the command again; or " + without)


def _where(local: bool) -> str:
    return "the local scheduler" if local else scheduler.url(luigi.interface.core())


def _task_statuses(factory: Factory) -> str:
    """The scheduler's status of each task of this run that is not done, in one line each."""
    lines = []
    try:
        for task, status in _not_done(factory):
            lines.append("for the scheduler, {} is {}".format(task.task_family, status))
    except (luigi.rpc.RPCError, AttributeError, TypeError) as error:
        lines.append("the status of the tasks is unknown: {}".format(error))
    return "\n".join(lines) or "for the scheduler, all tasks are done, but they are not"


def _not_done(factory: Factory) -> Iterator[Tuple[luigi.Task, str]]:
    """Yields (task, the scheduler's status of it) for each task of the worker that the scheduler does not list as done.
    Raises RPCError; AttributeError or TypeError if the answer is not that of a scheduler."""
    for task in factory.last_worker.tasks:
        for status, tasks in factory.scheduler.task_search(task.task_id).items():
            if task.task_id in tasks and status != "DONE":
                yield task, status


def _read_config() -> None:
    """Reads Luigi's settings from /etc/luigi/luigi.cfg, Octet's luigi.cfg and LUIGI_CONFIG_PATH; later files override
    earlier ones. Ignores a luigi.cfg of another project in the working folder."""
    ours, named = settings.find_config(), os.environ.get("LUIGI_CONFIG_PATH")
    config = luigi.configuration.get_config()
    config.clear()
    config.read(["/etc/luigi/luigi.cfg"] + [str(path) for path in (ours, named) if path])
    config.set("worker", "task_process_context", worker_context.CONTEXT)
    config.set("worker", "check_unfulfilled_deps", "false")  # a stage checks its inputs itself
    # Luigi warns that these parameters are not consumed, although it reads them itself.
    warnings.filterwarnings("ignore", ".* parameter '(default_scheduler_(host|port|url)|rpc_retry_wait)' ")
