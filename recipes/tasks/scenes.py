"""Drawn scenes: one to three circles, squares and triangles on noise, 48 x 48 pixels in colour, from a fixed seed.

    task: detector    target grid, raw numbers (grid.py); extras box (at most 3 boxes) and shape (the class of each)
          segmenter   target mask, a class for each pixel; 255 (void) at the edges of shapes
          tagger      target tags: which shapes occur
          regressor   target centre, y and x as fractions of the side; one shape in each scene
"""

import hashlib

import grid
import numpy as np

from octet.data.dataset import PARTS, Dataset, Extra, Input, Part, Target

SIZE, MOST = 48, 3  # pixels, shapes
SHAPES = ["circle", "square", "triangle"]
VOID = 255
COUNT = {"train": 1000, "validation": 100, "test": 300}
MORE = {"regressor": {"train": 3000}}  # a scene with only one shape contains less to learn from
TARGETS = {
    "detector": ("grid", Target("raw", shape=grid.shape(SIZE, len(SHAPES)))),
    "segmenter": ("mask", Target("class_map", ["background"] + SHAPES, (SIZE, SIZE), ignore=VOID)),
    "tagger": ("tags", Target("labels", SHAPES)),
    "regressor": ("centre", Target("value", shape=(2,))),
}


class Scene:
    """picture: [SIZE, SIZE, 3] uint8. mask: [SIZE, SIZE]. boxes, shapes: (y0, x0, y1, x1) and the class of each
    shape."""

    def __init__(self, random, most):
        picture = random.randint(30, 100, (SIZE, SIZE, 3))
        self.mask = np.zeros((SIZE, SIZE), np.int32)
        self.boxes, self.shapes = [], []
        for _ in range(random.randint(1, most + 1)):
            side, shape = random.randint(9, 19), random.randint(len(SHAPES))
            y, x = random.randint(0, SIZE - side, 2)
            colour = random.randint(120, 230, 3)
            colour[random.randint(3)] = 240
            if self.mask[max(0, y - 1):y + side + 1, max(0, x - 1):x + side + 1].any():
                continue  # it would touch another shape
            inside = pixels(shape, side)
            picture[y:y + side, x:x + side][inside] = colour + random.randint(-10, 11, (int(inside.sum()), 3))
            self.mask[y:y + side, x:x + side][inside] = 1 + shape
            self.boxes.append([y, x, y + side, x + side])
            self.shapes.append(shape)
        self.picture = np.clip(picture, 0, 255).astype(np.uint8)


def pixels(shape, side):
    """[side, side] bool: the pixels inside the shape."""
    y, x = (np.indices((side, side)) + 0.5) / side - 0.5
    return [y ** 2 + x ** 2 <= 0.25, np.ones((side, side), bool), np.abs(x) <= (y + 0.5) / 2][shape]


def load(task, *, parts=PARTS, samples=None):
    """The Dataset of a task. parts, samples: see octet/data/dataset.py."""
    name, target = TARGETS[task]
    extras = {"box": Extra("boxes", (MOST, 4)), "shape": Extra("array", (MOST,), placeless=True, dtype="int32")}
    return Dataset({"image": Input((SIZE, SIZE, 3), 0.0, 1.0)}, {name: target},
                   {part: drawn(task, part, samples or {**COUNT, **MORE.get(task, {})}[part]) for part in parts},
                   samples=samples, extras=extras if task == "detector" else {})


def digest(part, task):
    """No data is read: the scenes follow from this file and grid.py, whose source is in the key."""
    return hashlib.sha256("{} {}".format(task, part).encode()).hexdigest()


def drawn(task, part, count):
    """The first `count` scenes of a part, with the targets of the task."""
    random = np.random.RandomState(1 + PARTS.index(part))
    scenes = [Scene(random, 1 if task == "regressor" else MOST) for _ in range(count)]
    name, _ = TARGETS[task]
    return Part({"image": np.stack([scene.picture for scene in scenes])}, {name: ANSWERS[task](scenes)},
                boxes(scenes) if task == "detector" else {})


def boxes(scenes):
    """The extras of the detector: the boxes and shapes of each scene, padded to MOST, and their number."""
    found = {"box": np.zeros((len(scenes), MOST, 4), np.float32), "shape": np.zeros((len(scenes), MOST), np.int32),
             "box_count": np.array([len(scene.boxes) for scene in scenes], np.int32)}
    for row, scene in enumerate(scenes):
        found["box"][row, :len(scene.boxes)] = scene.boxes
        found["shape"][row, :len(scene.boxes)] = scene.shapes
    return found


def no_answers(scenes):
    """[N, 0]: the target grid has no values, since the loss compares the output with the extras."""
    return np.zeros((len(scenes), 0), np.float32)


def masks(scenes):
    """[N, SIZE, SIZE] int32: the class of each pixel; VOID if its right or lower neighbour has another class."""
    found = np.stack([scene.mask for scene in scenes])
    void = np.zeros(found.shape, bool)
    void[:, :-1] |= found[:, :-1] != found[:, 1:]
    void[:, :, :-1] |= found[:, :, :-1] != found[:, :, 1:]
    return np.where(void, VOID, found).astype(np.int32)


def tags(scenes):
    """[N, shapes] uint8: 1 for each shape that occurs."""
    return np.array([[shape in scene.shapes for shape in range(len(SHAPES))] for scene in scenes], np.uint8)


def centres(scenes):
    """[N, 2] float32: y and x of the only shape, as fractions of the side."""
    first = np.array([scene.boxes[0] for scene in scenes], np.float32)
    return (first[:, :2] + first[:, 2:]) / 2 / SIZE


ANSWERS = {"detector": no_answers, "segmenter": masks, "tagger": tags, "regressor": centres}
