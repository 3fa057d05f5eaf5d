"""A small detector: a raw output, boxes as extras, and a loss and a metric of the user's own."""

DATA = '''
"""One bright square of 3 x 3 pixels in each picture; the network is to say in which quarter its centre is."""

import numpy as np

from octet.data.dataset import PARTS, Dataset, Extra, Input, Part, Target


def load(parts=PARTS, samples=None):
    return Dataset({"image": Input((12, 12, 1), 0.0, 1.0)}, {"grid": Target("raw", shape=(2, 2, 1))},
                   {part: made(seed, 400 if samples is None else samples) for seed, part in enumerate(PARTS)
                    if part in parts}, samples=samples,
                   extras={"box": Extra("boxes", (2, 4)), "weight": Extra("array", (), placeless=True)})


def digest(part):
    return "1"


def made(seed, count):
    random = np.random.RandomState(seed)
    images = random.randint(0, 60, (count, 12, 12, 1)).astype(np.uint8)
    boxes = np.zeros((count, 2, 4), np.float32)
    for index, (y, x) in enumerate(random.randint(0, 10, (count, 2))):
        images[index, y:y + 3, x:x + 3] = 230
        boxes[index, 0] = [y, x, y + 3, x + 3]
    return Part({"image": images}, {"grid": np.zeros((count, 0), np.float32)},
                {"box": boxes, "box_count": np.ones(count, np.int32), "weight": np.ones(count, np.float32)})
'''
NET = """
import tensorflow as tf
layers = tf.keras.layers

def build(input_shape, classes):
    image = layers.Input(input_shape)
    x = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(image)
    x = layers.Conv2D(8, 3, strides=3, padding="same", activation="relu")(x)
    return tf.keras.Model(image, layers.Conv2D(classes[-1], 1, name="grid")(x))
"""
LOSSES = """
import tensorflow as tf

def quarter(outputs, targets, extras):
    box = extras["box"][:, 0]
    tf.Assert(tf.reduce_all(extras["box_count"] == 1), [box])
    y, x = (box[:, 0] + box[:, 2]) / 2, (box[:, 1] + box[:, 3]) / 2
    cell = 2 * tf.cast(y >= 6, tf.int32) + tf.cast(x >= 6, tf.int32)
    each = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=cell, logits=tf.reshape(outputs["grid"], [-1, 4]))
    return tf.reduce_mean(each * extras["weight"])
"""
METRICS = """
import numpy as np

class Hits:
    def __init__(self):
        self.hits = self.all = 0

    def update(self, answers, targets, extras):
        assert targets["grid"].shape[1:] == (0,) and extras["box_count"].shape == answers["grid"].shape[:1]
        box = extras["box"][:, 0]
        cell = 2 * ((box[:, 0] + box[:, 2]) / 2 >= 6) + ((box[:, 1] + box[:, 3]) / 2 >= 6)
        self.hits += int((answers["grid"].reshape(-1, 4).argmax(1) == cell).sum())
        self.all += len(cell)

    def result(self):
        return self.hits / self.all
"""


def put(folder):
    for name, text in (("boxes.py", DATA), ("net.py", NET), ("losses.py", LOSSES), ("metrics.py", METRICS)):
        (folder / name).write_text(text)
