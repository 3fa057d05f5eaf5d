"""A Luigi worker that runs only the tasks that its own command has scheduled.

Luigi's own worker imports and runs any task that a scheduler names, so everybody who can reach the scheduler could run
code as this user.
"""

import json
import sys
from typing import Any, Dict, List, Optional

import luigi.interface
import luigi.rpc
import luigi.worker
from luigi.scheduler import FAILED, PENDING, UNKNOWN, WORKER_STATE_ACTIVE, WORKER_STATE_DISABLED
from luigi.worker import GetWorkResponse

from octet import interrupts
from octet.errors import SchedulerError
from pipeline.process import fork_client
from pipeline.scheduling.scheduler_client import Client, KeepAlive

MOST_REFUSALS = 20  # in a row


class Worker(luigi.worker.Worker):
    """disabled: whether the scheduler has disabled this worker. running: {task id: the scheduler's facts about it} of
    this worker's tasks that another worker runs. has_worked: whether the scheduler has given it a task."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        with interrupts.held():  # Luigi ignores all exceptions while it looks up the host's name
            super().__init__(*args, **kwargs)
        self.disabled = self.has_worked = False
        self.running: Dict[str, Dict[str, Any]] = {}

    @property
    def was_told_to_stop(self) -> bool:
        """Whether this worker received SIGUSR1, which `luigi --take-lock` sends to end another worker."""
        return bool(self._stop_requesting_work) and not self.disabled

    @property
    def tasks(self) -> List[luigi.Task]:
        """The tasks that this worker's command has scheduled."""
        return list(self._scheduled_tasks.values())

    def __enter__(self) -> "Worker":
        self._keep_alive_thread = KeepAlive(lambda: self._scheduler.ping(worker=self._id), self._handle_rpc_message,
                                            self._config.ping_interval)
        with interrupts.held():  # Ctrl-C inside the threading module could leave its locks in a wrong state
            self._keep_alive_thread.start()
        return self

    def __exit__(self, *raised: Any) -> bool:
        with interrupts.held():
            return super().__exit__(*raised)

    def _run_task(self, task_id: str) -> None:
        self.has_worked = True
        # Started here and not in the fork that runs the task, so that all forks share one server.
        fork_client.start_for(self._scheduled_tasks[task_id].modules)
        if self.worker_processes > 1 or self._config.force_multiprocessing:  # Luigi forks
            with interrupts.held():
                self._keep_alive_thread.wait_until_idle()
        super()._run_task(task_id)

    def _add_task(self, *args: Any, **kwargs: Any) -> None:
        if kwargs["status"] == PENDING and kwargs["runnable"]:
            # For ten seconds, a scheduler ignores that a done task is pending again, and gives out tasks that depend on
            # it. It does not ignore UNKNOWN. The store's lock keeps two runs from making the same artifact.
            self._scheduler.add_task(worker=self._id, task_id=kwargs["task_id"], status=UNKNOWN, runnable=False,
                                     family=kwargs["family"], module=kwargs["module"], params=kwargs["params"])
        super()._add_task(*args, **kwargs)

    def _get_work(self) -> GetWorkResponse:
        if self._stop_requesting_work:
            return _no_work(WORKER_STATE_DISABLED)
        for _ in range(MOST_REFUSALS):
            try:
                return self._ask_for_work()
            except _OtherTask as other:
                self._refuse(other)
            except luigi.rpc.RPCError:
                if not self._running_tasks:
                    raise
                return _no_work()  # running tasks are finished first
        raise SchedulerError("the scheduler offers only tasks of others", where="luigi --module pipeline",
                             why="a command runs only the tasks that it has scheduled",
                             next_step="find out who posts tasks there, or run without it: --local-scheduler")

    def _ask_for_work(self) -> GetWorkResponse:
        """The scheduler's answer. Raises _OtherTask; RPCError for an answer that is not a scheduler's."""
        answer = self._scheduler.get_work(worker=self._id, host=self.host, assistant=False,
                                          current_tasks=list(self._running_tasks))
        try:
            return self._parse(answer)
        except (KeyError, TypeError, AttributeError) as error:
            raise luigi.rpc.RPCError("what answers there is no Luigi scheduler", error) from error

    def _parse(self, answer: Dict[str, Any]) -> GetWorkResponse:
        task_id, running = answer["task_id"], answer["running_tasks"]
        state = answer.get("worker_state", WORKER_STATE_ACTIVE)
        if "batch_id" in answer or (task_id is not None and task_id not in self._scheduled_tasks):
            raise _OtherTask(answer)
        self.disabled = self.disabled or state == WORKER_STATE_DISABLED
        self.running = {task["task_id"]: task for task in running if task["task_id"] not in self._running_tasks}
        self._get_work_response_history.append({"task_id": task_id, "running_tasks": running})
        return GetWorkResponse(task_id, running, answer["n_pending_tasks"], answer["n_unique_pending"],
                               answer.get("n_pending_last_scheduled", 0), state)

    def _refuse(self, other: "_OtherTask") -> None:
        for task_id in other.task_ids:
            what = "the scheduler offered {}{}".format(
                task_id, " of the module {}".format(other.module) if other.module else "")
            why = "this command did not schedule it, so it is not run"
            print("{}: {}".format(what, why), file=sys.stderr, flush=True)
            self._scheduler.add_task(worker=self._id, task_id=task_id, status=FAILED, runnable=False,
                                     expl=json.dumps("{}: {}".format(what, why)))

    def _handle_rpc_message(self, message: Dict[str, Any]) -> None:
        try:
            super()._handle_rpc_message(message)
        except Exception as error:  # it would end the thread KeepAlive
            print("the scheduler sent a message that cannot be understood: {!r} ({})".format(message, error),
                  file=sys.stderr, flush=True)


class _OtherTask(Exception):
    """The scheduler's answer names a task that the worker's command has not scheduled."""

    def __init__(self, answer: Dict[str, Any]) -> None:
        super().__init__(str(answer))
        ids = answer.get("batch_task_ids") or [answer["task_id"]]
        self.task_ids = [str(task_id) for task_id in ids]
        self.module: Optional[str] = answer.get("task_module")


def _no_work(state: str = WORKER_STATE_ACTIVE) -> GetWorkResponse:
    return GetWorkResponse(None, [], 0, 0, 0, state)


class Factory(luigi.interface._WorkerSchedulerFactory):
    """Makes workers and schedulers for `luigi.build`. All workers of one command have the same id.

    worker, scheduler: the last ones made; None before."""

    def __init__(self) -> None:
        self.worker: Optional[Worker] = None
        self.scheduler: Any = None

    @property
    def last_worker(self) -> Worker:
        """The last worker made. Raises LookupError before there is one."""
        if self.worker is None:
            raise LookupError("no worker was made")
        return self.worker

    def create_local_scheduler(self) -> Any:
        self.scheduler = super().create_local_scheduler()
        return self.scheduler

    def create_remote_scheduler(self, url: str) -> Client:
        self.scheduler = Client(url)
        return self.scheduler

    def create_worker(self, scheduler: Any, worker_processes: int, assistant: bool = False) -> Worker:
        self.worker = Worker(scheduler=scheduler, worker_processes=worker_processes,
                             worker_id=self.worker._id if self.worker else None)
        return self.worker
