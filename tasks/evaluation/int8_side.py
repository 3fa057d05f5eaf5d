"""Measures one output of the int8 file: its metrics, and its difference from the uint8 file on the same samples."""

from typing import Any, Dict

import numpy as np

from tasks.evaluation import agreement, metrics
from tasks.evaluation.agreement import Agreement
from tasks.graph import io_spec

SIDE = "int8"


class Int8Side:
    """Accumulates over batches. end: the output as described by ConvertUint8, with scale and zero point."""

    def __init__(self, end: io_spec.OutputEnd) -> None:
        self.end = end
        self._sums, self._of_uint8 = metrics.of(end), metrics.of(end)
        self._agreement = Agreement(end) if agreement.is_defined(end) else None
        self._samples = self._largest = 0

    def add(self, uint8: np.ndarray, int8: np.ndarray, answers: np.ndarray) -> None:
        """Adds a batch of n samples. uint8, int8: the outputs of the two files, both as uint8 codes [n, ...]. answers:
        the targets [n, ...]."""
        reals, of_uint8 = io_spec.real(self.end, int8), io_spec.real(self.end, uint8)
        self._sums.add(reals, answers)
        self._of_uint8.add(of_uint8, answers)
        self._samples += len(answers)
        self._largest = max(self._largest, int(np.abs(uint8.astype(np.int16) - int8).max()))
        if self._agreement is not None:
            self._agreement.add(of_uint8, reals, answers)

    def put_beside(self, figures: Dict[str, Any]) -> Dict[str, Any]:
        """`figures`, those of a Comparison of the same output, with a side `int8` in each metric, and with the field

            int8  {samples: the number of samples of the side int8
                   uint8: {METRIC: the figure of the uint8 file on the same samples}
                   largest_difference_lsb: the largest difference from a code of the uint8 file
                   agreement: only with classes: the share of samples or pixels for which both predict the same}
        """
        of_int8 = self._sums.figures()
        extended = {name: {**sides, SIDE: of_int8[name]} if name in of_int8 else sides
                    for name, sides in figures.items()}
        for metric, by_name in self._sums.details().items():
            extended[metric] = {name: {**figures[metric][name], SIDE: value} for name, value in by_name.items()}
        extended[SIDE] = {"samples": self._samples, "uint8": self._of_uint8.figures(),
                          "largest_difference_lsb": self._largest}
        if self._agreement is not None:
            extended[SIDE]["agreement"] = self._agreement.share()
        return extended
