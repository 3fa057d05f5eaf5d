"""A stage's process that Python starts anew: what it is started with, how it is asked whether it lives, and its end."""

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
from octet.memory_limits import room
from pipeline.process import memory_words

PYTHON = [sys.executable, "-I", "-X", "utf8"]
"""The command that runs a script of Octet. -I: neither the working folder nor PYTHONPATH can put another `tasks` first.
-X utf8: the encoding of text files does not depend on the locale."""
KILL_WITHIN_S = 30.0
"""How long a process that has been killed is waited for. One that waits in the kernel for a device or a file system
which does not answer, or that a debugger holds, does not end before. It runs no instruction any more."""
PR_SET_PDEATHSIG = 1
# Loaded here and not in the new process: between fork and exec nothing may take the loader's lock.
LIBC = ctypes.CDLL(None, use_errno=True)


class Start(NamedTuple):
    """What a stage's process is started with.

    stage: its name, for errors. command: the program and its arguments, without the two descriptors.
    environment: {name: value}. reports, jobs, terminal, log: descriptors; the terminal is the pseudo-terminal that
    becomes the controlling terminal of its session, the log is its stdout and stderr."""

    stage: str
    command: Sequence[str]
    environment: Dict[str, str]
    reports: int
    jobs: int
    terminal: int
    log: int


class Ended(NamedTuple):
    """How a process ended. code: its exit code, or minus the number of the signal that killed it.

    peak_resident: the most memory that it had, in bytes. cpu_s: CPU seconds, with those of the processes that it has
    waited for. None where that is not known."""

    code: int
    peak_resident: Optional[int] = None
    cpu_s: Optional[float] = None


def exit_code(status: int) -> int:
    """The exit code, or minus the number of the signal, of a status of os.wait4."""
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


class NewProcess:
    """A process that was started anew; it leads a session. Raises StageDied where none can be started.

    pid: its number."""

    def __init__(self, start: Start) -> None:
        arguments = [str(start.reports), str(start.jobs)]
        try:
            self._process = subprocess.Popen(
                list(start.command) + arguments, stdin=subprocess.DEVNULL, stdout=start.log, stderr=start.log,
                pass_fds=(start.reports, start.jobs, start.terminal), start_new_session=True, env=start.environment,
                preexec_fn=_lead_session(os.getpid(), start.terminal))
        except OSError as error:
            if error.errno not in (errno.ENOMEM, errno.EAGAIN):
                raise
            raise errors.StageDied(
                "no process can be started: {}".format(error.strerror), where=start.stage,
                why=memory_words.describe(room(), 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, None),
                next_step="end other processes, or raise the limits (`ulimit -v`, `ulimit -u`)") from error
        self.pid, self._stage = self._process.pid, start.stage

    def has_ended(self) -> bool:
        """Whether it has ended. It is not reaped."""
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None

    def end(self) -> Ended:
        """Kills its process group. Returns when the process has ended, or has been waited for in vain."""
        # The leader is not reaped yet, so no other group can have its number.
        os.killpg(self.pid, signal.SIGKILL)
        end, pause_s = time.monotonic() + KILL_WITHIN_S, 0.0005
        while not self.has_ended():
            if time.monotonic() > end:
                return given_up(self._stage, self.pid)
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, 0.05)
        _, status, usage = os.wait4(self.pid, 0)
        self._process.returncode = exit_code(status)
        return Ended(exit_code(status), 1024 * usage.ru_maxrss, usage.ru_utime + usage.ru_stime)


def given_up(stage: str, pid: int) -> Ended:
    """The end of a process that was killed and waited for in vain, which is said on stderr."""
    print("{}: its process {} was killed and does not end: it waits for a device or a file system that does not "
          "answer, or a debugger holds it. It does no more work, and is not waited for".format(stage, pid),
          file=sys.stderr, flush=True)
    return Ended(-signal.SIGKILL)


def die_with_parent(parent: int) -> Callable[[], None]:
    """A function to call in a new process. After the call, the process dies with the thread that started it."""
    def request() -> None:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # the parent died between the fork and the request
            os.kill(os.getpid(), signal.SIGKILL)
    return request


def _lead_session(parent: int, terminal: int) -> Callable[[], None]:
    """A function to call in a new process that leads a session. After the call it dies with the parent, and its
    process group with it.

    terminal: the descriptor of the pty that becomes the session's controlling terminal."""
    request_death_signal = die_with_parent(parent)

    def request() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # `nohup luigi` has it ignored
        fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
        request_death_signal()
    return request


def close_all(descriptors: List[int]) -> None:
    """Closes the descriptors and empties the list, so that none is closed twice."""
    while descriptors:
        os.close(descriptors.pop())
