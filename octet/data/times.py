"""Parses the times of samples from text to comparable numbers."""

import math
import re
from datetime import datetime, timezone
from typing import Callable, List, Sequence

from octet.errors import DatasetError

DATE = re.compile(r"(\d{4})[-/:.](\d\d)[-/:.](\d\d)")


def moments(texts: Sequence[str], where: str) -> List[float]:
    """The times, all of them numbers or all of them dates. where: the recipe's key that says where they are found.
    Raises DatasetError."""
    for read in (number, seconds):
        if all(_is(read, text) for text in texts):
            return [read(text) for text in texts]
    wrong = [text for text in texts if not _is(number, text) and not _is(seconds, text)]
    found = "{!r} is no time".format(wrong[0]) if wrong else "some times are numbers, and some are dates"
    raise DatasetError(found, where, "The newest samples are held out.",
                       "Write all times as dates, 2024-01-31 or 2024-01-31 12:30:00, or all as numbers.")


def number(text: str) -> float:
    """Of a finite number. Raises ValueError."""
    found = float(text)
    if not math.isfinite(found):
        raise ValueError(text)
    return found


def seconds(text: str) -> float:
    """Since 1970, of a date in ISO 8601, also with / : or . between year, month and day, as cameras write it; in UTC
    where it names no zone. Raises ValueError."""
    date = datetime.fromisoformat(DATE.sub(r"\1-\2-\3", text.strip(), 1).replace("Z", "+00:00"))
    return (date if date.tzinfo else date.replace(tzinfo=timezone.utc)).timestamp()


def _is(read: Callable[[str], float], text: str) -> bool:
    try:
        read(text)
    except (ValueError, OverflowError):
        return False
    return True
