"""Decodes the detector's grid into boxes, outside of the network. Needs numpy only, so an app can use the same code."""

import grid
import numpy as np

LEAST_SCORE = 0.05
OVERLAP = 0.5  # IoU from which two boxes with the same shape are taken for the same object


def decode(answers):
    """(boxes [n, 4] y0 x0 y1 x1 in pixels, scores [n], shapes [n]) of one grid of reals, highest score first. Of
    overlapping boxes with the same shape, only the one with the highest score is kept (non-maximum suppression)."""
    cells, anchors = len(answers), len(grid.ANCHORS)
    answers = answers.astype(np.float64).reshape(cells, cells, anchors, -1)
    corner = np.stack(np.meshgrid(np.arange(cells), np.arange(cells), indexing="ij"), -1)[:, :, None]
    centre = grid.CELL * (corner + sigmoid(answers[..., 1:3]))
    size = np.exp(np.clip(answers[..., 3:5], -3, 3)) * np.array(grid.ANCHORS)[:, None]
    boxes = np.concatenate([centre - size / 2, centre + size / 2], -1).reshape(-1, 4)
    shares = np.exp(answers[..., grid.BOX:] - answers[..., grid.BOX:].max(-1, keepdims=True))
    scores = (sigmoid(answers[..., 0]) * shares.max(-1) / shares.sum(-1)).reshape(-1)
    shapes = shares.argmax(-1).reshape(-1)
    kept = []
    for place in np.argsort(-scores, kind="stable"):
        if scores[place] < LEAST_SCORE:
            break
        rivals = [other for other in kept if shapes[other] == shapes[place]]
        if not rivals or overlap(boxes[place], boxes[rivals]).max() < OVERLAP:
            kept.append(place)
    return boxes[kept], scores[kept], shapes[kept]


def overlap(box, others):
    """[n]: the intersection over union (IoU) of a box with each of the others [n, 4]."""
    common = np.maximum(np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2]), 0).prod(-1)
    return common / ((box[2:] - box[:2]).prod() + (others[:, 2:] - others[:, :2]).prod(-1) - common)


def sigmoid(values):
    return 1 / (1 + np.exp(-values))
