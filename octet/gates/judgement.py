"""Evaluates the gates of a recipe's section `validate` on a measurement."""

from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from octet.gates.definitions import GATES, fits, unfit

# Tolerance for float64: 0.99 - 0.98 exceeds 0.01 by rounding, but a drop of exactly the limit passes.
ROUNDING = 1e-9


def _moved(name: str, before: float, after: float) -> str:
    return "{} {} by {:.4f}, from {:.4f} (float) to {:.4f} (uint8)".format(
        name, "rose" if after > before else "fell", abs(after - before), before, after)


def _accuracy_drop(figures: Dict[str, Any], limit: float) -> Tuple[bool, str]:
    before, after = figures["accuracy"]["float"], figures["accuracy"]["uint8"]
    return before - after <= limit + ROUNDING, _moved("accuracy", before, after)


def _accuracy(figures: Dict[str, Any], limit: float) -> Tuple[bool, str]:
    accuracy = figures["accuracy"]["uint8"]
    return accuracy >= limit - ROUNDING, "accuracy of the uint8 file is {:.4f}".format(accuracy)


def _agreement(figures: Dict[str, Any], limit: float) -> Tuple[bool, str]:
    share = figures["agreement"]
    return share >= limit - ROUNDING, "the uint8 file agrees with the float model on {:.4f} of the predictions".format(
        share)


def _error_increase(figures: Dict[str, Any], limit: float) -> Tuple[bool, str]:
    before, after = figures["mse"]["float"], figures["mse"]["uint8"]
    # Not (after - before) / before, since `before` may be 0.
    return after <= before * (1 + limit) + ROUNDING, (
        "the mean squared error {} from {:.6g} (float) to {:.6g} (uint8)".format(
            "fell" if after < before else "rose", before, after))


def _error(figures: Dict[str, Any], limit: float) -> Tuple[bool, str]:
    error = figures["mse"]["uint8"]
    return error <= limit + ROUNDING, "the mean squared error of the uint8 file is {:.6g}".format(error)


def _class_recall(figures: Dict[str, Any], limit: float) -> Tuple[bool, str]:
    recalls = {name: sides["uint8"] for name, sides in figures["recall"].items() if sides["uint8"] is not None}
    if not recalls:
        return False, "none of its classes occurs in the test part"
    worst = min(sorted(recalls), key=lambda name: recalls[name])
    return all(value >= limit - ROUNDING for value in recalls.values()), \
        "recall of the class '{}' by the uint8 file is {:.4f}, the lowest of {}".format(
            worst, recalls[worst], len(recalls))


def _f1_drop(figures: Dict[str, Any], limit: float) -> Tuple[bool, str]:
    before, after = figures["macro_f1"]["float"], figures["macro_f1"]["uint8"]
    return before - after <= limit + ROUNDING, _moved("macro F1", before, after)


def _least(metric: str, words: str) -> Callable[[Dict[str, Any], float], Tuple[bool, str]]:
    """A gate function for a metric of the uint8 file that must be at least the limit."""
    def judged(figures: Dict[str, Any], limit: float) -> Tuple[bool, str]:
        value = figures[metric]["uint8"]  # type: Optional[float]
        if value is None:
            return False, "there is no {}: a class has no sample in the test part, or all of its samples".format(
                words)
        return value >= limit - ROUNDING, "{} of the uint8 file is {:.4f}".format(words, value)
    return judged


JUDGES = {"max_accuracy_drop": _accuracy_drop, "min_accuracy": _accuracy, "min_agreement": _agreement,
          "min_balanced_accuracy": _least("balanced_accuracy", "balanced accuracy"),
          "min_class_recall": _class_recall, "max_f1_drop": _f1_drop,
          "min_mean_iou": _least("mean_iou", "mean IoU"), "min_roc_auc": _least("roc_auc", "ROC AUC"),
          "min_average_precision": _least("average_precision", "average precision"),
          "max_error_increase": _error_increase, "max_error": _error}
"""{gate: function(metrics of one output, limit) -> (whether it passes, a sentence)}."""


class Judgement(NamedTuple):
    """The result of one gate for one output, or for the file if `output` is empty. words: what was measured."""

    gate: str
    output: str
    limit: Optional[float]
    passed: bool
    words: str

    def __str__(self) -> str:
        """A sentence with the measured values and the limit."""
        if self.limit is None:
            return self.words
        return "{}{}; {} is {}".format(self.output and self.output + ": ", self.words, self.gate, self.limit)


def judged(metrics: Dict[str, Any], gates: Dict[str, Any]) -> List[Judgement]:
    """A judgement for each gate and each output to which it applies. A gate that applies to no output fails.

    metrics: the metrics of Measure. gates: the section `validate`; a gate that is absent or None is not evaluated."""
    outputs = sorted(metrics["outputs"].items())
    classes = {name: len(figures.get("classes", ())) for name, figures in outputs}
    kinds = {name: figures["kind"] for name, figures in outputs}
    found = [Judgement(words.split()[0], "", None, False, words) for words in unfit(gates, kinds, classes)]
    for gate, passes in JUDGES.items():
        limit = gates.get(gate)
        found += [Judgement(gate, name, limit, *passes(figures, limit)) for name, figures in outputs
                  if limit is not None and fits(GATES[gate], figures["kind"], classes[name])]
    for name, limits in sorted((gates.get("metrics") or {}).items()):
        found += _of_metric(name, metrics.get("metrics", {}).get(name) or {}, limits)
    most = gates.get("max_wrong_operators")
    if most is not None:
        found.append(Judgement("max_wrong_operators", "", most, *_operators(metrics["parity"], most)))
    return found


def _of_metric(name: str, figures: Dict[str, Optional[float]], limits: Dict[str, Optional[float]]) -> List[Judgement]:
    """A judgement for each gate of one metric of the section `metrics`. figures: {'float' or 'uint8': its result}. A
    result of None fails every gate."""
    before, after = figures.get("float"), figures.get("uint8")
    words = "{} is {} (float) and {} (uint8)".format(
        name, *("none" if value is None else "{:.6g}".format(value) for value in (before, after)))
    judgements = []
    for gate, limit in sorted(limits.items()):
        if limit is None:
            continue
        if after is None or gate in ("max_drop", "max_rise") and before is None:
            passed = False
        elif gate in ("min", "max"):
            passed = after >= limit - ROUNDING if gate == "min" else after <= limit + ROUNDING
        else:
            passed = (before - after if gate == "max_drop" else after - before) <= limit + ROUNDING  # type: ignore
        judgements.append(Judgement("metrics.{}.{}".format(name, gate), "", limit, passed, words))
    return judgements


def _operators(parity: Dict[str, Any], most: int) -> Tuple[bool, str]:
    wrong, unknown = parity["wrong"], parity.get("not_measured", [])
    if len(wrong) > most:
        return False, "operators whose error exceeds its bound (`octet layers` prints the errors): {}".format(
            ", ".join(wrong))
    if len(wrong) + len(unknown) > most:
        return False, "operators whose error could not be measured: {}".format(", ".join(unknown))
    return True, "{} operators have an error above their bound".format(len(wrong))
