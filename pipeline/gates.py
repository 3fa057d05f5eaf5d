"""The verdict on a measurement: which gates of the recipe's `validate` section it misses."""

from typing import Dict, List, Optional

from octet.errors import GateError

# 0.99 - 0.98 is more than 0.01 in binary; a drop of exactly the limit passes.
ROUNDING = 1e-9


def misses(metrics: Dict, gates: Dict) -> List[str]:
    """One sentence with figures for each gate that an output misses. None, or absent, is no gate."""
    return [sentence for name, figures in sorted(metrics["outputs"].items())
            for sentence in _missed_by(name, figures, gates)]


def _missed_by(name: str, figures: Dict, gates: Dict) -> List[str]:
    accuracy, agreement = figures["accuracy"], figures["agreement"]
    drop = accuracy["float"] - accuracy["uint8"]
    found = []
    # `not (a <= b)` rather than `a > b`: a measurement that is NaN passes no gate.
    if _set(gates, "max_accuracy_drop") and not drop <= gates["max_accuracy_drop"] + ROUNDING:
        found.append("{}: accuracy fell by {:.4f}, from {:.4f} (float) to {:.4f} (uint8); "
                     "max_accuracy_drop is {}".format(
                         name, drop, accuracy["float"], accuracy["uint8"], gates["max_accuracy_drop"]))
    if _set(gates, "min_accuracy") and not accuracy["uint8"] >= gates["min_accuracy"] - ROUNDING:
        found.append("{}: accuracy of the uint8 file is {:.4f}; min_accuracy is {}".format(
            name, accuracy["uint8"], gates["min_accuracy"]))
    if _set(gates, "min_agreement") and not agreement >= gates["min_agreement"] - ROUNDING:
        found.append("{}: the uint8 file agrees on {:.4f} of the samples; min_agreement is {}".format(
            name, agreement, gates["min_agreement"]))
    return found


def judge(metrics: Dict, gates: Dict, where: str = "") -> None:
    """Raises GateError with the figures when `metrics` misses a gate."""
    found = misses(metrics, gates)
    if found:
        raise GateError(
            "the uint8 model misses {} of its gates".format(len(found)), where=where,
            why="\n".join(found),
            next_step="the measurement is kept: change the model, the data or the training, "
                      "or the gate in the recipe's section `validate`")


def _set(gates: Dict, name: str) -> Optional[bool]:
    return gates.get(name) is not None
