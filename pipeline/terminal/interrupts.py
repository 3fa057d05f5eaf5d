"""Ctrl-C and SIGTERM, from the moment at which a command hears them to its end. Imports little: see startup.py."""

import os
import signal
from typing import NoReturn, Optional

_received = None  # type: Optional[KeyboardInterrupt]
_heard = False


class Terminated(KeyboardInterrupt):
    """SIGTERM. Of all exceptions Luigi lets only KeyboardInterrupt through."""


def hear() -> None:
    """From now on Ctrl-C and SIGTERM raise KeyboardInterrupt: there is something to put in order. Ctrl-C stays
    ignored where it was, as with `nohup`."""
    global _heard
    _heard = True
    signal.signal(signal.SIGTERM, _raise)
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, _raise)


def received() -> Optional[KeyboardInterrupt]:
    """The first interrupt that this process got; None where it got none.

    Clean-up that a signal cuts short may fail by itself, and its error then hides the interrupt."""
    return _received


def leave_at_once() -> None:
    """From now on Ctrl-C ends the process at once: all that is left to do is to write what was printed."""
    if _heard and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, _leave)


def ignore() -> None:
    """From now on Ctrl-C changes nothing: the exit code is decided.

    Python restores the system's handlers while it ends, and the system's handler of SIGINT would kill the process."""
    if _heard:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _raise(number: int, frame: object) -> NoReturn:
    global _received
    interrupt = Terminated() if number == signal.SIGTERM else KeyboardInterrupt()
    _received = _received or interrupt
    raise interrupt


def _leave(number: int, frame: object) -> NoReturn:
    os._exit(128 + number)
