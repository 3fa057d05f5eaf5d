"""Parses the times of samples from text to comparable numbers."""

import math
import re
from datetime import datetime, timezone
from typing import Callable, List, Sequence

from octet.errors import DatasetError

DATE = re.compile(r"(\d{4})[-/:.](\d\d)[-/:.](\d\d)")


def moments(texts: Sequence[str], where: str) -> List[float]:
    """The times as numbers. Either all texts are numbers, or all are dates. where: the key of the recipe for their
    source. Raises DatasetError."""
    for read in (number, seconds):
        if all(_is(read, text) for text in texts):
            return [read(text) for text in texts]
    wrong = [text for text in texts if not _is(number, text) and not _is(seconds, text)]
    what = "{!r} is no time".format(wrong[0]) if wrong else "some times are numbers, and some are dates"
    raise DatasetError(what, where, "The newest samples are held out.",
                       "Write all times as dates, 2024-01-31 or 2024-01-31 12:30:00, or all as numbers.")


def number(text: str) -> float:
    """The value of a finite number. Raises ValueError."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def seconds(text: str) -> float:
    """The seconds since 1970 of a date in ISO 8601. As cameras write dates, there may also be / : or . between year,
    month and day. A date without a time zone is in UTC. Raises ValueError."""
    date = datetime.fromisoformat(DATE.sub(r"\1-\2-\3", text.strip(), 1).replace("Z", "+00:00"))
    return (date if date.tzinfo else date.replace(tzinfo=timezone.utc)).timestamp()


def _is(read: Callable[[str], float], text: str) -> bool:
    try:
        read(text)
    except (ValueError, OverflowError):
        return False
    return True
