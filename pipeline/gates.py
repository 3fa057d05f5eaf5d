"""The verdict on a measurement: which gates of the recipe's `validate` section it misses."""

from typing import Callable, Dict, List, NamedTuple, Tuple

from octet.errors import GateError
from octet.recipe import Validate

# 0.99 - 0.98 is more than 0.01 in binary; a drop of exactly the limit passes.
ROUNDING = 1e-9

CLASSES, VALUES = ("class", "class_map"), ("value",)


def _accuracy_drop(figures: Dict, limit: float) -> Tuple[bool, str]:
    before, after = figures["accuracy"]["float"], figures["accuracy"]["uint8"]
    return before - after <= limit + ROUNDING, "accuracy fell by {:.4f}, from {:.4f} (float) to {:.4f} (uint8)".format(
        before - after, before, after)


def _accuracy(figures: Dict, limit: float) -> Tuple[bool, str]:
    found = figures["accuracy"]["uint8"]
    return found >= limit - ROUNDING, "accuracy of the uint8 file is {:.4f}".format(found)


def _agreement(figures: Dict, limit: float) -> Tuple[bool, str]:
    found = figures["agreement"]
    return found >= limit - ROUNDING, "the uint8 file agrees with the float model on {:.4f} of the answers".format(
        found)


def _error_increase(figures: Dict, limit: float) -> Tuple[bool, str]:
    before, after = figures["mse"]["float"], figures["mse"]["uint8"]
    # Not (after - before) / before: a float model without any error is no division by zero.
    return after <= before * (1 + limit) + ROUNDING, (
        "the mean squared error rose from {:.6g} (float) to {:.6g} (uint8)".format(before, after))


def _error(figures: Dict, limit: float) -> Tuple[bool, str]:
    found = figures["mse"]["uint8"]
    return found <= limit + ROUNDING, "the mean squared error of the uint8 file is {:.6g}".format(found)


class Gate(NamedTuple):
    """kinds: the outputs that it fits; judge(figures, limit): whether they pass, and a sentence."""

    name: str
    kinds: Tuple[str, ...]
    judge: Callable[[Dict, float], Tuple[bool, str]]


GATES = (
    Gate("max_accuracy_drop", CLASSES, _accuracy_drop),
    Gate("min_accuracy", CLASSES, _accuracy),
    Gate("min_agreement", CLASSES, _agreement),
    Gate("max_error_increase", VALUES, _error_increase),
    Gate("max_error", VALUES, _error),
)


def misses(metrics: Dict, gates: Dict) -> List[str]:
    """One sentence with figures for each gate that an output misses, or that fits no output.

    None, or absent, is no gate. One that has its default may fit no output: nobody asked for it.
    """
    found = []
    for gate in GATES:
        limit = gates.get(gate.name)
        if limit is None:
            continue
        fitting = [name for name, figures in sorted(metrics["outputs"].items()) if figures["kind"] in gate.kinds]
        if not fitting and limit != Validate.model_fields[gate.name].default:
            found.append("{} fits no output: {}; it is for {}".format(
                gate.name, ", ".join("{} is of kind {}".format(name, figures["kind"])
                                     for name, figures in sorted(metrics["outputs"].items())),
                " and ".join(gate.kinds)))
        for name in fitting:
            passed, sentence = gate.judge(metrics["outputs"][name], limit)
            if not passed:  # nothing that is NaN is: a comparison with it is false
                found.append("{}: {}; {} is {}".format(name, sentence, gate.name, limit))
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
