"""Names in messages: suggestions for an unknown name, and shortened lists."""

import difflib
from typing import Iterable, Sequence


def suggest(name: str, known: Iterable[str]) -> str:
    """The next step for an unknown name: 'did you mean ...?  There are: ...'."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, 1)
    return ("did you mean '{}'?  ".format(near[0]) if near else "") + "There are: " + (
        ", ".join(known) or "none")


def some(names: Sequence[str]) -> str:
    """The first five names, and the number of the others."""
    return ", ".join(names[:5]) + (" and {} more".format(len(names) - 5) if len(names) > 5 else "")
