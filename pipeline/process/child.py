"""One stage's work in a process of its own, which never outlives this one.

Whichever of us is killed, nothing is left running:

- If this process is killed, the kernel kills the stage's process (PR_SET_PDEATHSIG), which also watches its job pipe.
- If the stage's process ends, or is killed, this process kills its process group: toco, and whatever else it started.
- If both are killed at one moment, or the stage's process dies first, the kernel hangs up on the group: its session
  has a controlling terminal, a pty that nobody reads, which closes with the session's leader or with our end of it.
  PR_SET_PDEATHSIG reaches the stage's process alone, and neither toco nor what user code has started.
"""

import ctypes
import errno
import fcntl
import json
import os
import resource
import select
import shutil
import signal
import subprocess
import sys
import termios
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, Callable, Dict, List, Optional, Sequence, Tuple

from octet import errors
from octet.job import Job, Progress
from octet.memory import room
from pipeline.files.safe_tree import FILE_FLAGS
from pipeline.process import child_environment, exit_reasons, memory

POLL_S = 0.2
# A process that has given its result is killed after so long, whatever its threads still do.
END_WITHIN_S = 3.0
# Without a report for so long, it is said what is waited for; again after twice as long, and so on.
QUIET_S, LONGEST_QUIET_S = 8.0, 600.0
PR_SET_PDEATHSIG = 1
SOURCE = "source"  # in the scratch folder: what the process imports
# Temporary files go beside the output, under a name that the store sweeps after a kill.
SCRATCH = ".scratch.tmp"
# Loaded here, not in the new process: between fork and exec nothing may take the loader's lock.
LIBC = ctypes.CDLL(None, use_errno=True)

OnWait = Callable[[str], None]
"""`on_wait(message)`: the process has not reported for some time; what it is at, and for how long."""


def run(job: Job, on_progress: Progress, log_path: Path, door: Callable[[Path], Sequence[str]],
        on_wait: Optional[OnWait] = None) -> Dict:
    """The metrics of `job`, done in a new process that is gone, with all below it, on return.

    `door` writes the source of the process into a new folder (`SourceTree.write`), and gives the command that starts
    it: one that speaks the protocol of `tasks/__main__.py`. It gets two more arguments, the numbers of the descriptors
    that it reports to and that it reads the job from. Its stdout and stderr go to `log_path`.
    on_wait: told what is waited for while the process is silent; by default it is printed to stderr.
    Raises the OctetError that the process reports, StageDied when it ends without one or for lack of memory,
    Unexpected for a fault of Octet. A report that cannot be shown (on_progress raises OSError or ValueError) does
    not end the work.
    """
    log_path.parent.mkdir(parents=True, exist_ok=True)
    found, scratch = room(), Path(job.output + SCRATCH)
    heard = _Heard(on_progress, on_wait or _print_waiting(job.stage))
    with ExitStack() as ends:
        interrupts = _HeldInterrupts()
        ends.callback(interrupts.release)
        ours, theirs = _channels(ends)
        ends.callback(shutil.rmtree, str(scratch), ignore_errors=True)
        scratch.mkdir()
        command = list(door(scratch / SOURCE))
        with _new_log(log_path) as log:
            process = _start(job, command + [str(number) for number in theirs[:2]], scratch, log, theirs)
        try:
            _close_all(theirs)
            interrupts.release()  # from here on there is a process to be ended
            _send(ours[1], job)
            _listen(process, ours[0], heard)
        finally:
            # The leader is not reaped yet, so the number of its group cannot be anybody else's.
            os.killpg(process.pid, signal.SIGKILL)
            exit_code, usage = _reap(process)
    if heard.metrics is not None:
        return heard.metrics
    if heard.error is not None:
        raise heard.error
    used = memory.words(found, 1024 * usage.ru_maxrss, heard.address_space)
    if heard.unexpected is not None:
        raise exit_reasons.unexpected(job, heard.unexpected, log_path)
    if heard.short_of_memory is not None:
        raise exit_reasons.out_of_memory(job, "ran out of memory: {}".format(heard.short_of_memory), used, log_path)
    raise exit_reasons.died(job, exit_code, used, log_path)


def _new_log(path: Path) -> BinaryIO:
    """An empty file to write. Somebody may have put a link or a fifo there since the place was cleared: OSError."""
    return os.fdopen(os.open(str(path), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | FILE_FLAGS, 0o666), "wb")


class _Heard:
    """What a stage's process has said so far."""

    def __init__(self, on_progress: Progress, on_wait: OnWait) -> None:
        self.on_progress, self.on_wait = on_progress, on_wait
        self.metrics: Optional[Dict] = None
        self.error: Optional[errors.OctetError] = None
        self.short_of_memory: Optional[str] = None
        self.unexpected: Optional[str] = None
        self.at = "its start"
        self.address_space: Optional[int] = None
        self.reported_at, self.patience_s = time.monotonic(), QUIET_S

    @property
    def ended(self) -> bool:
        """Whether the process has nothing more to do."""
        return any(said is not None for said in (self.metrics, self.error, self.short_of_memory, self.unexpected))

    def line(self, text: bytes) -> None:
        try:
            said = json.loads(text.decode("utf-8"))
        except ValueError:
            return  # user code wrote into the pipe: none of ours
        if not isinstance(said, dict):
            return
        if "progress" in said:
            self.reported_at, self.patience_s = time.monotonic(), QUIET_S
            _shown(self.on_progress, float(said["progress"]), said.get("message", ""))
        if "error" in said:
            self.error = errors.from_json(said["error"])
        self.at = said.get("at", self.at)
        self.metrics = said.get("metrics", self.metrics)
        self.short_of_memory = said.get("short_of_memory", self.short_of_memory)
        self.unexpected = said.get("unexpected", self.unexpected)

    def wait(self) -> None:
        """Says what is waited for, if it is time to."""
        silent_s = time.monotonic() - self.reported_at
        if silent_s >= self.patience_s:
            self.patience_s = min(2 * self.patience_s, self.patience_s + LONGEST_QUIET_S)
            _shown(self.on_wait, "no report for {:.0f} s; still at {}".format(silent_s, self.at))


class _HeldInterrupts:
    """SIGINT and SIGTERM wait until `release`. An exception between the start of a process and the moment at which
    somebody is there to end it would leave it running; in the new process, before its exec, it would be a traceback."""

    def __init__(self) -> None:
        self.came: List[int] = []
        self.handlers = {}
        if threading.current_thread() is threading.main_thread():  # Python runs handlers nowhere else
            for number in (signal.SIGINT, signal.SIGTERM):
                self.handlers[number] = signal.signal(number, lambda number, frame: self.came.append(number))

    def release(self) -> None:
        """Each handler is what it was before, and is called for the signal that came."""
        handlers, self.handlers = self.handlers, {}
        for number, handler in handlers.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        if self.came:
            os.kill(os.getpid(), self.came.pop(0))


def die_with_parent(parent: int) -> Callable[[], None]:
    """A function to call in a new process: from then on it dies when the thread that made it does."""
    def ask() -> None:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it died between the fork and the request
            os.kill(os.getpid(), signal.SIGKILL)
    return ask


def _print_waiting(stage: str) -> OnWait:
    def say(message: str) -> None:
        print("{}: {}".format(stage, message), file=sys.stderr, flush=True)
    return say


def _shown(show: Callable[..., None], *said: object) -> None:
    """Calls `show`. A full disk or a closed terminal is no reason to end hours of work."""
    try:
        show(*said)
    except (OSError, ValueError):
        pass


def _channels(ends: ExitStack) -> Tuple[List[int], List[int]]:
    """(ours, theirs): of each the descriptors of the pipe for reports, of that for the job, and of the pty.
    Ours are closed with `ends`, theirs too where they are still open."""
    reports, jobs = os.pipe(), os.pipe()
    ours, theirs = [reports[0], jobs[1]], [reports[1], jobs[0]]
    ends.callback(_close_all, ours)
    ends.callback(_close_all, theirs)
    try:
        pty = os.openpty()
    except OSError as error:
        raise errors.OctetError(
            "no pseudo-terminal can be opened: {}".format(error.strerror), where="/dev/ptmx",
            why="without one, a stage's process that is killed would leave toco running",
            next_step="mount devpts at /dev/pts, or end some of the terminals that are open") from error
    ours.append(pty[0])
    theirs.append(pty[1])
    return ours, theirs


def _start(job: Job, command: List[str], scratch: Path, log, theirs: Sequence[int]) -> subprocess.Popen:
    try:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=theirs,
                                start_new_session=True, env=_environment(scratch),
                                preexec_fn=_lead_session(os.getpid(), theirs[2]))
    except OSError as error:
        if error.errno not in (errno.ENOMEM, errno.EAGAIN):
            raise
        raise errors.StageDied(
            "no process can be started: {}".format(error.strerror), where=job.stage,
            why=memory.words(room(), 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, None),
            next_step="end other processes, or raise the limits (`ulimit -v`, `ulimit -u`)") from error


def _lead_session(parent: int, terminal: int) -> Callable[[], None]:
    """For a new process that is the leader of a session: it dies with us, and its group with it."""
    dies = die_with_parent(parent)

    def ask() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # `nohup luigi` has it ignored
        fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
        dies()
    return ask


def _close_all(descriptors: List[int]) -> None:
    """Closes them, once."""
    while descriptors:
        os.close(descriptors.pop())


def _environment(scratch: Path) -> Dict[str, str]:
    # Keras reads keras.json, which changes results, from KERAS_HOME.
    return dict(child_environment.passed_on(), TMPDIR=str(scratch), KERAS_HOME=str(scratch / "keras"))


def _send(jobs: int, job: Job) -> None:
    """The job goes through the pipe, which stays open: its end tells the process that we are gone."""
    left = job.to_json().encode("utf-8") + b"\n"
    try:
        while left:
            left = left[os.write(jobs, left):]
    except BrokenPipeError:
        pass  # it died at once; the exit code and the log say why


def _listen(process: subprocess.Popen, reports: int, heard: _Heard) -> None:
    """Hears all that the process says, until it ends or has said its result. Leaves it unreaped."""
    rest, end = b"", None
    limited = room().address_space is not None
    poll = select.poll()
    poll.register(reports, select.POLLIN)
    while end is None or time.monotonic() < end:
        # A grandchild may hold the pipe open, so its end is no sign; the process's own end is.
        ended = _has_ended(process.pid)
        while poll.poll(0 if ended else 1000 * POLL_S):
            chunk = os.read(reports, 65536)
            if not chunk:
                _wait_for_end(process.pid, END_WITHIN_S if heard.ended else None, heard)
                return
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                heard.line(line)
        if ended:
            return
        if limited:
            heard.address_space = memory.peak_address_space(process.pid) or heard.address_space
        if heard.ended:
            end = end or time.monotonic() + END_WITHIN_S
        else:
            heard.wait()


def _has_ended(pid: int) -> bool:
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None


def _wait_for_end(pid: int, at_most_s: Optional[float], heard: _Heard) -> None:
    """Returns when the process has ended, which has closed its pipe, or the time is over."""
    started = time.monotonic()
    while not _has_ended(pid) and (at_most_s is None or time.monotonic() - started < at_most_s):
        time.sleep(0.01)
        if at_most_s is None:
            heard.wait()


def _reap(process: subprocess.Popen) -> Tuple[int, "resource.struct_rusage"]:
    """The exit code (negative: the number of the signal), and what the process and those below it have used."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
    return process.returncode, usage
