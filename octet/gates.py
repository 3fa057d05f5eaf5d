"""The gates over a measurement that a recipe's section `validate` may set."""

from typing import Dict, List, NamedTuple, Optional, Tuple


class Gate(NamedTuple):
    """kinds: those of the targets that it is for; none where it is for the file as a whole.
    default: its limit where a recipe sets none; None is no gate.
    ranked: whether it needs a score of one class alone: of 'class', only targets of two classes have one."""

    kinds: Tuple[str, ...]
    default: Optional[float] = None
    ranked: bool = False


_ANSWERS = ("class", "labels", "class_map")

GATES: Dict[str, Gate] = {
    "max_accuracy_drop": Gate(_ANSWERS, 0.01),
    "min_accuracy": Gate(_ANSWERS),
    "min_agreement": Gate(_ANSWERS),
    "min_balanced_accuracy": Gate(_ANSWERS),
    "min_class_recall": Gate(_ANSWERS),
    "max_f1_drop": Gate(_ANSWERS),
    "min_mean_iou": Gate(("class_map",)),
    "min_roc_auc": Gate(("class", "labels"), ranked=True),
    "min_average_precision": Gate(("class", "labels"), ranked=True),
    "max_error_increase": Gate(("value",)),
    "max_error": Gate(("value",)),
    "max_wrong_operators": Gate((), 0),
}


def fits(gate: Gate, kind: str, classes: int) -> bool:
    """Whether the gate is for a target of this kind with so many classes."""
    return kind in gate.kinds and not (gate.ranked and kind == "class" and classes != 2)


def unfit(limits: Dict[str, Optional[float]], kinds: Dict[str, str], classes: Dict[str, int]) -> List[str]:
    """One sentence for each gate of a section `validate` that is for none of these targets ({target: kind}, and how
    many classes each has). A gate that has its default may fit none: nobody asked for it."""
    return ["{} fits no output: {}; it is for {}".format(
                name, ", ".join("{} is of kind {}{}".format(target, kind, " with {} classes".format(classes[target])
                                                            if gate.ranked and kind == "class" else "")
                                for target, kind in sorted(kinds.items())),
                " and ".join("class with 2 classes" if gate.ranked and kind == "class" else kind
                             for kind in gate.kinds))
            for name, gate in GATES.items()
            if gate.kinds and limits.get(name) not in (None, gate.default)
            and not any(fits(gate, kind, classes.get(target, 0)) for target, kind in kinds.items())]
