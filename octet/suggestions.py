"""Names in messages: suggestions for an unknown name, and shortened lists."""

import difflib
from typing import Iterable, Sequence

CLASS_WEIGHTS = "loss: {class_weights: balanced}"
"""What is suggested where a class is rare, as it is written in a recipe."""
LEAST_LIKENESS = 0.6  # of a name that is suggested


def suggest(name: str, known: Iterable[str]) -> str:
    """The next step for an unknown name: 'did you mean ...?  There are: ...'. Upper and lower case count only between
    names that are equally near."""
    known = sorted(known)
    near = [each for each in known if _likeness(name.lower(), each.lower()) >= LEAST_LIKENESS]
    nearest = max(near, key=lambda each: (_likeness(name.lower(), each.lower()), _likeness(name, each)), default=None)
    return ("did you mean '{}'?  ".format(nearest) if nearest else "") + "There are: " + (", ".join(known) or "none")


def _likeness(one: str, other: str) -> float:
    """From 0 to 1, for equal names."""
    return difflib.SequenceMatcher(None, other, one).ratio()


def some(names: Sequence[str]) -> str:
    """The first five names, and the number of the others."""
    return ", ".join(names[:5]) + (" and {} more".format(len(names) - 5) if len(names) > 5 else "")
