"""MobileNetV2 (Sandler et al. 2018, arXiv:1801.04381, table 2): inverted residuals, linear bottlenecks."""

from typing import Optional, Sequence, Tuple

import tensorflow as tf

from models._arguments import expect, expect_count, expect_counts, expect_factor, expect_image_classifier
from models._strides import strides

WIDTHS = (16, 24, 32, 64, 96, 160, 320)
HALVES = (False, True, True, True, False, True, False)  # whether the first block of that width halves the resolution


def build(input_shape: Tuple[int, int, int], classes: int, alpha: float = 1.0,
          blocks: Sequence[int] = (1, 2, 3, 4, 3, 3, 1), expansion: int = 6, last: int = 1280,
          halvings: Optional[int] = None) -> tf.keras.Model:
    """[N, H, W, C] float -> [N, classes] probabilities.

    alpha: a factor for the published widths, which are then rounded to multiples of 8. blocks: the number of blocks of
    each width; fewer than seven numbers make a shorter network. expansion: the factor of a block's inner width. last:
    the number of filters before the pooling; an alpha above 1 multiplies it, too. halvings: as in mobilenet_v1. Raises
    ValueError for arguments out of range.
    """
    expect_image_classifier(input_shape, classes)
    expect_factor("alpha", alpha)
    expect_counts("blocks", blocks)
    expect(len(blocks) <= len(WIDTHS), "blocks", "at most {} numbers".format(len(WIDTHS)), blocks)
    expect_count("expansion", expansion)
    expect_count("last", last)
    layers = tf.keras.layers
    halving = [stage for stage in range(len(blocks)) if HALVES[stage]]
    at_stem, *kept = strides(input_shape, halvings, 1 + len(halving))
    at_widths = dict(zip(halving, kept))

    def norm(x, name):
        return layers.BatchNormalization(name=name + "_norm")(x)

    def conv(x, filters, size, stride, name, relu=True):
        x = layers.Conv2D(filters, size, strides=stride, padding="same", use_bias=False, name=name)(x)
        x = norm(x, name)
        return layers.ReLU(6.0, name=name + "_relu")(x) if relu else x

    def block(x, filters, stride, times, name):
        before, channels = x, int(x.shape[-1])
        if times > 1:
            x = conv(x, channels * times, 1, 1, name + "_expand")
        x = layers.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=False,
                                   name=name + "_depthwise")(x)
        x = layers.ReLU(6.0, name=name + "_depthwise_relu")(norm(x, name + "_depthwise"))
        x = conv(x, filters, 1, 1, name + "_project", relu=False)
        return layers.Add(name=name + "_add")([before, x]) if stride == 1 and channels == filters else x

    image = layers.Input(tuple(input_shape), name="image")
    x = conv(image, _divisible(32 * alpha), 3, at_stem, "stem")
    for stage, (published, count) in enumerate(zip(WIDTHS, blocks)):
        for number in range(count):
            stride = at_widths.get(stage, 1) if number == 0 else 1
            x = block(x, _divisible(published * alpha), stride, expansion if stage > 0 else 1,
                      "stage{}_block{}".format(stage + 1, number + 1))
    x = conv(x, _divisible(last * max(1.0, alpha)), 1, 1, "last")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dense(classes, name="logits")(x)
    return tf.keras.Model(image, layers.Softmax(name="probabilities")(x), name="mobilenet_v2")


def _divisible(width: float) -> int:
    """The nearest multiple of 8, at least 8 and not more than a tenth below `width`."""
    rounded = max(8, int(width + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * width else rounded + 8
