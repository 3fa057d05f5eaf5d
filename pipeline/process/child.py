"""Runs one stage's work in a child process. No process is left running, whichever process is killed:

- If this process is killed, the kernel kills the stage's process (PR_SET_PDEATHSIG), which also watches its job pipe.
  A process from the fork server dies with the server, and the server dies with this process.
- If the stage's process ends or is killed, this process kills its process group: toco, and whatever else it started.
- If both are killed together, or the stage's process dies first, SIGHUP from the controlling pty kills the process
  group. PR_SET_PDEATHSIG alone reaches neither toco nor the processes that user code has started.
"""

import json
import os
import select
import shutil
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import IO, AbstractSet, Callable, Dict, List, Optional, Sequence, Tuple, Union

from octet import errors, interrupts
from octet.job import Job, Metrics, Progress
from octet.memory_limits import Memory, memory
from pipeline import settings
from pipeline.files.safe_tree import FILE_FLAGS
from pipeline.process import child_environment, child_exit, fork_client, memory_message
from pipeline.process.fork_client import ForkedProcess
from pipeline.process.new_process import Ended, NewProcess, Start, close_all
from pipeline.process.processor_share import Share

POLL_S = 0.2
# How long a process may go on after it has reported its result. Then it is killed, even if its threads still run.
END_WITHIN_S = 3.0
# After QUIET_S without a report, the user is told what the process is doing. The time to the next such message doubles,
# but grows by LONGEST_QUIET_S at most.
QUIET_S, LONGEST_QUIET_S = 8.0, 600.0
SOURCE = "source"  # the folder in the scratch folder that the process imports from
# Suffix of the folder for temporary files, beside the output. After a kill, the store removes such folders.
SCRATCH = ".scratch.tmp"

OnWait = Callable[[str], None]
"""`on_wait(message)` is called when the process has not reported for some time. message: what it is doing."""
Process = Union[NewProcess, ForkedProcess]


def run(job: Job, on_progress: Progress, log_path: Path, write_source: Callable[[Path], Sequence[str]],
        on_wait: Optional[OnWait] = None, modules: AbstractSet[str] = frozenset()) -> Metrics:
    """Runs `job` in a child process and returns its metrics. On return, the process and its descendants have ended.

    log_path: the file for the stdout and stderr of the process.
    write_source: writes the source of the process into a new folder (`SourceTree.write`) and returns the command that
        starts it. The command follows the protocol of `tasks/__main__.py`: two descriptors are appended to its
        arguments, of the pipe that it writes reports to and of the pipe that it reads the job from.
    on_wait: by default, prints to stderr.
    modules: the top-level names of the installed modules that the source imports. If TensorFlow is one of them and the
        run has a fork server, the process is forked from that server.

    Raises the OctetError that the process reports; StageDied if it ends without a report or runs out of memory;
    Unexpected for a fault of Octet. A report that cannot be shown (on_progress raises OSError or ValueError) does
    not end the work.
    """
    log_path.parent.mkdir(parents=True, exist_ok=True)
    memory_before, scratch, processors = memory(), Path(job.output + SCRATCH), settings.load().processors
    reports = _Reports(on_progress, on_wait or _print_waiting(job.stage))
    with ExitStack() as ending, ExitStack() as exit_stack:
        # Signals are held until the `try` that ends the process: an exception before it would leave the process
        # running. An exception in the new process before its exec would print a traceback.
        held = exit_stack.enter_context(ExitStack())
        held.enter_context(interrupts.held())
        share = exit_stack.enter_context(Share(processors))
        ours, theirs = _channels(exit_stack)
        exit_stack.callback(shutil.rmtree, str(scratch), ignore_errors=True)
        scratch.mkdir()
        command = list(write_source(scratch / SOURCE))
        log = exit_stack.enter_context(_new_log(log_path))
        start = Start(job.stage, command, _environment(job, scratch), reports=theirs[0], jobs=theirs[1],
                      terminal=theirs[2], log=log.fileno())
        process: Process = fork_client.MODULE in modules and fork_client.order(start) or NewProcess(start)
        try:
            held.close()
            reports.activity = "the import of TensorFlow"
            if isinstance(process, ForkedProcess) and not process.has_started(reports.tell_if_silent):
                with interrupts.held():
                    process.end()
                    process = NewProcess(start)
            reports.activity = "its start"
            close_all(theirs)
            log.close()
            share.apply(process.pid)  # before the job: the process has no threads yet
            _send(ours[1], job)
            _read_reports(process, ours[0], reports, share)
        finally:
            # Signals are held until the process has ended and the scratch folder is removed: on an interrupt, the
            # caller releases the lock of the stage's key.
            ending.enter_context(interrupts.held())
            ended = process.end()
    if reports.metrics is not None:
        return reports.metrics
    raise _error(job, reports, ended, memory_before, log_path)


def _error(job: Job, reports: "_Reports", ended: Ended, memory_before: Memory, log_path: Path) -> errors.OctetError:
    """The error for a process that has ended without metrics."""
    used = memory_message.describe(memory_before, ended.peak_resident, reports.address_space)
    if reports.was_interrupted and child_exit.openblas_got_no_thread(log_path):
        return child_exit.out_of_memory(
            job, "ran out of memory", "OpenBLAS got no thread: pthread_create failed\n" + used, log_path)
    if reports.error is not None:
        return reports.error
    if reports.unexpected is not None:
        return child_exit.unexpected(job, reports.unexpected, log_path)
    if reports.short_of_memory is not None:
        return child_exit.out_of_memory(job, "ran out of memory: {}".format(reports.short_of_memory), used, log_path)
    return child_exit.died(job, ended.code, used, log_path)


def _new_log(path: Path) -> IO[bytes]:
    """Opens an empty file for writing. Raises OSError if the path has become a link or a fifo."""
    return os.fdopen(os.open(str(path), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | FILE_FLAGS, 0o666), "wb")


class _Reports:
    """What a stage's process has reported so far.

    metrics, error, short_of_memory, unexpected: the result; at most one of them is set.
    activity: what the process is doing, in words.
    address_space: the peak of its address space in bytes, if `ulimit -v` limits it."""

    def __init__(self, on_progress: Progress, on_wait: OnWait) -> None:
        self.on_progress, self.on_wait = on_progress, on_wait
        self.metrics: Optional[Metrics] = None
        self.error: Optional[errors.OctetError] = None
        self.short_of_memory: Optional[str] = None
        self.unexpected: Optional[str] = None
        self.activity = "its start"
        self.address_space: Optional[int] = None
        self.reported_at, self.patience_s = time.monotonic(), QUIET_S

    @property
    def ended(self) -> bool:
        """Whether the process has reported its result."""
        return any(result is not None for result in (self.metrics, self.error, self.short_of_memory, self.unexpected))

    @property
    def was_interrupted(self) -> bool:
        """Whether the process reports a KeyboardInterrupt. Ctrl-C cannot be the cause: the process leads its own
        session."""
        return "KeyboardInterrupt" in (self.unexpected or (self.error.what if self.error else ""))

    def add(self, line: bytes) -> None:
        """Reads one line of the report pipe. A line that is no report is ignored: user code may write into the pipe."""
        try:
            report = json.loads(line.decode("utf-8"))
        except ValueError:
            return
        if not isinstance(report, dict):
            return
        if "progress" in report:
            self.reported_at, self.patience_s = time.monotonic(), QUIET_S
            _show(self.on_progress, float(report["progress"]), report.get("message", ""))
        if "error" in report:
            self.error = errors.from_json(report["error"])
        self.activity = report.get("at", self.activity)
        self.metrics = report.get("metrics", self.metrics)
        self.short_of_memory = report.get("short_of_memory", self.short_of_memory)
        self.unexpected = report.get("unexpected", self.unexpected)

    def tell_if_silent(self) -> None:
        """Calls `on_wait` if there has been no report for `patience_s`."""
        silent_s = time.monotonic() - self.reported_at
        if silent_s >= self.patience_s:
            self.patience_s = min(2 * self.patience_s, self.patience_s + LONGEST_QUIET_S)
            _show(self.on_wait, "no report for {:.0f} s; still at {}".format(silent_s, self.activity))


def _print_waiting(stage: str) -> OnWait:
    def show(message: str) -> None:
        print("{}: {}".format(stage, message), file=sys.stderr, flush=True)
    return show


def _show(show: Callable[..., None], *arguments: object) -> None:
    """Calls `show(*arguments)`, and ignores its errors: a full disk or a closed terminal must not end hours of work."""
    try:
        show(*arguments)
    except (OSError, ValueError):
        pass


def _channels(exit_stack: ExitStack) -> Tuple[List[int], List[int]]:
    """Opens the report pipe, the job pipe and the pty. Returns ([this process's ends], [the new process's ends]), both
    in this order. `exit_stack` closes those that are still open."""
    reports, jobs = os.pipe(), os.pipe()
    ours, theirs = [reports[0], jobs[1]], [reports[1], jobs[0]]
    exit_stack.callback(close_all, ours)
    exit_stack.callback(close_all, theirs)
    try:
        pty = os.openpty()
    except OSError as error:
        raise errors.OctetError(
            "no pseudo-terminal can be opened: {}".format(error.strerror), where="/dev/ptmx",
            why="without one, toco would keep running after its stage's process is killed",
            next_step="mount devpts at /dev/pts, or close some of the open terminals") from error
    ours.append(pty[0])
    theirs.append(pty[1])
    return ours, theirs


def _environment(job: Job, scratch: Path) -> Dict[str, str]:
    # Keras reads keras.json, which changes results, from KERAS_HOME.
    return dict(child_environment.passed_on(), TMPDIR=str(scratch), KERAS_HOME=str(scratch / "keras"),
                TF_NUM_INTRAOP_THREADS=str(job.threads))


def _send(jobs: int, job: Job) -> None:
    """Writes the job into the pipe. The pipe stays open: its end of file tells the child that this process has died."""
    rest = job.to_json().encode("utf-8") + b"\n"
    try:
        while rest:
            rest = rest[os.write(jobs, rest):]
    except BrokenPipeError:
        pass  # the process has died already; its exit code and its log give the cause


def _read_reports(process: Process, pipe: int, reports: _Reports, share: Share) -> None:
    """Reads the reports until the process has ended, or for END_WITHIN_S after its result. Does not reap the process.
    Meanwhile, gives the process its share of the processors, which changes when other stages start and end."""
    rest, end = b"", None
    limited = memory().address_space is not None
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    while end is None or time.monotonic() < end:
        # The end of the pipe is no sign of the end of the process: a grandchild may hold the pipe open.
        ended = process.has_ended()
        while poll.poll(0 if ended else 1000 * POLL_S):
            chunk = os.read(pipe, 65536)
            if not chunk:
                _wait_for_end(process, END_WITHIN_S if reports.ended else None, reports)
                return
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                reports.add(line)
        if ended:
            return
        share.apply(process.pid)
        if limited:
            reports.address_space = memory_message.peak_address_space(process.pid) or reports.address_space
        if reports.ended:
            end = end or time.monotonic() + END_WITHIN_S
        else:
            reports.tell_if_silent()


def _wait_for_end(process: Process, at_most_s: Optional[float], reports: _Reports) -> None:
    """Waits for the end of a process that has closed its report pipe. at_most_s: None for no limit."""
    started = time.monotonic()
    while not process.has_ended() and (at_most_s is None or time.monotonic() - started < at_most_s):
        time.sleep(0.01)
        if at_most_s is None:
            reports.tell_if_silent()
