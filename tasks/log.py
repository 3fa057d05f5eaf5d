"""The log of a stage's process, which is its standard output and error: a full disk loses lines, and not the work."""

import io
import sys


class Lossy(io.FileIO):
    """A file that takes what it can, and never raises."""

    def write(self, content: bytes) -> int:
        try:
            return super().write(content)
        except OSError:
            return len(content)


def use() -> None:
    """From now on, printing never raises: not where the log's disk is full, nor for text with lone surrogates."""
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        raw = Lossy(descriptor, "w", closefd=False)
        setattr(sys, name, io.TextIOWrapper(io.BufferedWriter(raw), encoding="utf-8", errors="backslashreplace",
                                            line_buffering=True))
