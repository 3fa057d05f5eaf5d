"""A dense autoencoder with batch normalization after each dense layer, as in the DCASE 2020 baseline for machine sounds
(Koizumi et al. 2020, arXiv:2006.05822) and in MLPerf Tiny, where it has 640 inputs and outputs."""

from typing import Sequence, Tuple

import numpy as np
import tensorflow as tf

from models._arguments import expect, expect_count, expect_counts, is_shape


def build(input_shape: Tuple[int, ...], classes: Tuple[int, ...],
          widths: Sequence[int] = (128, 128, 128, 128), bottleneck: int = 8) -> tf.keras.Model:
    """[N, *input_shape] float -> [N, *classes] reals. classes: the shape of the target, which is of the kind 'value'.

    Dense layers with `widths` units, one with `bottleneck` units, dense layers with `widths` in reverse order, and a
    linear layer. Raises ValueError for arguments out of range.
    """
    expect(is_shape(input_shape), "input_shape", "whole numbers of at least 1", input_shape)
    expect(is_shape(classes), "classes", "the shape of the value that is reconstructed", classes)
    expect_counts("widths", widths)
    expect_count("bottleneck", bottleneck)
    layers = tf.keras.layers

    def dense(x, units, name):
        x = layers.Dense(units, name=name)(x)
        x = layers.BatchNormalization(name=name + "_norm")(x)
        return layers.ReLU(name=name + "_relu")(x)

    given = x = layers.Input(tuple(input_shape), name="features")
    if len(input_shape) > 1:
        x = layers.Flatten(name="flatten")(x)
    for number, units in enumerate(widths, 1):
        x = dense(x, units, "encoder{}".format(number))
    x = dense(x, bottleneck, "bottleneck")
    for number, units in enumerate(reversed(widths), 1):
        x = dense(x, units, "decoder{}".format(number))
    x = layers.Dense(int(np.prod(classes)), name="reals")(x)
    if len(classes) > 1:
        x = layers.Reshape(tuple(classes), name="reconstruction")(x)
    return tf.keras.Model(given, x, name="autoencoder")
