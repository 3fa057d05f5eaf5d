"""What a target takes, read from its list, lists/NAME.json.

    title, source, date   what the list is of, where each fact is from, when it was looked up
    types                 {uint8, int8: why the target takes no such file; empty where it does}
    outside               what an operator outside the list means: `refused`, `cpu`, or `cpu from there`
    outside_words         the same in words
    cpu_types             the types that the runtime takes which runs such an operator on the CPU
    everywhere            limits of every operator
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
    """The list of the target of that name (octet/target_runtimes.py has the names)."""
    text = (FOLDER / (name + ".json")).read_text(encoding="utf-8")
    values = json.loads(text)
    return TargetList(name=name, **{**values, "source": tuple(values["source"]),
                                      "cpu_types": tuple(values["cpu_types"])})
