"""The log of a stage's process: its standard output and error. On a full disk, lines of the log are lost, not the work.
"""

import io
import sys
from typing import Any


class Lossy(io.FileIO):
    """A file whose `write` never raises OSError: content that cannot be written is lost."""

    def write(self, content: Any) -> int:
        try:
            return super().write(content)
        except OSError:
            return len(content)


def use() -> None:
    """Replaces stdout and stderr by streams that do not raise on a full disk or on lone surrogates."""
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        raw = Lossy(descriptor, "w", closefd=False)
        setattr(sys, name, io.TextIOWrapper(io.BufferedWriter(raw), encoding="utf-8", errors="backslashreplace",
                                            line_buffering=True))
