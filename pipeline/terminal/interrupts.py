"""Ctrl-C and SIGTERM while a command works, and while it ends. Imports little, as startup.py does."""

import os
import signal
from typing import NoReturn, Optional

_received: Optional[KeyboardInterrupt] = None
_has_handlers = False


class Terminated(KeyboardInterrupt):
    """SIGTERM. A KeyboardInterrupt, since Luigi catches every other exception."""


def hear() -> None:
    """From now on Ctrl-C and SIGTERM raise KeyboardInterrupt, for there is something to clean up. Where Ctrl-C was
    ignored, as with `nohup`, it stays ignored."""
    global _has_handlers
    _has_handlers = True
    signal.signal(signal.SIGTERM, _raise)
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, _raise)


def received() -> Optional[KeyboardInterrupt]:
    """The first interrupt that this process received; None if it received none.

    A clean-up that a signal interrupts may raise an error of its own, which then hides the interrupt."""
    return _received


def leave_at_once() -> None:
    """From now on Ctrl-C ends the process at once: only the buffered output is still to be written."""
    if _has_handlers and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, _leave)


def ignore() -> None:
    """From now on Ctrl-C is ignored: the exit code is decided.

    Python restores the system's handlers while it ends, and the system's handler of SIGINT would kill the process."""
    if _has_handlers:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _raise(number: int, frame: object) -> NoReturn:
    global _received
    interrupt = Terminated() if number == signal.SIGTERM else KeyboardInterrupt()
    _received = _received or interrupt
    raise interrupt


def _leave(number: int, frame: object) -> NoReturn:
    os._exit(128 + number)
