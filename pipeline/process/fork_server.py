"""A server that imports TensorFlow once, and forks a process for each stage. `fork_client.py` starts it.

    fork_server.py ORDERS PARENT MODULE

ORDERS is the descriptor of a Unix socket (SOCK_SEQPACKET). The server ends when the process PARENT ends. It imports
MODULE and installed distributions only: source of Octet or of the user could be older than the stage's key says. It
runs no TensorFlow session and starts no thread.

An order is one message, {"script": file to run, "environment": {name: value}, "name": name of the process}, with five
descriptors: a control socket, the report pipe, the job pipe, the pseudo-terminal and the log. The forked process leads
a session of its own with that terminal, and runs the script as Python would: `script REPORTS JOBS`.

When the server is ready for orders, it sends READY through ORDERS. Readers only peek at this message, so it stays in
the socket for the next reader. An order that is withdrawn before the server is ready is never carried out.

Each order has its own control socket, through which the server sends:

- {"pid": number} after the fork, or {"refused": reason};
- {"ended": true} when the process has ended;
- {"killed": true} when the other end of the control socket was closed, or shut down for writing. The server then kills
  the process group;
- {"status": of os.wait4, "peak_resident_bytes": number, "cpu_s": number} when the killed process has ended.

A process is reaped only after that, so no other process group can have its number before. Then, or when an order was
withdrawn or refused, the server closes the control socket. When ORDERS is closed, the server kills all process groups.
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
from typing import Any, Dict, List, NamedTuple, NoReturn, Optional, Tuple

PR_SET_PDEATHSIG, PR_SET_NAME = 1, 15
LIBC = ctypes.CDLL(None)
DESCRIPTORS = 5
READY = b"ready"
LONGEST_ORDER = 1 << 16


class Order(NamedTuple):
    """The message of an order. script: the file to run. environment: variables to set. name: of the process."""

    script: str
    environment: Dict[str, str]
    name: str


class CurrentStream:
    """Forwards to the present `sys.stdout` or `sys.stderr`. A library that keeps this object when it is imported writes
    to the stream that a stage sets later."""

    def __init__(self, name: str) -> None:
        self.name, self.original = name, getattr(sys, name)

    def __getattr__(self, attribute: str) -> Any:
        stream = getattr(sys, self.name)
        return getattr(self.original if stream is self else stream, attribute)


class Fork:
    """A process that was forked for an order.

    is_killed: whether its group was killed. end_is_reported: whether {"ended": true} was sent."""

    def __init__(self, pid: int, control: socket.socket) -> None:
        self.pid, self.control = pid, control
        self.is_killed = self.end_is_reported = False

    def send(self, **message: Any) -> None:
        with suppress(OSError):  # the other end is closed
            self.control.send(json.dumps(message).encode("utf-8"))

    def kill(self) -> None:
        """Kills the process and its group. It is not reaped yet, so both numbers are its own."""
        self.is_killed = True
        self.send(killed=True)
        for kill in (os.kill, os.killpg):
            with suppress(ProcessLookupError):
                kill(self.pid, signal.SIGKILL)

    def report_end(self) -> bool:
        """If the process has ended, reports this once, and reaps the process if it was killed. Returns whether it was
        reaped."""
        if os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
            return False
        if not self.end_is_reported:
            self.end_is_reported = True
            self.send(ended=True)
        if self.is_killed:
            _, status, usage = os.wait4(self.pid, 0)
            self.send(status=status, peak_resident_bytes=1024 * usage.ru_maxrss, cpu_s=usage.ru_utime + usage.ru_stime)
            self.control.close()
        return self.is_killed


class Server:
    """orders: the socket that orders arrive on."""

    def __init__(self, orders: socket.socket) -> None:
        self.orders = orders
        self.forks: Dict[int, Fork] = {}  # {descriptor of the control socket: fork}

    def serve(self) -> None:
        """Carries out orders until the other end of `orders` is closed. Then kills all forks."""
        wakeup_read, wakeup_write = os.pipe()
        for descriptor in (wakeup_read, wakeup_write):
            os.set_blocking(descriptor, False)
        signal.set_wakeup_fd(wakeup_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        self.orders.send(READY)
        poll = select.poll()
        for descriptor in (wakeup_read, self.orders.fileno()):
            poll.register(descriptor, select.POLLIN)
        while True:
            for descriptor, _ in poll.poll():
                if descriptor == wakeup_read:
                    with suppress(BlockingIOError):
                        os.read(wakeup_read, 4096)
                elif descriptor == self.orders.fileno():
                    message, received = _receive_order(self.orders)
                    if not message:
                        for fork in self.forks.values():
                            fork.kill()
                        return
                    new = self._fork(message, received, (wakeup_read, wakeup_write))
                    if new is not None:
                        self.forks[new.control.fileno()] = new
                        poll.register(new.control.fileno(), select.POLLIN)
                elif descriptor in self.forks:
                    self.forks[descriptor].kill()
                    poll.unregister(descriptor)
            for descriptor, fork in list(self.forks.items()):
                if fork.report_end():
                    del self.forks[descriptor]
                    with suppress(KeyError):
                        poll.unregister(descriptor)

    def _fork(self, message: bytes, received: List[int], wakeup_pipe: Tuple[int, int]) -> Optional[Fork]:
        """Forks a process for an order. Returns None if the order was withdrawn, or no process can be forked."""
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
            for fork in self.forks.values():
                fork.control.close()
            control.close()
            self.orders.close()
            signal.set_wakeup_fd(-1)
            _close(list(wakeup_pipe))
            run_order(server, Order(**json.loads(message.decode("utf-8"))), rest)
        fork = Fork(pid, control)
        fork.send(pid=pid)
        return fork


def run_order(server: int, order: Order, descriptors: List[int]) -> NoReturn:
    """Runs the order in this process, which `server` has just forked, and ends the process."""
    code = 1
    try:
        reports, jobs, terminal, log = descriptors
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # under `nohup luigi` it would be ignored
        fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
        die_with_parent(server)
        LIBC.prctl(PR_SET_NAME, order.name.encode("utf-8"), 0, 0, 0)
        for standard in (1, 2):
            os.dup2(log, standard)
        os.close(log)
        sys.stdout, sys.stderr = (stream.original for stream in (STDOUT, STDERR))
        os.environ.update(order.environment)
        _seed()
        sys.argv = [order.script, str(reports), str(jobs)]
        module = types.ModuleType("__main__")
        module.__file__ = order.script
        for name in [name for name, other in sys.modules.items() if other is sys.modules["__main__"]]:
            sys.modules[name] = module  # multiprocessing adds a second name for __main__
        with open(order.script, "rb") as script:
            source = script.read()
        exec(compile(source, order.script, "exec"), module.__dict__)
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


def die_with_parent(parent: int) -> None:
    """Makes the kernel kill this process when its parent dies."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # the parent died before the request
        os.kill(os.getpid(), signal.SIGKILL)


def _seed() -> None:
    """Seeds the random generators anew. Otherwise all forks would draw the same numbers, unlike new processes."""
    random.seed()
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()


def _receive_order(orders: socket.socket) -> Tuple[bytes, List[int]]:
    """Returns (an order, its descriptors); (b"", []) if the other end is closed."""
    found = array("i")
    try:
        message, ancillary, _, _ = orders.recvmsg(LONGEST_ORDER, socket.CMSG_SPACE(DESCRIPTORS * found.itemsize))
    except ConnectionResetError:  # the other end was closed while READY was still in its buffer
        return b"", []
    for level, kind, content in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            found.frombytes(content[:len(content) - len(content) % found.itemsize])
    for descriptor in found:
        os.set_inheritable(descriptor, False)
    return message, list(found)


def _is_closed(control: socket.socket) -> bool:
    """Whether the other end is closed or shut down for writing: the order was withdrawn."""
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
    die_with_parent(parent)
    importlib.import_module(module)
    gc.collect()
    gc.freeze()  # otherwise a collection in a stage would write to, and so copy, the pages shared with the server
    Server(socket.socket(fileno=orders)).serve()


if __name__ == "__main__":
    SERVER = os.getpid()
    STDOUT, STDERR = CurrentStream("stdout"), CurrentStream("stderr")
    sys.stdout, sys.stderr = STDOUT, STDERR  # type: ignore[assignment]
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
    os._exit(0)
