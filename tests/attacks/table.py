"""All situations: a file in `kinds/` for each kind."""

import functools
import importlib
import pkgutil
from typing import Dict, List

from tests.attacks import kinds
from tests.attacks.situation import Situation


def names() -> List[str]:
    """Every kind, sorted."""
    return sorted(info.name for info in pkgutil.iter_modules(kinds.__path__))


@functools.lru_cache(maxsize=None)
def of(kind: str) -> Dict[str, Situation]:
    """{name: situation} of one kind, in the order of its file."""
    listed = list(importlib.import_module("tests.attacks.kinds." + kind).situations())
    found = {situation.name: situation for situation in listed}
    doubled = sorted(
        {situation.name for situation in listed if sum(other.name == situation.name for other in listed) > 1}
        if len(found) < len(listed)
        else []
    )
    assert not doubled, "{}: two situations are named {}".format(kind, doubled)
    assert not [name for name in found if "\n" in name], kind
    return found


def find(kind: str, name: str) -> Situation:
    """One situation."""
    return of(kind)[name]
