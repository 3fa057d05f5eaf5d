"""Selects the headline metrics from the metrics of the stages: the quality and the size of the model."""

from typing import Any, Dict, List, NamedTuple, Optional, Sequence

from octet.headline_metric import PREFERRED

SIDES = ("float", "fake_quantized", "uint8", "int8")
JUDGED = SIDES[:3]
"""The sides that every measurement has. int8 is missing if no int8 file could be made."""

Metrics = Dict[str, Dict[str, Any]]
"""{stage: the metrics in its manifest} of the stages that have an artifact."""


class Headline(NamedTuple):
    """A headline metric. output, metric: such as 'label', 'accuracy'; output is '' for the recipe's own metrics. part:
    the part of the dataset on which it was measured. sides: {side: value}, in the order of SIDES. fewer: {side: number
    of samples} of a side that was measured on some of the part's samples only."""

    output: str
    metric: str
    part: str
    sides: Dict[str, float]
    fewer: Dict[str, int] = {}

    def figures(self) -> str:
        """The value of each side, as 'float 0.9925, fake-quantized 0.9924'."""
        return ", ".join("{} {}".format(side.replace("_", "-"), self.value(side)) for side in self.sides)

    def value(self, side: str) -> str:
        """The value of one side, as '0.9925' or '0.9925 (700 samples)'."""
        count = " ({:,} samples)".format(self.fewer[side]) if side in self.fewer else ""
        return "{:.4g}{}".format(self.sides[side], count)


def of(metrics: Metrics) -> List[Headline]:
    """A headline for each output, from Measure, or from earlier stages if there is no measurement yet. The recipe's own
    metrics come first, with an empty output."""
    measurement = metrics.get("Measure") or {}
    if measurement.get("outputs"):
        int8_samples = (measurement.get("int8") or {}).get("samples")
        fewer = {"int8": int8_samples} if int8_samples and int8_samples != measurement.get("samples") else {}
        return [each._replace(fewer=fewer) for each in _of_recipe(measurement.get("metrics") or {}) + _of_outputs(
            measurement["outputs"])]
    earlier = [("TrainFloat", "validation", "float"), ("TrainQAT", "validation", "fake_quantized"),
               ("EvalGraph", "test", "fake_quantized")]
    found = []
    for stage, part, side in earlier:
        figures = (metrics.get(stage) or {}).get(part)
        for name, values in sorted(figures.items()) if isinstance(figures, dict) else ():
            found.append(_headline(name, part, {side: values if isinstance(values, dict) else {}}))
    return [each for each in found if each]


def _of_recipe(named: Dict[str, Dict[str, Any]]) -> List[Headline]:
    """A headline for each metric that the recipe names and that has a value on every side of JUDGED."""
    return [Headline("", name, "test", {side: by_side[side] for side in SIDES
                                        if isinstance(by_side.get(side), (int, float))})
            for name, by_side in sorted(named.items())
            if all(isinstance(by_side.get(side), (int, float)) for side in JUDGED)]


def _of_outputs(outputs: Dict[str, Dict[str, Any]]) -> List[Headline]:
    found = [_headline(name, "test", {
        side: {metric: figures[metric].get(side) for metric in PREFERRED if isinstance(figures.get(metric), dict)}
        for side in SIDES}) for name, figures in sorted(outputs.items())]
    return [each for each in found if each]


def has_several_outputs(headlines: Sequence[Headline]) -> bool:
    """Whether headlines must name their output, because there are several. The recipe's own metrics do not count."""
    return len({each.output for each in headlines} - {""}) > 1


def size_bytes(metrics: Metrics) -> Optional[int]:
    """The size of the .tflite file; None if there is no file yet."""
    found = (metrics.get("ConvertUint8") or {}).get("size_bytes")
    return found if isinstance(found, int) else None


def _headline(output: str, part: str, sides: Dict[str, Dict[str, Any]]) -> Optional[Headline]:
    for metric in PREFERRED:
        values = {side: figures[metric] for side, figures in sides.items()
                  if isinstance(figures.get(metric), (int, float))}
        if values:
            return Headline(output, metric, part, values)
    return None
