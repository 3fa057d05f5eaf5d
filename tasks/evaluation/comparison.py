"""Compares one output of the float model, of the fake-quantized graph and of the uint8 file."""

import collections
from typing import Any, Counter, Dict, List

import numpy as np

from tasks.evaluation import agreement, metrics
from tasks.evaluation.agreement import Agreement
from tasks.evaluation.mistakes import Mistakes
from tasks.graph import io_spec

SIDES = ("float", "fake_quantized", "uint8")


class Comparison:
    """Accumulates the comparison over batches. end: the output as described by ConvertUint8, with scale and zero point.
    """

    def __init__(self, end: io_spec.OutputEnd) -> None:
        self.end = end
        self._sums = {side: metrics.of(end) for side in SIDES}
        self.mistakes = Mistakes(end)
        self._lsb: Counter[int] = collections.Counter()
        self._agreement = Agreement(end) if agreement.is_defined(end) else None

    def add(self, real: np.ndarray, fake: np.ndarray, codes: np.ndarray, targets: np.ndarray) -> None:
        """Adds a batch of n samples.

        real, fake: the outputs of the float model and of the fake-quantized graph, real values [n, ...]. codes: the
        outputs of the uint8 file, uint8 [n, ...]. targets: [n, ...]."""
        outputs = dict(zip(SIDES, (real, fake, io_spec.real(self.end, codes))))
        for side, values in outputs.items():
            self._sums[side].add(values, targets)
        self.mistakes.add(outputs["uint8"], targets)
        lsb = np.rint(np.abs(outputs["uint8"] - fake) / self.end["scale"]).astype(int)
        self._lsb.update(dict(zip(*(part.tolist() for part in np.unique(lsb, return_counts=True)))))
        if self._agreement is not None:
            self._agreement.add(real, outputs["uint8"], targets)

    def figures(self) -> Dict[str, Any]:
        """The figures of this output in measurement.json:

            kind                   the kind of the target
            METRIC                 {side: figure} for each metric of the kind
            recall, precision      {class: {side: share}}
            output_difference_lsb  {LSB: number of values by which uint8 file and fake-quantized graph differ so much}

        and, for an output with classes:

            agreement              the share of samples or pixels for which float and uint8 predict the same
            classes                the names of the classes
            confusion              counts by label and prediction of the uint8 file; for labels, a table for each class
            never_correct          the classes that have samples, but that the uint8 file never predicts correctly
        """
        by_side = {side: total.figures() for side, total in self._sums.items()}
        figures: Dict[str, Any] = {metric: {side: by_side[side][metric] for side in SIDES}
                                   for metric in by_side["uint8"]}
        details = {side: total.details() for side, total in self._sums.items()}
        for metric, by_name in details["uint8"].items():
            figures[metric] = {name: {side: details[side][metric][name] for side in SIDES} for name in by_name}
        figures["kind"] = self.end["kind"]
        figures["output_difference_lsb"] = {str(lsb): count for lsb, count in sorted(self._lsb.items())}
        if self._agreement is not None:
            figures["agreement"] = self._agreement.share()
            figures["classes"] = list(self.end["classes"])
            figures["confusion"] = self._sums["uint8"].confusion.tolist()
            figures["never_correct"] = self._sums["uint8"].never_correct()
        return figures

    def warnings(self) -> List[str]:
        """One sentence if there are classes with samples that the uint8 file never predicts correctly; else []."""
        return metrics.unanswered(self.end, self._sums["uint8"], "the uint8 file over the test part")
