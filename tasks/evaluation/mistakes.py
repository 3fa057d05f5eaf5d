"""The samples of one output that the uint8 file gets wrong, the most certain mistakes first."""

from typing import Any, Dict, List, Tuple

import numpy as np

from tasks.evaluation import metrics
from tasks.graph.io_spec import OutputMeaning

MOST = 40


class Mistakes:
    """Added up batch by batch, in the order of the part. `end` is the output's description in network.json."""

    def __init__(self, end: OutputMeaning, most: int = MOST) -> None:
        self._end, self._most = end, most
        self._worst: List[Tuple[float, int, Dict[str, Any]]] = []  # (how wrong, row of the part, what was answered)
        self._samples = self._wrong = 0

    def add(self, scores: np.ndarray, truth: np.ndarray) -> None:
        """Reals [n, ...] of the output, and the dataset's answers [n, ...]."""
        margins = _MARGINS[self._end["kind"]](self._end, scores, truth)
        wrong = np.flatnonzero(margins > 0)
        self._wrong += len(wrong)
        for row in wrong[np.argsort(-margins[wrong], kind="stable")][:self._most].tolist():
            self._worst.append((float(margins[row]), self._samples + row, self._said(scores[row], truth[row])))
        self._samples += len(truth)
        self._worst = sorted(self._worst, key=lambda one: (-one[0], one[1]))[:self._most]

    def to_json(self) -> Dict[str, Any]:
        """{samples, wrong: how many have a mistake in them, rows: [{row, margin, ...}]} of at most `most` samples.

        row is the sample's place in the part. margin: of a class, by how much its score exceeds that of the right
        class, or the threshold; of labels, the most that a score is on the wrong side of the threshold; of a class
        map, the share of its pixels that are wrong; of a value, the mean squared error. Of a class also label, answer
        and score, of labels too_many and too_few: indices of classes."""
        return {"samples": self._samples, "wrong": self._wrong,
                "rows": [{"row": row, "margin": margin, **said} for margin, row, said in self._worst]}

    def _said(self, scores: np.ndarray, truth: np.ndarray) -> Dict[str, Any]:
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
    # Equal codes of two classes are a mistake of margin 0: the first of them is the answer.
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
    return np.zeros(len(scores))  # no answer of it is right or wrong by itself


_MARGINS = {"class": _of_class, "labels": _of_labels, "class_map": _of_class_map, "value": _of_value, "raw": _of_raw}
