"""The gates over a measurement that a recipe's section `validate` may set."""

from typing import Dict, List, NamedTuple, Optional, Tuple


class Gate(NamedTuple):
    """kinds: those of the targets that it is for; none where it is for the file as a whole.
    default: its limit where a recipe sets none; None is no gate."""

    kinds: Tuple[str, ...]
    default: Optional[float] = None


GATES: Dict[str, Gate] = {
    "max_accuracy_drop": Gate(("class", "class_map"), 0.01),
    "min_accuracy": Gate(("class", "class_map")),
    "min_agreement": Gate(("class", "class_map")),
    "max_error_increase": Gate(("value",)),
    "max_error": Gate(("value",)),
    "max_wrong_operators": Gate((), 0),
}


def unfit(limits: Dict[str, Optional[float]], kinds: Dict[str, str]) -> List[str]:
    """One sentence for each gate of a section `validate` that is for no target of these kinds ({target: kind}).
    A gate that has its default may fit none: nobody asked for it."""
    return ["{} fits no output: {}; it is for {}".format(
                name, ", ".join("{} is of kind {}".format(*each) for each in sorted(kinds.items())),
                " and ".join(gate.kinds))
            for name, gate in GATES.items()
            if gate.kinds and limits.get(name) not in (None, gate.default)
            and not set(gate.kinds) & set(kinds.values())]
