"""Selects the headline metrics from the metrics of the stages: the quality and the size of the model."""

from typing import Any, Dict, List, NamedTuple, Optional, Sequence

from octet.job import Metrics
from octet.main_metric import PREFERRED

SIDES = ("float", "fake_quantized", "uint8", "int8")
JUDGED = SIDES[:3]
"""The sides that every measurement has. int8 is missing if no int8 file could be made, and if it was measured on some
of the samples only."""
ON_INT8_SAMPLES = ("uint8", "int8")

OfStages = Dict[str, Metrics]
"""{stage: the metrics in its manifest} of the stages that have an artifact."""

BySide = Dict[str, Any]
"""{side: value}; a side without a value, or whose value is no number, is left out of a headline."""


class Headline(NamedTuple):
    """A headline metric. All its values were measured on the same samples.

    output, metric: such as 'label', 'accuracy'; output is '' for the recipe's own metrics. part: the part of the
    dataset. sides: {side: value}, in the order of SIDES. samples: the number of samples; None for all of the part."""

    output: str
    metric: str
    part: str
    sides: Dict[str, float]
    samples: Optional[int] = None

    def figures(self) -> str:
        """The value of each side, as 'float 0.9925, fake-quantized 0.9924'."""
        return ", ".join("{} {}".format(side.replace("_", "-"), self.value(side)) for side in self.sides)

    def value(self, side: str) -> str:
        """The value of one side, as '0.9925'."""
        return "{:.4g}".format(self.sides[side])

    def measured_on(self) -> str:
        """The samples in words, as 'test' or '1,730 samples of test'."""
        return self.part if self.samples is None else "{:,} samples of {}".format(self.samples, self.part)


def of(metrics: OfStages) -> List[Headline]:
    """A headline for each output, from Measure, or from earlier stages if there is no measurement yet. The recipe's own
    metrics come first, with an empty output. If the int8 file was measured on some of the samples only, the headlines
    of uint8 and int8 on these samples come last."""
    measurement = metrics.get("Measure") or {}
    outputs = measurement.get("outputs")
    if outputs:
        int8 = measurement.get("int8") or {}
        on_all = int8.get("samples") == measurement.get("samples")
        found = _of_recipe(measurement.get("metrics") or {}, SIDES if on_all else JUDGED)
        found += _of_outputs(outputs, SIDES if on_all else JUDGED)
        if not on_all and int8.get("measured"):
            pairs = {name: figures["int8"] for name, figures in outputs.items() if "int8" in figures}
            found += [each._replace(samples=int8["samples"]) for each in _of_recipe(
                int8.get("metrics") or {}, ON_INT8_SAMPLES) + _of_outputs(pairs, ON_INT8_SAMPLES)]
        return found
    earlier = [("TrainFloat", "validation", "float"), ("TrainQAT", "validation", "fake_quantized"),
               ("EvalGraph", "test", "fake_quantized")]
    of_stages: List[Optional[Headline]] = []
    for stage, part, side in earlier:
        figures = (metrics.get(stage) or {}).get(part)
        for name, values in sorted(figures.items()) if isinstance(figures, dict) else ():
            of_stages.append(_headline(name, part, {side: values if isinstance(values, dict) else {}}))
    return [each for each in of_stages if each]


def _of_recipe(named: Dict[str, BySide], sides: Sequence[str]) -> List[Headline]:
    """A headline for each metric that the recipe names and that has a value for each of these sides. The value for int8
    may be missing."""
    found = [Headline("", name, "test", {side: by_side[side] for side in sides
                                         if isinstance(by_side.get(side), (int, float))})
             for name, by_side in sorted(named.items())]
    return [each for each in found if set(each.sides) >= set(sides) - {"int8"}]


def _of_outputs(outputs: Dict[str, Dict[str, BySide]], sides: Sequence[str]) -> List[Headline]:
    """A headline for each output that has one. outputs: {output: {metric: {side: value}}}, as in measurement.json."""
    found = [_headline(name, "test", {
        side: {metric: figures[metric].get(side) for metric in PREFERRED if isinstance(figures.get(metric), dict)}
        for side in sides}) for name, figures in sorted(outputs.items())]
    return [each for each in found if each]


def has_several_outputs(headlines: Sequence[Headline]) -> bool:
    """Whether headlines must name their output, because there are several. The recipe's own metrics do not count."""
    return len({each.output for each in headlines} - {""}) > 1


def size_bytes(metrics: OfStages) -> Optional[int]:
    """The size of the .tflite file; None if there is no file yet."""
    found = (metrics.get("ConvertUint8") or {}).get("size_bytes")
    return found if isinstance(found, int) else None


def _headline(output: str, part: str, sides: Dict[str, Dict[str, Any]]) -> Optional[Headline]:
    """The headline of an output. sides: {side: {metric: value}}. None if no side has a preferred metric."""
    for metric in PREFERRED:
        values = {side: figures[metric] for side, figures in sides.items()
                  if isinstance(figures.get(metric), (int, float))}
        if values:
            return Headline(output, metric, part, values)
    return None
