"""Advice for a name that is not known."""

import difflib
from typing import Iterable


def suggest(name: str, known: Iterable[str]) -> str:
    """The next step for an unknown name: 'did you mean ...?  There are: ...'."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, 1)
    return ("did you mean '{}'?  ".format(near[0]) if near else "") + "There are: " + (
        ", ".join(known) or "none")
