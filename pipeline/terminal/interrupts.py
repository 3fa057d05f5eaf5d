"""Handles Ctrl-C and SIGTERM while a command works and while it ends. Like startup.py, it imports little."""

import os
import signal
from typing import NoReturn, Optional

MESSAGE = "interrupted: complete stages are kept; the same command makes the others"
"""The last line of a run that an interrupt ended."""

_received: Optional[KeyboardInterrupt] = None
_has_handlers = False


class Terminated(KeyboardInterrupt):
    """SIGTERM as an exception. It is a KeyboardInterrupt because Luigi catches all other exceptions."""


def raise_on_signals() -> None:
    """Makes Ctrl-C and SIGTERM raise KeyboardInterrupt, so that the command can clean up. If Ctrl-C is ignored, as with
    `nohup`, it stays ignored."""
    global _has_handlers
    _has_handlers = True
    signal.signal(signal.SIGTERM, _raise)
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, _raise)


def received() -> Optional[KeyboardInterrupt]:
    """The first interrupt that this process received, or None. Callers need it because an interrupted clean-up may
    raise another error."""
    return _received


def leave_at_once() -> None:
    """Makes Ctrl-C end the process at once. For the end of a command, when only buffered output remains to be
    written."""
    if _has_handlers and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, _leave)


def ignore() -> None:
    """Makes the process ignore Ctrl-C, so that it cannot change the exit code: while Python exits, it restores the
    system's handler of SIGINT, which would kill the process."""
    if _has_handlers:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _raise(number: int, frame: object) -> NoReturn:
    global _received
    interrupt = Terminated() if number == signal.SIGTERM else KeyboardInterrupt()
    _received = _received or interrupt
    raise interrupt


def _leave(number: int, frame: object) -> NoReturn:
    os._exit(128 + number)
