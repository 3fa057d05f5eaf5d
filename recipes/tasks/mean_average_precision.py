"""The detector's metric."""

import boxes
import numpy as np

OVERLAP = 0.5  # IoU from which a predicted box counts as a hit


class MeanAveragePrecision:
    """The mean over the shapes of the area under the precision-recall curve, as in Pascal VOC 2010."""

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
        scored, total = [], 0  # scored: (score, whether it is a hit) of each predicted box; total: true boxes
        for (found, scores, shapes), (true, true_shapes) in zip(self.found, self.true):
            true = true[true_shapes == shape]
            total += len(true)
            matched = np.zeros(len(true), bool)
            for box, score in zip(found[shapes == shape], scores[shapes == shape]):
                overlaps = np.where(matched, 0, boxes.overlap(box, true)) if len(true) else np.zeros(1)
                best = int(overlaps.argmax())
                scored.append((score, overlaps[best] >= OVERLAP))
                if overlaps[best] >= OVERLAP:
                    matched[best] = True
        hits = np.array([hit for _, hit in sorted(scored, key=lambda pair: -pair[0])], float)
        precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
        best_from_here = np.maximum.accumulate(precision[::-1])[::-1]
        return float((best_from_here * hits).sum() / total)
