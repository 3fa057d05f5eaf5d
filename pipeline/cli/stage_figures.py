"""The figures of an artifact in a few words, for a column of `octet ls`."""

from typing import Any, Callable, Dict, List

from octet import sizes
from pipeline import formatting
from pipeline.execution import headline_metrics

MOST = 40
"""The length to which figures that have no words here are cut."""


def of_headlines(headlines: List[Dict[str, Any]]) -> str:
    """The headline metric of the first output: for the uint8 file and the float model, or, without a measurement, for
    the last stage that has it. The part is named unless it is test. '' for no headlines.

    headlines: see headline_metrics.Headline, each as a dict."""
    if not headlines:
        return ""
    shown = headlines[0]
    if len(shown["sides"]) == 1:  # of one stage; the headlines of later stages follow
        shown = [each for each in headlines if each["output"] == shown["output"]][-1]
    # The last form of the model in the chain from float to uint8, and the float model. int8 is not in this chain.
    sides = [(side, value) for side, value in shown["sides"].items() if side in headline_metrics.JUDGED]
    text = "{} {}".format(shown["metric"].replace("_", " "), ", ".join(
        "{:.4g} {}".format(value, side.replace("_", "-"))
        for side, value in ([sides[-1], sides[0]] if len(sides) > 1 else sides)))
    return text if shown["part"] == "test" else "{} ({})".format(text, shown["part"])


def words(stage: str, metrics: Dict[str, Any]) -> str:
    """The figures of a stage that has no headline metric, such as '80 nodes'; '' if there are none."""
    try:
        return WORDS[stage](metrics)
    except (KeyError, TypeError, AttributeError):  # made by another version of the stage, which had other metrics
        return formatting.cut(formatting.figures(metrics), MOST)


def _samples(metrics: Dict[str, Any]) -> str:
    return "{:,} samples".format(metrics["samples"])


def _summary(metrics: Dict[str, Any]) -> str:
    notes = len(metrics["notes"])
    return "{:,} samples in {} parts, {}".format(
        sum(metrics["samples"].values()), len(metrics["samples"]), _count(notes, "note"))


def _gates(metrics: Dict[str, Any]) -> str:
    return "passes {}".format(_count(len(metrics["gates"]), "gate")) if metrics["gates"] else "no gates are set"


def _count(number: int, noun: str) -> str:
    return "{:,} {}{}".format(number, noun, "" if number == 1 else "s")


WORDS: Dict[str, Callable[[Dict[str, Any]], str]] = {
    "PrepareData.train": _samples, "PrepareData.validation": _samples, "PrepareData.test": _samples,
    "SummarizeData": _summary,
    "Freeze": lambda metrics: _count(metrics["nodes"], "node"),
    "ConvertUint8": lambda metrics: "file of {}".format(sizes.size(metrics["size_bytes"])),
    "Report": lambda metrics: "{} missed".format(_count(metrics["gates_missed"], "gate")),
    "ValidateInterpreter": _gates,
    "Export": lambda metrics: ", ".join(
        "{} {}".format(name, sizes.size(size)) for name, size in metrics["size_bytes"].items()),
}
"""{stage: how its metrics are shown}."""
