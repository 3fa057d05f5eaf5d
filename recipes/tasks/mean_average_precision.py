"""The detector's metric."""

import boxes
import numpy as np

OVERLAP = 0.5  # from this on, a box has found a thing


class MeanAveragePrecision:
    """The mean over the shapes of the area under precision over recall, as Pascal VOC 2010 has it."""

    def __init__(self):
        self.found, self.true = [], []

    def update(self, answers, targets, extras):
        self.found.extend(boxes.decode(numbers) for numbers in answers["grid"])
        self.true.extend((box[:count], shape[:count]) for box, count, shape in zip(
            extras["box"], extras["box_count"], extras["shape"]))

    def result(self):
        shapes = {shape for _, of_sample in self.true for shape in of_sample.tolist()}
        return float(np.mean([self._average(shape) for shape in shapes])) if shapes else None

    def _average(self, shape):
        """Average precision of one shape."""
        scored, there = [], 0  # (score, whether the box is right) of each box found
        for (found, scores, shapes), (true, true_shapes) in zip(self.found, self.true):
            true = true[true_shapes == shape]
            there += len(true)
            taken = np.zeros(len(true), bool)
            for box, score in zip(found[shapes == shape], scores[shapes == shape]):
                overlaps = np.where(taken, 0, boxes.overlap(box, true)) if len(true) else np.zeros(1)
                best = int(overlaps.argmax())
                scored.append((score, overlaps[best] >= OVERLAP))
                if overlaps[best] >= OVERLAP:
                    taken[best] = True
        right = np.array([each for _, each in sorted(scored, key=lambda pair: -pair[0])], float)
        precision = np.cumsum(right) / np.arange(1, len(right) + 1)
        best_from_here = np.maximum.accumulate(precision[::-1])[::-1]
        return float((best_from_here * right).sum() / there)
