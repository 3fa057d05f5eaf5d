"""Collects the samples of one output that the uint8 file predicts wrongly, by descending margin."""

from typing import Any, Dict, List, Tuple

import numpy as np

from tasks.evaluation import metrics
from tasks.graph.io_spec import OutputMeaning

MOST = 40


class Mistakes:
    """Collects mistakes over batches, in the order of the part. end: the output's description in network.json. most:
    the number of samples that are kept."""

    def __init__(self, end: OutputMeaning, most: int = MOST) -> None:
        self._end, self._most = end, most
        self._worst: List[Tuple[float, int, Dict[str, Any]]] = []  # (margin, row of the part, the prediction)
        self._samples = self._wrong = 0

    def add(self, scores: np.ndarray, truth: np.ndarray) -> None:
        """Adds a batch. scores: real values [n, ...] of the output. truth: the targets [n, ...]."""
        margins = _MARGINS[self._end["kind"]](self._end, scores, truth)
        wrong = np.flatnonzero(margins > 0)
        self._wrong += len(wrong)
        for row in wrong[np.argsort(-margins[wrong], kind="stable")][:self._most].tolist():
            self._worst.append((float(margins[row]), self._samples + row, self._answer(scores[row], truth[row])))
        self._samples += len(truth)
        self._worst = sorted(self._worst, key=lambda mistake: (-mistake[0], mistake[1]))[:self._most]

    def to_json(self) -> Dict[str, Any]:
        """{samples, wrong: the number of samples with a mistake, rows: [{row, margin, ...}]}; at most `most` rows.

            row       the sample's index in the part
            margin    class: the score of the predicted class minus that of the label, or the threshold
                      labels: the largest distance from the threshold of a score on its wrong side
                      class_map: the share of wrong pixels; value: the mean squared error
            label, answer, score      class: the index of the label, of the predicted class, and the latter's score
            too_many, too_few         labels: the indices of the classes predicted wrongly, and of the missed ones
        """
        return {"samples": self._samples, "wrong": self._wrong,
                "rows": [{"row": row, "margin": margin, **answer} for margin, row, answer in self._worst]}

    def _answer(self, scores: np.ndarray, truth: np.ndarray) -> Dict[str, Any]:
        if self._end["kind"] == "class":
            answer = int(metrics.decided(self._end, scores[None])[0])
            return {"label": int(truth), "answer": answer,
                    "score": float(scores[0] if self._end["threshold"] is not None else scores[answer])}
        if self._end["kind"] == "labels":
            answers, labels = metrics.decided(self._end, scores), truth.astype(np.int64)
            return {"too_many": np.flatnonzero(answers > labels).tolist(),
                    "too_few": np.flatnonzero(answers < labels).tolist()}
        return {}


def _of_class(end: OutputMeaning, scores: np.ndarray, truth: np.ndarray) -> np.ndarray:
    wrong = metrics.decided(end, scores) != truth
    if end.get("ignore") is not None:
        wrong &= truth != end["ignore"]
    if end["threshold"] is not None:
        margins = np.abs(scores[:, 0] - end["threshold"])
    else:
        rows = np.arange(len(truth))
        margins = scores.max(-1) - scores[rows, np.clip(truth, 0, scores.shape[-1] - 1)]
    # Where two classes have equal codes, the first is predicted. Such a mistake has the margin 0, but must count.
    return np.where(wrong, np.maximum(margins, np.finfo(np.float32).tiny), 0.0)


def _of_labels(end: OutputMeaning, scores: np.ndarray, truth: np.ndarray) -> np.ndarray:
    wrong = metrics.decided(end, scores) != truth
    margins = np.maximum(np.abs(scores - end["threshold"]), np.finfo(np.float32).tiny)
    return np.where(wrong, margins, 0.0).max(-1)


def _of_class_map(end: OutputMeaning, scores: np.ndarray, truth: np.ndarray) -> np.ndarray:
    known = np.ones(truth.shape, bool) if end.get("ignore") is None else truth != end["ignore"]
    wrong = (metrics.decided(end, scores) != truth) & known
    count = known.reshape(len(truth), -1).sum(-1)
    return wrong.reshape(len(truth), -1).sum(-1) / np.maximum(count, 1)


def _of_value(end: OutputMeaning, scores: np.ndarray, truth: np.ndarray) -> np.ndarray:
    return np.mean(np.square(scores.astype(np.float64) - truth).reshape(len(truth), -1), -1)


def _of_raw(end: OutputMeaning, scores: np.ndarray, truth: np.ndarray) -> np.ndarray:
    return np.zeros(len(scores))  # a raw output has no right or wrong


_MARGINS = {"class": _of_class, "labels": _of_labels, "class_map": _of_class_map, "value": _of_value, "raw": _of_raw}
