"""The fork server of a run (`fork_server.py`): its start, orders to it, and its end.

It is a process that has imported TensorFlow, which takes a second of a processor, and forks for each stage. Only a
command that calls `use` has one, and it has it from the first stage on that imports TensorFlow. Where it cannot be
used, a stage's process is started anew, and the run says why.
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
"""What the server imports, for the stages that import it."""
SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fork_server.py")
BOOT = "import sys; del sys.argv[0]; exec(compile(open(sys.argv[0]).read(), '<fork server>', 'exec'))"
"""Runs the script under a name that is no path. The frames of the server lie below those of a stage, which would take
a path outside its own source for the user's."""
POLL_S = 0.2
ENDS_WITHIN_S = 1.0
"""How long after the end of an order's socket the server's own end is still to be noticed, where it has ended."""
READY = b"ready"
"""What the server sends when it takes orders (`fork_server.py`). It stays in the socket."""
NO_KERAS_HOME = os.path.join(os.devnull, "keras")
"""Keras reads keras.json, which changes results, from KERAS_HOME while it is imported, and makes the folder where there
is none. Nothing can be read or made below this path."""
GONE = "the process that imports it for all stages has ended"
NO_FORK = "no process can be forked for it: {}"
ONE = "a stage"  # the next one may be forked again
PER_STAGE = ("TMPDIR", "KERAS_HOME")
"""The variables that each stage has for itself."""


class ForkServer:
    """A server that this process, the run's, has started. It ends with this process.

    environment: its variables."""

    def __init__(self) -> None:
        self.owner, self.environment = os.getpid(), child_environment.passed_on()
        environment = dict(self.environment, KERAS_HOME=NO_KERAS_HOME)
        self.orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self.process = subprocess.Popen(
                PYTHON + ["-c", BOOT, SCRIPT, str(theirs.fileno()), str(os.getpid()), MODULE],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()], start_new_session=True, env=environment,
                preexec_fn=die_with_parent(os.getpid()))

    def was_killed(self) -> bool:
        """Whether a signal has ended it. One that ends by itself cannot import what it should, nor can the next."""
        return (self.process.poll() or 0) < 0

    def is_ready(self) -> bool:
        """Whether it takes orders, or has taken some before it ended."""
        try:
            return self.orders.recv(len(READY), socket.MSG_PEEK | socket.MSG_DONTWAIT) == READY
        except OSError:
            return False

    def has_ended(self, within_s: float) -> bool:
        """Whether it has ended, or does so within the time. A fork of its owner can ask, too."""
        poll = select.poll()
        poll.register(self.orders, 0)  # POLLHUP and POLLERR are reported in any case
        return bool(poll.poll(1000 * within_s))

    def kill(self) -> None:
        """Ends the server, and with it the processes that it has forked."""
        self.orders.close()
        if self.owner == os.getpid():
            self.process.kill()
            self.process.wait()
        else:
            with suppress(ProcessLookupError):  # the owner has not reaped it: the number is still its own
                os.kill(self.process.pid, signal.SIGKILL)


_is_used = False
_server: Optional[ForkServer] = None
_said: List[str] = []


def use() -> None:
    """Allows this process, which runs stages, to have a server."""
    global _is_used
    _is_used = True


def expect_work(modules: AbstractSet[str]) -> None:
    """Starts the server where there is none and a stage is about to run that imports MODULE.

    modules: the top-level names of the modules that the stage and its checks import.

    A fork of this process orders from the same server."""
    global _server
    if not _is_used or MODULE not in modules or _server is not None and not _server.was_killed():
        return
    reason = _unusable()
    if reason is None:
        with interrupts.held():  # a server that was started is known here, and ended by `stop`
            stop()
            try:
                _server = ForkServer()
            except OSError as error:
                reason = "no process can be started for it: {}".format(error.strerror)
    if reason is not None:
        _say(reason)


def stop() -> None:
    """Ends the server, where there is one."""
    global _server
    if _server is not None:
        _server.kill()
        _server = None


def _unusable() -> Optional[str]:
    """Why a server may not be used here; None where it may."""
    if not sys.platform.startswith("linux"):
        return "this system is not Linux"
    for limit, command in ((resource.RLIMIT_AS, "ulimit -v"), (resource.RLIMIT_DATA, "ulimit -d")):
        if resource.getrlimit(limit)[0] != resource.RLIM_INFINITY:
            return "`{}` limits the memory".format(command)
    return None


def _say(reason: str, who: str = "each stage") -> None:
    if reason not in _said:
        _said.append(reason)
        print("{} imports TensorFlow itself: {}".format(who, reason), file=sys.stderr, flush=True)


def ordered(start: Start) -> Optional["ForkedProcess"]:
    """The process that the server is about to fork; None where there is no server, or it cannot be used for this."""
    if _server is None or list(start.command[:-1]) != PYTHON:
        return None
    environment = {name: value for name, value in start.environment.items() if name not in PER_STAGE}
    if environment != {name: value for name, value in _server.environment.items() if name not in PER_STAGE}:
        _say("the environment has changed since the run began")
        return None
    control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    order = {"script": start.command[-1], "name": start.stage.rpartition(".")[2],
             "environment": {name: start.environment[name] for name in PER_STAGE if name in start.environment}}
    with theirs:
        descriptors = array("i", [theirs.fileno(), start.reports, start.jobs, start.terminal, start.log])
        try:
            _server.orders.sendmsg([json.dumps(order).encode("utf-8")],
                                   [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)])
        except OSError as error:
            control.close()
            _say(GONE if _server.has_ended(0) else NO_FORK.format(error.strerror), ONE)
            return None
    return ForkedProcess(start.stage, control, _server)


class ForkedProcess:
    """A process that the server has been asked to fork; it leads a session.

    pid: its number; 0 until `has_started`."""

    def __init__(self, stage: str, control: socket.socket, server: ForkServer) -> None:
        self.pid = 0
        self._stage, self._control, self._server = stage, control, server
        self._is_open, self._has_ended, self._was_killed = True, False, False
        self._refused: Optional[str] = None
        self._end: Optional[Ended] = None
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)

    def has_started(self, on_wait: Callable[[], None]) -> bool:
        """Returns when the process is there, or is not to come. `on_wait` is called meanwhile."""
        while not self.pid and self._is_open:
            self._read(POLL_S)
            on_wait()
        if not self.pid:
            if self._refused is None and self._server.has_ended(ENDS_WITHIN_S):
                _say(GONE, ONE)
            else:
                _say(NO_FORK.format(self._refused or os.strerror(errno.EMFILE)), ONE)
        return bool(self.pid)

    def has_ended(self) -> bool:
        """Whether it has ended."""
        self._read(0)
        return self._has_ended or not self._is_open

    def end(self) -> Ended:
        """Kills its process group. Returns when the process has ended, has been waited for in vain, or is never going
        to be forked."""
        with suppress(OSError):
            self._control.shutdown(socket.SHUT_WR)
        # After the shutdown, a server that is not ready finds an order that was withdrawn.
        end = time.monotonic() + new_process.KILL_WITHIN_S
        while self._end is None and self._is_open and (self.pid or self._server.is_ready()):
            self._read(POLL_S)
            if time.monotonic() > end:
                if self._was_killed:
                    self._control.close()
                    return new_process.given_up(self._stage, self.pid)
                print("{}: the process that forks the stages does not answer: it is ended with all its stages".format(
                    self._stage), file=sys.stderr, flush=True)
                self._server.kill()
                break
        if self.pid:
            _wait_until_gone(self.pid)
        self._control.close()
        return self._end or Ended(-signal.SIGKILL)

    def _read(self, timeout_s: float) -> None:
        """Takes in what the server says within the time."""
        while self._is_open and self._poll.poll(1000 * timeout_s):
            try:
                message = self._control.recv(4096)
            except OSError:
                message = b""
            if not message:
                self._is_open = False
                return
            said: Dict[str, Any] = json.loads(message.decode("utf-8"))
            self.pid = said.get("pid", self.pid)
            self._has_ended = self._has_ended or "ended" in said
            self._was_killed = self._was_killed or "killed" in said
            self._refused = said.get("refused", self._refused)
            if "status" in said:
                self._end = Ended(exit_code(said["status"]), said["peak_resident_bytes"], said["cpu_s"])
            timeout_s = 0


def _wait_until_gone(pid: int) -> None:
    """Returns when no process of this number leads a session. Without a server, the kernel kills it (PR_SET_PDEATHSIG),
    and the process that adopted it reaps it."""
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
