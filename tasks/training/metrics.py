"""How good outputs are, by the kind of target; added up batch by batch.

    class       accuracy
    class_map   accuracy (of pixels), mean_iou
    value       mse, mae, snr_db
"""

from typing import Dict, Optional

import numpy as np


class Classes:
    """Labels against scores [..., classes]: `confusion[label, answer]` counts samples, or pixels."""

    def __init__(self, end: Dict) -> None:
        self.kind = end["kind"]
        self.confusion = np.zeros((len(end["classes"]),) * 2, np.int64)

    def add(self, scores: np.ndarray, labels: np.ndarray) -> None:
        cells = labels.reshape(-1) * len(self.confusion) + np.argmax(scores, -1).reshape(-1)
        self.confusion += np.bincount(cells, minlength=self.confusion.size).reshape(self.confusion.shape)

    def figures(self) -> Dict[str, float]:
        found = {"accuracy": float(np.trace(self.confusion) / self.confusion.sum())}
        if self.kind == "class_map":
            found["mean_iou"] = self._mean_iou()
        return found

    def _mean_iou(self) -> float:
        """Intersection over union of what is of a class and what is called so: the mean over the classes
        that occur as either."""
        both = np.diag(self.confusion)
        either = self.confusion.sum(0) + self.confusion.sum(1) - both
        return float(np.mean(both[either > 0] / either[either > 0]))


class Values:
    """Reals against the reals that were wanted, both [N, ...]."""

    def __init__(self, end: Dict) -> None:
        self.count = 0
        self.squared = self.absolute = self.signal = 0.0

    def add(self, found: np.ndarray, wanted: np.ndarray) -> None:
        error = found.astype(np.float64) - wanted
        self.count += error.size
        self.squared += float(np.sum(np.square(error)))
        self.absolute += float(np.sum(np.abs(error)))
        self.signal += float(np.sum(np.square(wanted.astype(np.float64))))

    def figures(self) -> Dict[str, Optional[float]]:
        """Mean squared error, mean absolute error, and the power of what was wanted over that of the error
        in decibel; None where one of them is 0."""
        ratio = self.signal / self.squared if self.squared else 0.0
        return {"mse": self.squared / self.count, "mae": self.absolute / self.count,
                "snr_db": float(10 * np.log10(ratio)) if ratio else None}


KINDS = {"class": Classes, "class_map": Classes, "value": Values}


def of(end: Dict):
    """A new, empty sum for one output."""
    return KINDS[end["kind"]](end)
