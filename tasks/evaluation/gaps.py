"""Gaps of a measurement: side figures that could not be taken, each with the reason.

What is neither the product nor its proof does not fail a stage, whatever happens to it: hours of training have gone
into the artifact.
"""

import contextlib
import logging
from typing import Iterator, List

from octet.errors import OctetError


@contextlib.contextmanager
def stated(gaps: List[str], what: str) -> Iterator[None]:
    """An error inside is added to `gaps`, as what was not measured and why; its traceback is in the log."""
    try:
        yield
    except Exception as error:
        logging.warning("not measured: %s", what, exc_info=True)
        gaps.append("{} was not measured: {}".format(what, reason(error)))


def reason(error: Exception) -> str:
    """What an error says, in one line: of one of Octet's what happened and why, and not what to do."""
    if isinstance(error, OctetError):
        return ": ".join(line.strip() for part in (error.what, error.why) for line in part.splitlines())
    return str(error) or type(error).__name__
