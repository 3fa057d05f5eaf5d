"""Starts the fork server of a run (`fork_server.py`), sends it orders, and ends it.

The server imports TensorFlow once, which takes about a second of CPU time, and forks a process for each stage. Only a
command that calls `allow` has a server. It is started for the first stage that imports TensorFlow. If it cannot be
used, the stage's process is started with fork and exec (`new_process.py`), and the run prints the reason.
"""

import errno
import json
import os
import resource
import select
import signal
import socket
import subprocess
import sys
import time
from array import array
from contextlib import suppress
from typing import AbstractSet, Any, Callable, Dict, List, Optional

from octet import interrupts
from pipeline.process import child_environment, new_process
from pipeline.process.new_process import PYTHON, Ended, Start, die_with_parent, exit_code

MODULE = "tensorflow"
"""The module that the server imports. Only stages that import this module are forked from the server."""
SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fork_server.py")
BOOT = "import sys; del sys.argv[0]; exec(compile(open(sys.argv[0]).read(), '<fork server>', 'exec'))"
"""Runs the script under a name that is no path. The server's frames are on the call stack of each stage, and a stage
mistakes a frame whose path is outside its own source for user code."""
POLL_S = 0.2
ENDS_WITHIN_S = 1.0
"""How long to wait, after an order's socket was closed, to see whether the server itself has ended."""
READY = b"ready"
"""The message that the server sends when it accepts orders (`fork_server.py`). It stays in the socket: clients only
peek at it."""
NO_KERAS_HOME = os.path.join(os.devnull, "keras")
"""The server's KERAS_HOME: a path below which nothing can be read or made. While Keras is imported, it reads
keras.json, which changes results, from KERAS_HOME, and makes this folder if it does not exist."""
GONE = "the process that imports it for all stages has ended"
NO_FORK = "no process can be forked for it: {}"
EACH_STAGE, THIS_STAGE = "each stage", "a stage"
STAGE_VARIABLES = ("TMPDIR", "KERAS_HOME", "TF_NUM_INTRAOP_THREADS", "OCTET_PROCESSORS")
"""The environment variables that differ between stages."""


class ForkServer:
    """A running fork server. It ends with the process that made this object.

    environment: the environment variables that the stages have in common."""

    def __init__(self) -> None:
        self.owner, self.environment = os.getpid(), child_environment.passed_on()
        environment = dict(self.environment, KERAS_HOME=NO_KERAS_HOME)
        self.orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self.process = subprocess.Popen(
                PYTHON + ["-c", BOOT, SCRIPT, str(theirs.fileno()), str(os.getpid()), MODULE],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()], start_new_session=True, env=environment,
                preexec_fn=die_with_parent(os.getpid()))  # noqa: PLW1509  (no session of TensorFlow runs here)

    def was_killed(self) -> bool:
        """Whether a signal has ended the server. A server that ends by itself could not import MODULE, and neither
        could another one."""
        return (self.process.poll() or 0) < 0

    def is_ready(self) -> bool:
        """Whether the server accepts orders, or did so before it ended."""
        try:
            return self.orders.recv(len(READY), socket.MSG_PEEK | socket.MSG_DONTWAIT) == READY
        except OSError:
            return False

    def has_ended(self, within_s: float) -> bool:
        """Whether the server has ended, or ends within `within_s`. Also works in a fork of the owner."""
        poll = select.poll()
        poll.register(self.orders, 0)  # POLLHUP and POLLERR are reported in any case
        return bool(poll.poll(1000 * within_s))

    def kill(self) -> None:
        """Ends the server and the processes that it has forked."""
        self.orders.close()
        if self.owner == os.getpid():
            self.process.kill()
            self.process.wait()
        else:
            with suppress(ProcessLookupError):  # the owner has not reaped it, so the number is still its own
                os.kill(self.process.pid, signal.SIGKILL)


_is_allowed = False
_server: Optional[ForkServer] = None
_printed: List[str] = []


def allow() -> None:
    """Allows this process to have a fork server."""
    global _is_allowed
    _is_allowed = True


def start_for(modules: AbstractSet[str]) -> None:
    """Starts the server, if it is not running, for a stage that imports MODULE. Forks of this process use the same
    server.

    modules: the top-level names of the modules that the stage and its checks import."""
    global _server
    if not _is_allowed or MODULE not in modules or _server is not None and not _server.was_killed():
        return
    reason = _unusable()
    if reason is None:
        with interrupts.held():  # between the start and the assignment, an interrupt would lose the server
            stop()
            try:
                _server = ForkServer()
            except OSError as error:
                reason = "no process can be started for it: {}".format(error.strerror)
    if reason is not None:
        _print_unused(EACH_STAGE, reason)


def stop() -> None:
    """Ends the server, if one is running."""
    global _server
    if _server is not None:
        _server.kill()
        _server = None


def _unusable() -> Optional[str]:
    """Why a server cannot be used here; None if it can."""
    if not sys.platform.startswith("linux"):
        return "this system is not Linux"
    for limit, command in ((resource.RLIMIT_AS, "ulimit -v"), (resource.RLIMIT_DATA, "ulimit -d")):
        if resource.getrlimit(limit)[0] != resource.RLIM_INFINITY:
            return "`{}` limits the memory".format(command)
    return None


def _print_unused(stages: str, reason: str) -> None:
    """Prints, once for each reason, why the server is not used. stages: EACH_STAGE or THIS_STAGE."""
    if reason not in _printed:
        _printed.append(reason)
        print("{} imports TensorFlow itself: {}".format(stages, reason), file=sys.stderr, flush=True)


def order(start: Start) -> Optional["ForkedProcess"]:
    """Asks the server to fork a process. Returns the process; None if there is no server, or it cannot be used."""
    if _server is None or list(start.command[:-1]) != PYTHON:
        return None
    environment = {name: value for name, value in start.environment.items() if name not in STAGE_VARIABLES}
    if environment != {name: value for name, value in _server.environment.items() if name not in STAGE_VARIABLES}:
        _print_unused(EACH_STAGE, "the environment has changed since the run began")
        return None
    control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    message = {"script": start.command[-1], "name": start.stage.rpartition(".")[2],
               "environment": {name: start.environment[name] for name in STAGE_VARIABLES if name in start.environment}}
    with theirs:
        descriptors = array("i", [theirs.fileno(), start.reports, start.jobs, start.terminal, start.log])
        try:
            _server.orders.sendmsg([json.dumps(message).encode("utf-8")],
                                   [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)])
        except OSError as error:
            control.close()
            _print_unused(THIS_STAGE, GONE if _server.has_ended(0) else NO_FORK.format(error.strerror))
            return None
    return ForkedProcess(start.stage, control, _server)


class ForkedProcess:
    """A process that the server was asked to fork. It leads a session of its own.

    pid: its number; 0 until it has started."""

    def __init__(self, stage: str, control: socket.socket, server: ForkServer) -> None:
        self.pid = 0
        self._stage, self._control, self._server = stage, control, server
        self._is_open, self._has_ended, self._was_killed = True, False, False
        self._refused: Optional[str] = None
        self._end: Optional[Ended] = None
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)

    def has_started(self, on_wait: Callable[[], None]) -> bool:
        """Waits until the process has started, or cannot be forked. Returns whether it has started. Calls `on_wait`
        repeatedly while it waits."""
        while not self.pid and self._is_open:
            self._read(POLL_S)
            on_wait()
        if not self.pid:
            if self._refused is None and self._server.has_ended(ENDS_WITHIN_S):
                _print_unused(THIS_STAGE, GONE)
            else:
                _print_unused(THIS_STAGE, NO_FORK.format(self._refused or os.strerror(errno.EMFILE)))
        return bool(self.pid)

    def has_ended(self) -> bool:
        """Whether the process has ended, or its server has."""
        self._read(0)
        return self._has_ended or not self._is_open

    def end(self) -> Ended:
        """Kills the process group. Returns when the process has ended, has not ended within KILL_WITHIN_S, or is
        certain not to be forked any more."""
        with suppress(OSError):
            self._control.shutdown(socket.SHUT_WR)
        # A server that is not ready yet will find the socket shut, and drop the order: there is nothing to wait for.
        end = time.monotonic() + new_process.KILL_WITHIN_S
        while self._end is None and self._is_open and (self.pid or self._server.is_ready()):
            self._read(POLL_S)
            if time.monotonic() > end:
                if self._was_killed:
                    self._control.close()
                    return new_process.does_not_end(self._stage, self.pid)
                print("{}: the fork server does not answer: it is killed, with all stages that it has forked".format(
                    self._stage), file=sys.stderr, flush=True)
                self._server.kill()
                break
        if self.pid:
            _wait_until_gone(self.pid)
        self._control.close()
        return self._end or Ended(-signal.SIGKILL)

    def _read(self, timeout_s: float) -> None:
        """Waits up to `timeout_s` for messages of the server, and processes them."""
        while self._is_open and self._poll.poll(1000 * timeout_s):
            try:
                message = self._control.recv(4096)
            except OSError:
                message = b""
            if not message:
                self._is_open = False
                return
            report: Dict[str, Any] = json.loads(message.decode("utf-8"))
            self.pid = report.get("pid", self.pid)
            self._has_ended = self._has_ended or "ended" in report
            self._was_killed = self._was_killed or "killed" in report
            self._refused = report.get("refused", self._refused)
            if "status" in report:
                self._end = Ended(exit_code(report["status"]), report["peak_resident_bytes"], report["cpu_s"])
            timeout_s = 0


def _wait_until_gone(pid: int) -> None:
    """Waits, up to KILL_WITHIN_S, until no running process with this number leads a session. If the server has died,
    the kernel kills the process (PR_SET_PDEATHSIG), and the process that adopted it reaps it."""
    end = time.monotonic() + new_process.KILL_WITHIN_S
    while time.monotonic() < end:
        try:
            with open("/proc/{}/stat".format(pid)) as stat:
                status, _, _, session = stat.read().rpartition(")")[2].split()[:4]
        except OSError:
            return
        if status == "Z" or int(session) != pid:
            return
        time.sleep(0.01)
