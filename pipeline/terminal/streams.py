"""Standard output and error that a run can lose without being stopped by it.

The disk of a log is full, a terminal was closed, a pipe has no reader: the artifact matters more than the line.
What could not be written is kept and tried again at the end.
"""

import collections
import io
import os
import select
import sys
import threading
from typing import List

KEPT_LINES = 1000


def guard() -> None:
    """`sys.stdout` and `sys.stderr` never raise from now on, whatever is written and whatever becomes of them."""
    sys.stdout = Stream(1, _encoding(sys.stdout))
    sys.stderr = Stream(2, _encoding(sys.stderr))


def take_any_name() -> None:
    """`sys.stdout` and `sys.stderr` print a file name that is no text with its odd bytes escaped."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def finish() -> None:
    """Says what could not be written before: where it was to be written, else on the other stream."""
    streams = [stream for stream in (sys.stdout, sys.stderr) if isinstance(stream, Stream)]
    for stream in streams:
        stream.flush()
        lost = stream.take_lost()
        for other in [stream] + [each for each in streams if each is not stream] if lost else []:
            if other.emit(lost):
                break


class Stream(io.TextIOBase):
    """Text for a file descriptor, written line by line, each in one piece: processes that share it do not mix lines."""

    def __init__(self, descriptor: int, encoding: str) -> None:
        self._descriptor = descriptor
        self._encoding = encoding
        self._pending = threading.local()
        self._lost = collections.deque(maxlen=KEPT_LINES)  # type: Deque[str]
        self._trouble = None  # type: Optional[str]

    @property
    def encoding(self) -> str:
        return self._encoding

    @property
    def errors(self) -> str:
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
        """Whether `text` was written."""
        rest = text.encode(self._encoding, "backslashreplace")
        try:
            while rest:
                try:
                    rest = rest[os.write(self._descriptor, rest):]
                except BlockingIOError:  # somebody has made the terminal or pipe non-blocking
                    select.select([], [self._descriptor], [])
        except OSError as error:
            self._trouble = error.strerror
            return False
        return True

    def take_lost(self) -> str:
        """What could not be written, with a line above it that says why; nothing the next time."""
        lost = "".join(self._lost)
        self._lost.clear()
        return "could not be written before ({}):\n{}".format(self._trouble, lost) if lost else ""

    def _parts(self) -> List[str]:
        """The beginning of a line of the thread that writes."""
        if not hasattr(self._pending, "parts"):
            self._pending.parts = []
        return self._pending.parts


def _encoding(stream: object) -> str:
    return getattr(stream, "encoding", None) or "utf-8"
