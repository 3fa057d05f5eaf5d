"""The operators that a target supports, read from its list, lists/NAME.json.

    title, source, date   the subject of the list, the sources of its facts, the date of the look-up
    types                 {uint8, int8: why the target does not support such a file; '' where it does}
    outside               the effect of an operator outside the list: `refused`, `cpu`, or `cpu from there`
    outside_words         this effect as text
    cpu_types             the types of files whose operators the target's runtime can run on the CPU
    everywhere            limits on every operator
    operators             {operator: its limits}; a limit is {limit: name of a function of limits.py, its parameters}
"""

import json
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Tuple

FOLDER = Path(__file__).resolve().parent / "lists"
REFUSED, CPU, CPU_FROM_THERE = "refused", "cpu", "cpu from there"

Limit = Dict[str, Any]


class TargetList(NamedTuple):
    """One target's list. The module's docstring has the fields."""

    name: str
    title: str
    source: Tuple[str, ...]
    date: str
    types: Dict[str, str]
    outside: str
    outside_words: str
    cpu_types: Tuple[str, ...]
    everywhere: List[Limit]
    operators: Dict[str, List[Limit]]


def read(name: str) -> TargetList:
    """The list of the target `name` (octet/target_runtimes.py has the names)."""
    text = (FOLDER / (name + ".json")).read_text(encoding="utf-8")
    values = json.loads(text)
    return TargetList(name=name, **{**values, "source": tuple(values["source"]),
                                      "cpu_types": tuple(values["cpu_types"])})
