"""Standard output and error streams that never raise, so that a run continues when it can no longer print.

The disk of a log may be full, a terminal closed, or a pipe without a reader. Lines that could not be written are kept,
and written at the end if that is possible then.
"""

import collections
import io
import os
import select
import sys
import threading
from typing import Deque, List, Optional, TextIO, cast

KEPT_LINES = 1000


def guard() -> None:
    """Replaces `sys.stdout` and `sys.stderr` by streams that never raise."""
    sys.stdout = cast(TextIO, Stream(1, _encoding(sys.stdout)))
    sys.stderr = cast(TextIO, Stream(2, _encoding(sys.stderr)))


def escape_unencodable() -> None:
    """Makes `sys.stdout` and `sys.stderr` escape what they cannot encode, such as bytes of file names."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def finish() -> None:
    """Writes the lines that could not be written before, to the same stream or else to the other one."""
    standard: List[object] = [sys.stdout, sys.stderr]
    streams = [stream for stream in standard if isinstance(stream, Stream)]
    for stream in streams:
        stream.flush()
        lost = stream.take_lost()
        if lost and not stream.emit(lost):
            for other in streams:
                if other is not stream:
                    other.emit(lost)


class Stream(io.TextIOBase):
    """A text stream for a file descriptor. Each line is written by one `write`, so that processes which share the file
    do not mix their lines."""

    def __init__(self, descriptor: int, encoding: str) -> None:
        self._descriptor = descriptor
        self._encoding = encoding
        self._pending = threading.local()
        self._lost: Deque[str] = collections.deque(maxlen=KEPT_LINES)
        self._trouble: Optional[str] = None

    @property
    def encoding(self) -> str:  # type: ignore[override]  # io declares an attribute
        return self._encoding

    @property
    def errors(self) -> str:  # type: ignore[override]
        return "backslashreplace"

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        parts = self._parts()
        parts.append(text)
        if "\n" in text:
            self.flush()
        return len(text)

    def flush(self) -> None:
        parts = self._parts()
        text = "".join(parts)
        del parts[:]
        if text and not self.emit(text):
            self._lost.append(text)

    def emit(self, text: str) -> bool:
        """Writes the text. Returns whether that was possible."""
        rest = text.encode(self._encoding, "backslashreplace")
        try:
            while rest:
                try:
                    rest = rest[os.write(self._descriptor, rest):]
                except BlockingIOError:  # another process has made the terminal or pipe non-blocking
                    select.select([], [self._descriptor], [])
        except OSError as error:
            self._trouble = error.strerror
            return False
        return True

    def take_lost(self) -> str:
        """Returns and removes the lines that could not be written, after a line with the reason; '' if there are
        none."""
        lost = "".join(self._lost)
        self._lost.clear()
        return "could not be written before ({}):\n{}".format(self._trouble, lost) if lost else ""

    def _parts(self) -> List[str]:
        """The pieces of the current thread's unfinished line."""
        if not hasattr(self._pending, "parts"):
            self._pending.parts = []
        parts: List[str] = self._pending.parts
        return parts


def _encoding(stream: object) -> str:
    return getattr(stream, "encoding", None) or "utf-8"
