"""The verdict on a measurement: which gates of the recipe's `validate` section it misses."""

from typing import Callable, Dict, List, Optional, Tuple

from octet.errors import GateError
from octet.gates import GATES, fits, unfit

# 0.99 - 0.98 is more than 0.01 in binary; a drop of exactly the limit passes.
ROUNDING = 1e-9


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


def _class_recall(figures: Dict, limit: float) -> Tuple[bool, str]:
    found = {name: sides["uint8"] for name, sides in figures["recall"].items() if sides["uint8"] is not None}
    if not found:
        return False, "no class of it occurs in the test part"
    worst = min(sorted(found), key=found.get)
    return all(value >= limit - ROUNDING for value in found.values()), \
        "recall of the class '{}' by the uint8 file is {:.4f}, the lowest of {}".format(worst, found[worst], len(found))


def _f1_drop(figures: Dict, limit: float) -> Tuple[bool, str]:
    before, after = figures["macro_f1"]["float"], figures["macro_f1"]["uint8"]
    return before - after <= limit + ROUNDING, "macro F1 fell by {:.4f}, from {:.4f} (float) to {:.4f} (uint8)".format(
        before - after, before, after)


def _least(metric: str, words: str) -> Callable[[Dict, float], Tuple[bool, str]]:
    """A judge for which the uint8 file's figure has to reach the limit."""
    def judged(figures: Dict, limit: float) -> Tuple[bool, str]:
        found = figures[metric]["uint8"]
        if found is None:
            return False, "there is no {}: the test part has no sample that is of a class, or none that is not".format(
                words)
        return found >= limit - ROUNDING, "{} of the uint8 file is {:.4f}".format(words, found)
    return judged


JUDGES = {"max_accuracy_drop": _accuracy_drop, "min_accuracy": _accuracy, "min_agreement": _agreement,
          "min_balanced_accuracy": _least("balanced_accuracy", "balanced accuracy"),
          "min_class_recall": _class_recall, "max_f1_drop": _f1_drop,
          "min_mean_iou": _least("mean_iou", "mean IoU"), "min_roc_auc": _least("roc_auc", "ROC AUC"),
          "min_average_precision": _least("average_precision", "average precision"),
          "max_error_increase": _error_increase, "max_error": _error}
"""Each gate's judge: (figures of one output, limit) -> (whether they pass, a sentence)."""


def _missed_metric(name: str, figures: Optional[Dict[str, Optional[float]]], limits: Dict[str, Optional[float]]
                   ) -> List[str]:
    """One sentence for each gate that a metric of the user's own misses."""
    if all(limit is None for limit in limits.values()):
        return []
    before, after = (None if figures is None else figures[side] for side in ("float", "uint8"))
    if after is None:
        return ["{}: there is no figure for the uint8 file{}".format(name, "" if figures is None else
                                                                     ": result() gave none")]
    found = []
    for gate, passes in (("min", lambda limit: after >= limit - ROUNDING),
                         ("max", lambda limit: after <= limit + ROUNDING),
                         ("max_drop", lambda limit: before is not None and before - after <= limit + ROUNDING),
                         ("max_rise", lambda limit: before is not None and after - before <= limit + ROUNDING)):
        limit = limits.get(gate)
        if limit is not None and not passes(limit):
            found.append("{} of the uint8 file is {:.6g}{}; validate.metrics.{}.{} is {}".format(
                name, after, "" if gate in ("min", "max") else ", of the float model {}".format(
                    "none" if before is None else "{:.6g}".format(before)), name, gate, limit))
    return found


def misses(metrics: Dict, gates: Dict) -> List[str]:
    """One sentence with figures for each gate that an output or the file misses, or that fits no output.

    None, or absent, is no gate.
    """
    outputs = sorted(metrics["outputs"].items())
    classes = {name: len(figures.get("classes", ())) for name, figures in outputs}
    found = unfit(gates, {name: figures["kind"] for name, figures in outputs}, classes)
    for gate, passes in JUDGES.items():
        limit = gates.get(gate)
        for name, figures in outputs:
            if limit is None or not fits(GATES[gate], figures["kind"], classes[name]):
                continue
            passed, sentence = passes(figures, limit)
            if not passed:  # nothing that is NaN is: a comparison with it is false
                found.append("{}: {}; {} is {}".format(name, sentence, gate, limit))
    for name, limits in sorted((gates.get("metrics") or {}).items()):
        found.extend(_missed_metric(name, metrics.get("metrics", {}).get(name), limits))
    most = gates.get("max_wrong_operators")
    if most is not None:
        wrong, unknown = metrics["parity"]["wrong"], metrics["parity"].get("not_measured", [])
        if len(wrong) > most:
            found.append("operators whose arithmetic is beyond its bound (`octet layers` says by how much): {}; "
                         "max_wrong_operators is {}".format(", ".join(wrong), most))
        elif len(wrong) + len(unknown) > most:
            found.append("operators whose arithmetic could not be measured, and may be wrong: {}; "
                         "max_wrong_operators is {}".format(", ".join(unknown), most))
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
