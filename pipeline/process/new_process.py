"""A stage's process that is started with fork and exec: its start, whether it has ended, and its end."""

import ctypes
import errno
import fcntl
import os
import resource
import signal
import subprocess
import sys
import termios
import time
from typing import Callable, Dict, List, NamedTuple, Optional, Sequence

from octet import errors
from octet.memory_limits import memory
from pipeline.process import memory_message

PYTHON = [sys.executable, "-I", "-X", "utf8"]
"""The command that runs a script of Octet. -I: neither the working folder nor PYTHONPATH can put another `tasks` first.
-X utf8: the encoding of text files does not depend on the locale."""
KILL_WITHIN_S = 30.0
"""How long to wait for the end of a process after SIGKILL. A process does not end while it waits in the kernel for a
device or a file system that does not answer, or while a debugger holds it. It no longer executes instructions."""
PR_SET_PDEATHSIG = 1
# Loaded here: between fork and exec, the new process must not take the lock of the dynamic loader.
LIBC = ctypes.CDLL(None, use_errno=True)


class Start(NamedTuple):
    """What a stage's process is started with.

    stage: the stage's name, for errors. command: the program and its arguments, without the two descriptors.
    environment: {name: value}.
    reports, jobs, terminal, log: descriptors. The pseudo-terminal `terminal` becomes the controlling terminal of the
    process's session. `log` becomes its stdout and stderr."""

    stage: str
    command: Sequence[str]
    environment: Dict[str, str]
    reports: int
    jobs: int
    terminal: int
    log: int


class Ended(NamedTuple):
    """How a process ended. code: its exit code, or minus the number of the signal that killed it.

    peak_resident: its peak resident memory in bytes. cpu_s: its CPU seconds, including those of its children that it
    has reaped. Both are None if unknown."""

    code: int
    peak_resident: Optional[int] = None
    cpu_s: Optional[float] = None


def exit_code(status: int) -> int:
    """The exit code in a status of os.wait4, or minus the number of the signal."""
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


class NewProcess:
    """Starts a process that leads a session of its own. Raises StageDied if no process can be started.

    pid: its number."""

    def __init__(self, start: Start) -> None:
        arguments = [str(start.reports), str(start.jobs)]
        try:
            self._process = subprocess.Popen(
                list(start.command) + arguments, stdin=subprocess.DEVNULL, stdout=start.log, stderr=start.log,
                pass_fds=(start.reports, start.jobs, start.terminal), start_new_session=True, env=start.environment,
                preexec_fn=_lead_session(os.getpid(), start.terminal))  # noqa: PLW1509  (no session of TensorFlow runs here)
        except OSError as error:
            if error.errno not in (errno.ENOMEM, errno.EAGAIN):
                raise
            raise errors.StageDied(
                "no process can be started: {}".format(error.strerror), where=start.stage,
                why=memory_message.describe(memory(), 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, None),
                next_step="end other processes, or raise the limits (`ulimit -v`, `ulimit -u`)") from error
        self.pid, self._stage = self._process.pid, start.stage

    def has_ended(self) -> bool:
        """Whether the process has ended. Does not reap it."""
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None

    def end(self) -> Ended:
        """Kills the process group. Returns when the process has ended, or has not ended within KILL_WITHIN_S."""
        # The leader is not reaped yet, so no other group can have its number.
        os.killpg(self.pid, signal.SIGKILL)
        end, pause_s = time.monotonic() + KILL_WITHIN_S, 0.0005
        while not self.has_ended():
            if time.monotonic() > end:
                return does_not_end(self._stage, self.pid)
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, 0.05)
        _, status, usage = os.wait4(self.pid, 0)
        self._process.returncode = exit_code(status)
        return Ended(exit_code(status), 1024 * usage.ru_maxrss, usage.ru_utime + usage.ru_stime)


def does_not_end(stage: str, pid: int) -> Ended:
    """What `end` returns for a process that did not end within KILL_WITHIN_S of SIGKILL. Prints a message to stderr."""
    print("{}: its process {} was killed but does not end: it waits for a device or a file system that does not "
          "answer, or a debugger holds it. It does no more work; the run does not wait for it".format(stage, pid),
          file=sys.stderr, flush=True)
    return Ended(-signal.SIGKILL)


def die_with_parent(parent: int) -> Callable[[], None]:
    """A function to call in a new process. After the call, the kernel kills the process when the thread that started it
    ends."""
    def request() -> None:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # the parent died between the fork and the request
            os.kill(os.getpid(), signal.SIGKILL)
    return request


def _lead_session(parent: int, terminal: int) -> Callable[[], None]:
    """A function to call in a new process that leads a session. After the call, the process and its group die with the
    parent.

    terminal: the descriptor of the pty that becomes the session's controlling terminal."""
    request_death_signal = die_with_parent(parent)

    def request() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # under `nohup luigi` it would be ignored
        fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
        request_death_signal()
    return request


def close_all(descriptors: List[int]) -> None:
    """Closes the descriptors and empties the list, so that none is closed twice."""
    while descriptors:
        os.close(descriptors.pop())
