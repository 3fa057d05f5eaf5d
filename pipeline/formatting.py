"""Formats tables, times, ages and metrics as text."""

import calendar
import sys
import time
from typing import Any, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

UTC = "%Y-%m-%dT%H:%M:%SZ"


def table(head: Sequence[str], rows: Sequence[Sequence[object]], notes: Sequence[str] = (),
          longest_first: Optional[int] = None) -> None:
    """Prints a table. Each column is as wide as its longest cell. notes: a line to print below each row, from the
    second column on; '' for none. longest_first: a first cell that is longer is printed on a line of its own, above its
    row."""
    cells = [[str(cell) for cell in row] for row in [head, *rows]]
    above = [row[0] if longest_first is not None and len(row[0]) > longest_first else "" for row in cells]
    cells = [["", *row[1:]] if name else row for name, row in zip(above, cells)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    lines = []
    for name, row, note in zip(above, cells, ["", *notes] + [""] * len(cells)):
        lines += [name] if name else []
        lines.append("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
        lines += [" " * (widths[0] + 2) + note] if note else []
    sys.stdout.write("\n".join(lines) + "\n")


def utc(seconds: float) -> str:
    """A time in seconds since 1970 as '2026-01-31T12:00:00Z'."""
    return time.strftime(UTC, time.gmtime(seconds))


def age(moment: Optional[str], now: Optional[float] = None) -> str:
    """The time since a moment such as '2026-01-31T12:00:00Z', as '3 h'; '-' for no moment."""
    if not moment:
        return "-"
    now = time.time() if now is None else now
    seconds = max(0, now - calendar.timegm(time.strptime(moment, UTC)))
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return "{:.0f} {}".format(seconds // length, unit)
    return "{:.0f} s".format(seconds)


def figures(metrics: Mapping[str, Any], prefix: str = "") -> str:
    """Every number in `metrics`, at any depth, as 'accuracy.float=0.98'; lists are left out."""
    return "  ".join("{}={:.6g}".format(name, value) for name, value in numbers(metrics, prefix))


def numbers(metrics: Mapping[str, Any], prefix: str = "") -> Iterator[Tuple[str, Union[int, float]]]:
    """(dotted name, value) of every number in `metrics`, sorted by name."""
    for name, value in sorted(metrics.items()):
        if isinstance(value, dict):
            yield from numbers(value, prefix + name + ".")
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            yield prefix + name, value


def listed(names: List[str], shown: int = 3) -> str:
    """The first `shown` names, and the number of the others: 'a, b, c and 4 more'."""
    more = len(names) - shown
    return ", ".join(names[:shown]) + (" and {} more".format(more) if more > 0 else "")


def cut(text: str, length: int) -> str:
    """The text as one line of at most `length` characters, shortened with an ellipsis."""
    line = " ".join(text.split())
    return line if len(line) <= length else line[:length - 1] + "\u2026"
