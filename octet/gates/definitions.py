"""The gates: limits for measured values, which a recipe sets in its section `validate`."""

from typing import Dict, List, NamedTuple, Optional, Tuple


class Gate(NamedTuple):
    """One gate.

    kinds: the kinds of targets to which it applies; empty if it applies to the file as a whole.
    default: the limit if the recipe sets none; None is no limit.
    ranked: whether it needs a single score for each sample. A target of kind 'class' has one only for two classes.
    """

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
    """Whether the gate applies to a target of this kind with this number of classes."""
    return kind in gate.kinds and not (gate.ranked and kind == "class" and classes != 2)


def unfit(limits: Dict[str, Optional[float]], kinds: Dict[str, str], classes: Dict[str, int]) -> List[str]:
    """A sentence for each gate of the section `validate` that applies to none of the targets, except gates with their
    default limit.

    limits: {gate: limit}. kinds: {target: kind}. classes: {target: number of classes}."""
    return ["{} fits no output: {}; the gate is for {}".format(
                name, ", ".join("{} is of kind {}{}".format(target, kind, " with {} classes".format(classes[target])
                                                            if gate.ranked and kind == "class" else "")
                                for target, kind in sorted(kinds.items())),
                " and ".join("class with 2 classes" if gate.ranked and kind == "class" else kind
                             for kind in gate.kinds))
            for name, gate in GATES.items()
            if gate.kinds and limits.get(name) not in (None, gate.default)
            and not any(fits(gate, kind, classes.get(target, 0)) for target, kind in kinds.items())]
