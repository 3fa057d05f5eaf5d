"""A small convolutional network in the manner of LeNet-5 (LeCun et al. 1998), with 3x3 kernels."""

from typing import Sequence, Tuple

import tensorflow as tf

from models._arguments import expect_count, expect_counts, expect_image_classifier


def build(input_shape: Tuple[int, int, int], classes: int, filters: Sequence[int] = (32, 64, 64),
          dense: int = 128) -> tf.keras.Model:
    """[N, H, W, C] float -> [N, classes] probabilities.

    One convolution, batch normalization, ReLU and 2x2 max pooling for each number in `filters`, then a dense layer of
    `dense` units. The pooling pads, so any height and width is possible. Raises ValueError for arguments out of range.
    """
    expect_image_classifier(input_shape, classes)
    expect_counts("filters", filters)
    expect_count("dense", dense)
    layers = tf.keras.layers
    image = x = layers.Input(tuple(input_shape), name="image")
    for number, width in enumerate(filters, 1):
        x = layers.Conv2D(width, 3, padding="same", name="conv{}".format(number))(x)
        x = layers.BatchNormalization(name="conv{}_norm".format(number))(x)
        x = layers.ReLU(name="conv{}_relu".format(number))(x)
        x = layers.MaxPooling2D(2, padding="same", name="pool{}".format(number))(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(dense, name="dense")(x)
    x = layers.ReLU(name="dense_relu")(x)
    x = layers.Dense(classes, name="logits")(x)
    return tf.keras.Model(image, layers.Softmax(name="probabilities")(x), name="lenet")
