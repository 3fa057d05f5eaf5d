"""Gaps of a measurement: secondary figures that could not be measured, each with the reason.

Such a figure is neither the product nor its proof. Its failure does not fail the stage, which took hours of training.
"""

import contextlib
import logging
from typing import Iterator, List

from octet.errors import OctetError


@contextlib.contextmanager
def stated(gaps: List[str], what: str, done: str = "measured") -> Iterator[None]:
    """Catches every error inside the block: adds to `gaps` what was not done (measured, made, drawn) and why, and logs
    the traceback."""
    try:
        yield
    except Exception as error:
        logging.warning("not %s: %s", done, what, exc_info=True)
        gaps.append("{} was not {}: {}".format(what, done, reason(error)))


def reason(error: Exception) -> str:
    """An error in one line. For an OctetError: what happened and why, without the next step."""
    if isinstance(error, OctetError):
        return ": ".join(line.strip() for part in (error.what, error.why) for line in part.splitlines())
    return str(error) or type(error).__name__
