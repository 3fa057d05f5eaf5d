"""The anomaly score of a sound, from an autoencoder's reconstruction, and the metric of the score."""

import numpy as np


def score(spectrograms, answers):
    """[N]: the mean squared error of each reconstruction. A larger error means a more unusual sound."""
    return np.square(answers - spectrograms).reshape(len(answers), -1).mean(-1)


class AreaUnderROC:
    """The fraction of pairs of a damaged and an intact motor in which the damaged one has the higher score."""

    def __init__(self):
        self.scores, self.damaged = [], []

    def update(self, answers, targets, extras):
        self.scores.extend(score(targets["reconstruction"], answers["reconstruction"]))
        self.damaged.extend(extras["damaged"] == 1)

    def result(self):
        scores, damaged = np.array(self.scores), np.array(self.damaged)
        pairs = scores[damaged][:, None] - scores[~damaged][None]
        return float(((pairs > 0) + 0.5 * (pairs == 0)).mean()) if pairs.size else None
