"""Gaps of a measurement: secondary figures that could not be measured, with the reasons.

The products are right without such a figure, so a failure to measure it does not fail a stage that follows hours of
training.
"""

import contextlib
import logging
from typing import Iterator, List

from octet.errors import OctetError


@contextlib.contextmanager
def stated(gaps: List[str], what: str, done: str = "measured") -> Iterator[None]:
    """Catches every error in the block, logs its traceback, and adds the sentence "WHAT was not DONE: REASON" to
    `gaps`. done: measured, made or drawn."""
    try:
        yield
    except Exception as error:
        logging.warning("not %s: %s", done, what, exc_info=True)
        gaps.append("{} was not {}: {}".format(what, done, reason(error)))


def reason(error: Exception) -> str:
    """The error's text in one line; for an OctetError, without the place and the next step."""
    if isinstance(error, OctetError):
        return ": ".join(line.strip() for part in (error.what, error.why) for line in part.splitlines())
    return str(error) or type(error).__name__
