"""MobileNet (Howard et al. 2017, arXiv:1704.04861, table 1): depthwise separable convolutions."""

from typing import Optional, Sequence, Tuple

import tensorflow as tf

from models._arguments import expect, expect_counts, expect_factor, expect_flag, expect_image_classifier, expect_share
from models._strides import strides

WIDTHS = (64, 128, 256, 512, 1024)


def build(input_shape: Tuple[int, int, int], classes: int, alpha: float = 1.0,
          blocks: Sequence[int] = (1, 2, 2, 6, 2), halvings: Optional[int] = None, dropout: float = 0.001,
          use_bias: bool = False) -> tf.keras.Model:
    """[N, H, W, C] float -> [N, classes] probabilities.

    alpha: a factor for the published widths. blocks: the number of blocks of each width; fewer than five numbers make a
    shorter network. halvings: the number of the published five halvings of the resolution that are kept; the first ones
    are left out. None: as many as suit the size of the picture. Raises ValueError for arguments out of range.
    """
    expect_image_classifier(input_shape, classes)
    expect_factor("alpha", alpha)
    expect_counts("blocks", blocks)
    expect(len(blocks) <= len(WIDTHS), "blocks", "at most {} numbers".format(len(WIDTHS)), blocks)
    expect_share("dropout", dropout)
    expect_flag("use_bias", use_bias)
    layers = tf.keras.layers
    at_stem, *at_widths = strides(input_shape, halvings, len(blocks))

    def width(published):
        return max(1, int(published * alpha))

    def norm_relu(x, name):
        x = layers.BatchNormalization(name=name + "_norm")(x)
        return layers.ReLU(6.0, name=name + "_relu")(x)

    def conv(x, filters, size, stride, name):
        x = layers.Conv2D(filters, size, strides=stride, padding="same", use_bias=use_bias, name=name)(x)
        return norm_relu(x, name)

    def separable(x, filters, stride, name):
        x = layers.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=use_bias,
                                   name=name + "_depthwise")(x)
        return conv(norm_relu(x, name + "_depthwise"), filters, 1, 1, name + "_pointwise")

    image = layers.Input(tuple(input_shape), name="image")
    x = conv(image, width(32), 3, at_stem, "stem")
    for stage, (published, count) in enumerate(zip(WIDTHS, blocks), 1):
        for number in range(1, count + 1):
            stride = at_widths[stage - 2] if stage > 1 and number == 1 else 1
            x = separable(x, width(published), stride, "stage{}_block{}".format(stage, number))
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    x = layers.Dense(classes, name="logits")(x)
    return tf.keras.Model(image, layers.Softmax(name="probabilities")(x), name="mobilenet_v1")
