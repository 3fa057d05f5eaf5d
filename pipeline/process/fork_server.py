"""A process that imports TensorFlow once, and forks for each stage that needs it. `fork_client.py` starts it.

    fork_server.py ORDERS PARENT MODULE

ORDERS is a descriptor of a Unix socket (SOCK_SEQPACKET), PARENT the process that the server ends with, MODULE what it
imports: nothing but installed distributions, so that no source of Octet or of a user is older in a stage than its key
says. It runs no session and makes no thread.

An order is one message: {"script": file to run, "environment": {name: value}, "name": of the process}, with the
descriptors of a control socket, the report pipe, the job pipe, the pseudo-terminal and the log. The process of the
order leads a session of its own with that terminal, and runs the script as Python would: `script REPORTS JOBS`.

The server sends READY through ORDERS when it takes orders: an order that is withdrawn before is never carried out.
Nobody takes this message out of the socket, so that everybody can look whether it is there.

The control socket is the order's own. The server sends {"pid": number} when it has forked, or {"refused": why not}, and
{"ended": true} when that process has ended. When the other end of the control socket is closed, or shut for writing, it
sends {"killed": true}, kills the process group, and when the process has ended {"status": of os.wait4,
"peak_resident_bytes": number, "cpu_s": number}. Until then the process is not reaped: no other group can have its
number. Then the server closes the socket, as it does for an order that was withdrawn or refused. When ORDERS is closed,
all groups are killed.
"""

import ctypes
import errno
import fcntl
import gc
import importlib
import json
import os
import random
import select
import signal
import socket
import sys
import termios
import types
from array import array
from contextlib import suppress
from typing import Any, Dict, List, NoReturn, Optional, Tuple

PR_SET_PDEATHSIG, PR_SET_NAME = 1, 15
LIBC = ctypes.CDLL(None)
DESCRIPTORS = 5
READY = b"ready"
LONGEST_ORDER = 1 << 16


class Current:
    """The standard stream of this name as it is at the moment: a library that keeps the object while it is imported
    writes to the stream that a stage has set since."""

    def __init__(self, name: str) -> None:
        self.name, self.original = name, getattr(sys, name)

    def __getattr__(self, attribute: str) -> Any:
        stream = getattr(sys, self.name)
        return getattr(self.original if stream is self else stream, attribute)


class Stage:
    """A process that was forked for an order. ending: whether its group is to be killed."""

    def __init__(self, pid: int, control: socket.socket) -> None:
        self.pid, self.control = pid, control
        self.ending = self.is_told = False

    def say(self, **message: Any) -> None:
        with suppress(OSError):  # nobody listens any more
            self.control.send(json.dumps(message).encode("utf-8"))

    def kill(self) -> None:
        """Kills the process and its group. It is not reaped yet, so both numbers are its own."""
        self.ending = True
        self.say(killed=True)
        for kill in (os.kill, os.killpg):
            with suppress(ProcessLookupError):
                kill(self.pid, signal.SIGKILL)

    def reaped(self) -> bool:
        """Tells the other side once the process has ended, and reaps one that is ending. Returns whether it has."""
        if os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
            return False
        if not self.is_told:
            self.is_told = True
            self.say(ended=True)
        if self.ending:
            _, status, usage = os.wait4(self.pid, 0)
            self.say(status=status, peak_resident_bytes=1024 * usage.ru_maxrss, cpu_s=usage.ru_utime + usage.ru_stime)
            self.control.close()
        return self.ending


class Server:
    """orders: the socket that orders come through."""

    def __init__(self, orders: socket.socket) -> None:
        self.orders = orders
        self.stages: Dict[int, Stage] = {}  # by the descriptor of the control socket

    def serve(self) -> None:
        """Returns when the other side of `orders` is closed and all stages have been killed."""
        wake, waker = os.pipe()
        for descriptor in (wake, waker):
            os.set_blocking(descriptor, False)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        self.orders.send(READY)
        poll = select.poll()
        for descriptor in (wake, self.orders.fileno()):
            poll.register(descriptor, select.POLLIN)
        while True:
            for descriptor, _ in poll.poll():
                if descriptor == wake:
                    with suppress(BlockingIOError):
                        os.read(wake, 4096)
                elif descriptor == self.orders.fileno():
                    message, received = _received(self.orders)
                    if not message:
                        for stage in self.stages.values():
                            stage.kill()
                        return
                    forked = self._fork(message, received, (wake, waker))
                    if forked is not None:
                        self.stages[forked.control.fileno()] = forked
                        poll.register(forked.control.fileno(), select.POLLIN)
                elif descriptor in self.stages:
                    self.stages[descriptor].kill()
                    poll.unregister(descriptor)
            for descriptor, stage in list(self.stages.items()):
                if stage.reaped():
                    del self.stages[descriptor]
                    with suppress(KeyError):
                        poll.unregister(descriptor)

    def _fork(self, message: bytes, received: List[int], wakers: Tuple[int, int]) -> Optional[Stage]:
        """The stage of an order; None where the order has been withdrawn, or no process can be had."""
        if not received:
            return None
        control, rest = socket.socket(fileno=received[0]), received[1:]
        try:
            if len(received) < DESCRIPTORS:
                raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
            if _is_closed(control):
                control.close()
                return None
            server = os.getpid()
            pid = os.fork()
        except OSError as error:
            with suppress(OSError):
                control.send(json.dumps({"refused": error.strerror}).encode("utf-8"))
            control.close()
            return None
        finally:
            if os.getpid() == SERVER:
                _close(rest)
        if pid == 0:
            for stage in self.stages.values():
                stage.control.close()
            control.close()
            self.orders.close()
            signal.set_wakeup_fd(-1)
            _close(list(wakers))
            become(server, json.loads(message.decode("utf-8")), rest)
        stage = Stage(pid, control)
        stage.say(pid=pid)
        return stage


def become(server: int, order: Dict[str, Any], descriptors: List[int]) -> NoReturn:
    """Runs the order in this process, which has just been forked by `server`, and ends it."""
    code = 1
    try:
        reports, jobs, terminal, log = descriptors
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # `nohup luigi` has it ignored
        fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
        die_with(server)
        LIBC.prctl(PR_SET_NAME, order["name"].encode("utf-8"), 0, 0, 0)
        for standard in (1, 2):
            os.dup2(log, standard)
        os.close(log)
        sys.stdout, sys.stderr = (stream.original for stream in (STDOUT, STDERR))
        os.environ.update(order["environment"])
        _seed()
        sys.argv = [order["script"], str(reports), str(jobs)]
        module = types.ModuleType("__main__")
        module.__file__ = order["script"]
        for name in [name for name, other in sys.modules.items() if other is sys.modules["__main__"]]:
            sys.modules[name] = module  # multiprocessing has a second name for it
        with open(order["script"], "rb") as script:
            source = script.read()
        exec(compile(source, order["script"], "exec"), module.__dict__)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(Exception):
                stream.flush()
        os._exit(code)


def die_with(parent: int) -> None:
    """From now on this process is killed when its parent dies."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # the parent died before the request
        os.kill(os.getpid(), signal.SIGKILL)


def _seed() -> None:
    """Forks would draw the same numbers. A new process draws others each time."""
    random.seed()
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()


def _received(orders: socket.socket) -> Tuple[bytes, List[int]]:
    """(an order, its descriptors); (b"", []) where no order can come any more."""
    room = array("i", [0] * DESCRIPTORS)
    try:
        message, ancillary, _, _ = orders.recvmsg(LONGEST_ORDER, socket.CMSG_SPACE(len(room) * room.itemsize))
    except ConnectionResetError:  # it was closed by one that has not taken READY out of it
        return b"", []
    found = array("i")
    for level, kind, content in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            found.frombytes(content[:len(content) - len(content) % found.itemsize])
    for descriptor in found:
        os.set_inheritable(descriptor, False)
    return message, list(found)


def _is_closed(control: socket.socket) -> bool:
    """Whether the other end is closed, or shut for writing: nobody waits for the order any more."""
    try:
        return not control.recv(64, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True


def _close(descriptors: List[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def main(orders: int, parent: int, module: str) -> None:
    die_with(parent)
    importlib.import_module(module)
    gc.collect()
    gc.freeze()  # a collection in a stage would write into pages that it shares with the server
    Server(socket.socket(fileno=orders)).serve()


if __name__ == "__main__":
    SERVER = os.getpid()
    STDOUT, STDERR = Current("stdout"), Current("stderr")
    sys.stdout, sys.stderr = STDOUT, STDERR  # type: ignore[assignment]
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
    os._exit(0)
