"""Metrics of an output, by the kind of its target, accumulated over batches.

    class       accuracy, balanced_accuracy, macro_f1; with two classes also roc_auc and average_precision of the second
    labels      accuracy (over all samples and classes), exact_match, balanced_accuracy, macro_f1; the means over the
                classes of roc_auc and average_precision
    class_map   accuracy (of pixels), balanced_accuracy, macro_f1, mean_iou; ignored pixels do not count
    value       mse, mae, snr_db
    raw         loss, where `add_loss` is called; no other metric is defined

A metric that is undefined for the samples (a class has no sample, or there is no error) is None.
"""

from typing import Any, Dict, List, Optional

import numpy as np

from octet.suggestions import CLASS_WEIGHTS
from tasks.evaluation import ranking
from tasks.graph.io_spec import OutputEnd, OutputMeaning


def decided(end: OutputMeaning, scores: np.ndarray) -> np.ndarray:
    """The predictions for scores [..., C]. For labels: 0 or 1 for each class, [..., C]. Otherwise: the index of a
    class, [...]: the one with the largest score; or, for a single score of two classes, 1 where it exceeds the
    threshold."""
    threshold = end.get("threshold")
    if end["kind"] == "labels":
        return (scores > threshold).astype(np.int64)
    return np.argmax(scores, -1) if threshold is None else (scores[..., 0] > threshold).astype(np.int64)


class Classes:
    """Metrics of scores [..., C] with labels [...]. `confusion[label, answer]` counts samples, or pixels."""

    def __init__(self, end: OutputMeaning) -> None:
        self.end = end
        self.confusion = np.zeros((len(end["classes"]),) * 2, np.int64)
        self._scores = _Scores(1) if end["kind"] == "class" and len(end["classes"]) == 2 else None

    def add(self, scores: np.ndarray, labels: np.ndarray) -> None:
        answers, labels = decided(self.end, scores).reshape(-1), labels.reshape(-1).astype(np.int64)
        if self._scores:
            last = scores[..., -1:] - (0 if scores.shape[-1] == 1 else scores[..., :1])
            self._scores.add(last, labels[:, None] == 1)
        if self.end.get("ignore") is not None:
            known = labels != self.end["ignore"]
            answers, labels = answers[known], labels[known]
        cells = labels * len(self.confusion) + answers
        self.confusion += np.bincount(cells, minlength=self.confusion.size).reshape(self.confusion.shape)

    def figures(self) -> Dict[str, Optional[float]]:
        right, of_class, answered = np.diag(self.confusion), self.confusion.sum(1), self.confusion.sum(0)
        figures = {"accuracy": _share(right.sum(), of_class.sum())}
        figures.update(_by_class(right, of_class, answered))
        if self.end["kind"] == "class_map":
            union = of_class + answered - right
            figures["mean_iou"] = _mean(right[union > 0] / union[union > 0])
        if self._scores:
            figures.update(self._scores.figures())
        return figures

    def details(self) -> Dict[str, Dict[str, Optional[float]]]:
        """{recall, precision: {class: share}}."""
        right = np.diag(self.confusion)
        return _details(self.end, right, self.confusion.sum(1), self.confusion.sum(0))

    def never_correct(self) -> List[str]:
        """The classes that have samples or pixels, but a recall of 0."""
        return _missed(self.end, np.diag(self.confusion), self.confusion.sum(1))


class Labels:
    """Metrics of scores [N, C] with labels [N, C] of 0 and 1. `confusion[class, label, answer]` counts samples."""

    def __init__(self, end: OutputMeaning) -> None:
        self.end = end
        self.confusion = np.zeros((len(end["classes"]), 2, 2), np.int64)
        self._exact = 0
        self._scores = _Scores(len(end["classes"]))

    def add(self, scores: np.ndarray, labels: np.ndarray) -> None:
        answers, labels = decided(self.end, scores), labels.astype(np.int64)
        self._exact += int((answers == labels).all(-1).sum())
        self._scores.add(scores, labels == 1)
        for index in range(len(self.confusion)):
            cells = labels[:, index] * 2 + answers[:, index]
            self.confusion[index] += np.bincount(cells, minlength=4).reshape(2, 2)

    def figures(self) -> Dict[str, Optional[float]]:
        right, of_class, answered = self._sums()
        samples = int(self.confusion[0].sum())
        correct = right.sum() + self.confusion[:, 0, 0].sum()
        figures = {"accuracy": _share(correct, self.confusion.sum()), "exact_match": _share(self._exact, samples)}
        figures.update(_by_class(right, of_class, answered))
        # The mean over the classes of (true positive rate + true negative rate) / 2.
        balanced = [np.mean(np.diag(table) / table.sum(1)) for table in self.confusion if table.sum(1).all()]
        figures["balanced_accuracy"] = _mean(balanced)
        figures.update(self._scores.figures())
        return figures

    def details(self) -> Dict[str, Dict[str, Optional[float]]]:
        """{recall, precision: {class: share}}."""
        return _details(self.end, *self._sums())

    def never_correct(self) -> List[str]:
        """The classes that have samples, but a recall of 0."""
        return _missed(self.end, *self._sums()[:2])

    def _sums(self) -> List[np.ndarray]:
        return [self.confusion[:, 1, 1], self.confusion[:, 1].sum(-1), self.confusion[:, :, 1].sum(-1)]


class _Scores:
    """Collects the scores [N, C] of all samples, and which are positive: metrics without a threshold need all
    scores."""

    def __init__(self, columns: int) -> None:
        self._columns = columns
        self._scores, self._positive = [], []  # type: List[np.ndarray], List[np.ndarray]

    def add(self, scores: np.ndarray, positive: np.ndarray) -> None:
        self._scores.append(np.array(scores, np.float32).reshape(-1, self._columns))
        self._positive.append(positive.reshape(-1, self._columns))

    def figures(self) -> Dict[str, Optional[float]]:
        scores, positive = np.concatenate(self._scores), np.concatenate(self._positive)
        return {name: _mean([value for value in (
            measure(scores[:, column], positive[:, column]) for column in range(self._columns)) if value is not None])
            for name, measure in (("roc_auc", ranking.roc_auc), ("average_precision", ranking.average_precision))}


class Values:
    """Errors of real values [N, ...] against targets [N, ...]."""

    def __init__(self, end: OutputMeaning) -> None:
        self.count = 0
        self.squared = self.absolute = self.signal = 0.0
        self._columns = np.array(end.get("columns") or np.zeros((0, 2)), np.float64)
        self._of_column = np.zeros(len(self._columns))

    def add(self, values: np.ndarray, targets: np.ndarray) -> None:
        error = values.astype(np.float64) - targets
        self.count += error.size
        self.squared += float(np.sum(np.square(error)))
        self.absolute += float(np.sum(np.abs(error)))
        self.signal += float(np.sum(np.square(targets.astype(np.float64))))
        if len(self._columns):
            self._of_column += np.abs(error).sum(0)

    def figures(self) -> Dict[str, Optional[float]]:
        """Mean squared error, mean absolute error, and the signal-to-noise ratio in dB: the power of the targets
        divided by that of the error; None where either is 0."""
        ratio = self.signal / self.squared if self.squared else 0.0
        return {"mse": self.squared / self.count, "mae": self.absolute / self.count,
                "snr_db": float(10 * np.log10(ratio)) if ratio else None}

    def details(self) -> Dict[str, Dict[str, Optional[float]]]:
        """{mae_by_column: {column: mean absolute error in the column's original unit}}; {} where the dataset does not
        scale columns."""
        if not len(self._columns):
            return {}
        span = self._columns[:, 1] - self._columns[:, 0]
        rows = self.count / len(self._columns)
        return {"mae_by_column": {str(column): float(value)
                                  for column, value in enumerate(self._of_column * span / rows)}}

    def never_correct(self) -> List[str]:
        return []


class Raw:
    """An output of kind `raw`: only the user's own loss and metrics can interpret it."""

    def __init__(self, end: OutputEnd) -> None:
        self._loss, self._samples = 0.0, 0

    def add(self, values: np.ndarray, targets: np.ndarray) -> None:
        pass

    def add_loss(self, loss: float, samples: int) -> None:
        """Adds the mean loss of a batch of `samples` samples."""
        self._loss, self._samples = self._loss + loss * samples, self._samples + samples

    def figures(self) -> Dict[str, Optional[float]]:
        return {"loss": self._loss / self._samples} if self._samples else {}

    def details(self) -> Dict[str, Dict[str, Optional[float]]]:
        return {}

    def never_correct(self) -> List[str]:
        return []


def _by_class(right: np.ndarray, of_class: np.ndarray, answered: np.ndarray) -> Dict[str, Optional[float]]:
    """The mean recall of the classes with samples, and the mean F1 of the classes with samples or predictions.

    right, of_class, answered: for each class, the number of samples with it as label and prediction, as label, as
    prediction."""
    occurs, counts = of_class > 0, of_class + answered > 0
    return {"balanced_accuracy": _mean(right[occurs] / of_class[occurs]),
            "macro_f1": _mean(2 * right[counts] / (of_class + answered)[counts])}


def _details(end: OutputMeaning, right: np.ndarray, of_class: np.ndarray, answered: np.ndarray
             ) -> Dict[str, Dict[str, Optional[float]]]:
    return {name: {one: _share(right[index], whole[index]) for index, one in enumerate(end["classes"])}
            for name, whole in (("recall", of_class), ("precision", answered))}


def _missed(end: OutputMeaning, right: np.ndarray, of_class: np.ndarray) -> List[str]:
    return [end["classes"][index] for index in np.flatnonzero((of_class > 0) & (right == 0))]


def _share(count: int, total: int) -> Optional[float]:
    return float(count / total) if total else None


def _mean(values: Any) -> Optional[float]:
    return float(np.mean(values)) if len(values) else None


KINDS: Dict[str, Any] = {"class": Classes, "labels": Labels, "class_map": Classes, "value": Values, "raw": Raw}


def of(end: OutputMeaning) -> Any:
    """An empty accumulator of the metrics of one output."""
    return KINDS[end["kind"]](end)


def unanswered(end: OutputMeaning, total: Any, where: str) -> List[str]:
    """One sentence if there are classes that have samples but are never predicted correctly; else [].

    total: the output's metrics. where: names the network and the part in the sentence."""
    missed = total.never_correct()
    return ["'{}' never predicts {} {} correctly ({}), although the part has samples of it; {} gives rare "
            "classes more weight".format(
                end["name"], "the class" if len(missed) == 1 else "the classes",
                ", ".join(map(repr, missed[:10])) + (", ..." if len(missed) > 10 else ""), where,
                CLASS_WEIGHTS)] if missed else []
