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

    def add(self, uint8: np.ndarray, int8: np.ndarray, targets: np.ndarray) -> None:
        """Adds a batch of n samples. uint8, int8: the outputs of the two files, both as uint8 codes [n, ...]. targets:
        [n, ...]."""
        reals, of_uint8 = io_spec.real(self.end, int8), io_spec.real(self.end, uint8)
        self._sums.add(reals, targets)
        self._of_uint8.add(of_uint8, targets)
        self._samples += len(targets)
        self._largest = max(self._largest, int(np.abs(uint8.astype(np.int16) - int8).max()))
        if self._agreement is not None:
            self._agreement.add(of_uint8, reals, targets)

    def put_beside(self, figures: Dict[str, Any], total: int) -> Dict[str, Any]:
        """`figures`, those of a Comparison of the same output on `total` samples, with the field

            int8  {samples: the number of samples that the int8 file was measured on
                   largest_difference_lsb: the largest difference from a code of the uint8 file
                   agreement: only with classes: the share of samples or pixels for which both predict the same}

        Figures of the two files are comparable only on the same samples. If the int8 file was measured on all samples,
        each metric of `figures` gets a side `int8`. Otherwise the field `int8` has the metrics, with the sides uint8
        and int8, both measured on the samples of the int8 file.
        """
        of_int8: Dict[str, Any] = {"samples": self._samples, "largest_difference_lsb": self._largest}
        if self._agreement is not None:
            of_int8["agreement"] = self._agreement.share()
        if self._samples == total:
            return {**_with_side(figures, SIDE, self._sums), SIDE: of_int8}
        return {**figures, SIDE: _with_side(_with_side(of_int8, "uint8", self._of_uint8), SIDE, self._sums)}


def _with_side(figures: Dict[str, Any], side: str, sums: Any) -> Dict[str, Any]:
    """`figures`, {METRIC: {SIDE: figure}} and {METRIC: {class or column: {SIDE: figure}}}, with an additional side.

    sums: the accumulator of that side, see metrics.of."""
    extended = dict(figures)
    for metric, figure in sums.figures().items():
        extended[metric] = {**figures.get(metric, {}), side: figure}
    for metric, by_name in sums.details().items():
        of_others = figures.get(metric, {})
        extended[metric] = {name: {**of_others.get(name, {}), side: figure} for name, figure in by_name.items()}
    return extended
