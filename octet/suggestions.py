"""Names in messages: suggestions for an unknown name, and shortened lists."""

import difflib
from typing import Iterable, Sequence


def suggest(name: str, known: Iterable[str]) -> str:
    """The next step for an unknown name: 'did you mean ...?  There are: ...'. If no name is
    near, one that is near in lower case is suggested."""
    known = sorted(known)
    by_lower_case = {each.lower(): each for each in known}
    near = difflib.get_close_matches(name, known, 1) or [
        by_lower_case[each] for each in difflib.get_close_matches(name.lower(), by_lower_case, 1)]
    return ("did you mean '{}'?  ".format(near[0]) if near else "") + "There are: " + (
        ", ".join(known) or "none")


def some(names: Sequence[str]) -> str:
    """The first five names, and the number of the others."""
    return ", ".join(names[:5]) + (" and {} more".format(len(names) - 5) if len(names) > 5 else "")
