"""One output on three sides: the float model, the fake-quantized graph, the uint8 file."""

from collections import Counter
from typing import Any, Dict, List

import numpy as np

from tasks.evaluation import metrics
from tasks.graph import io_spec

SIDES = ("float", "fake_quantized", "uint8")


class Comparison:
    """Added up batch by batch. `end` is the output as ConvertUint8 describes it, with scale and zero point."""

    def __init__(self, end: io_spec.OutputEnd) -> None:
        self.end = end
        self._sums = {side: metrics.of(end) for side in SIDES}
        self._lsb = Counter()  # type: Counter
        self._answers = self._agreed = 0

    def add(self, real: np.ndarray, fake: np.ndarray, codes: np.ndarray, answers: np.ndarray) -> None:
        """Reals [n, ...] of two sides, codes [n, ...] uint8 of the third, and the dataset's answers [n, ...]."""
        found = dict(zip(SIDES, (real, fake, io_spec.real(self.end, codes))))
        for side, values in found.items():
            self._sums[side].add(values, answers)
        lsb = np.rint(np.abs(found["uint8"] - fake) / self.end["scale"]).astype(int)
        self._lsb.update(dict(zip(*(part.tolist() for part in np.unique(lsb, return_counts=True)))))
        if self.end["kind"] not in ("value", "raw"):
            same = metrics.decided(self.end, real) == metrics.decided(self.end, found["uint8"])
            if self.end.get("ignore") is not None:
                same = same[answers != self.end["ignore"]]
            self._answers, self._agreed = self._answers + same.size, self._agreed + int(same.sum())

    def figures(self) -> Dict:
        """{kind, each metric by side, recall and precision by class and side, output_difference_lsb}, and of classes
        {agreement, classes, confusion, never_answered}: the share of samples or pixels with the same answer from float
        and uint8; the names; label by answer of the uint8 file (of labels one such table for each class); the classes
        that the uint8 file never answers."""
        by_side = {side: total.figures() for side, total in self._sums.items()}
        found: Dict[str, Any] = {metric: {side: by_side[side][metric] for side in SIDES} for metric in by_side["uint8"]}
        details = {side: total.details() for side, total in self._sums.items()}
        for metric, by_name in details["uint8"].items():
            found[metric] = {name: {side: details[side][metric][name] for side in SIDES} for name in by_name}
        found["kind"] = self.end["kind"]
        found["output_difference_lsb"] = {str(lsb): count for lsb, count in sorted(self._lsb.items())}
        if self.end["kind"] not in ("value", "raw"):
            found["agreement"] = self._agreed / self._answers if self._answers else None
            found["classes"] = list(self.end["classes"])
            found["confusion"] = self._sums["uint8"].confusion.tolist()
            found["never_answered"] = self._sums["uint8"].never_answered()
        return found

    def warnings(self) -> List[str]:
        """A sentence where the uint8 file never answers a class that occurs."""
        return metrics.unanswered(self.end, self._sums["uint8"], "the uint8 file over the test part")
