"""DS-CNN for keyword spotting (Zhang et al. 2017, arXiv:1711.07128), as in MLPerf Tiny (Banbury et al. 2021,
arXiv:2106.07597), where it tells 12 words apart from spectrograms of 49 frames with 10 coefficients."""

from typing import Sequence, Tuple

import tensorflow as tf

from models._arguments import expect, expect_count, expect_image_classifier, expect_share, is_shape


def build(input_shape: Tuple[int, int, int], classes: int, filters: int = 64, blocks: int = 4,
          kernel: Sequence[int] = (10, 4), strides: Sequence[int] = (2, 2), stem_dropout: float = 0.2,
          dropout: float = 0.4) -> tf.keras.Model:
    """[N, frames, coefficients, C] float -> [N, classes] probabilities.

    One convolution with `kernel` and `strides`, then `blocks` depthwise separable convolutions, all with `filters`
    filters. Raises ValueError for arguments out of range.
    """
    expect_image_classifier(input_shape, classes)
    expect_count("filters", filters)
    expect_count("blocks", blocks)
    for name, value in (("kernel", kernel), ("strides", strides)):
        expect(is_shape(value) and len(value) == 2, name, "two whole numbers of at least 1", value)
    expect(strides[0] <= input_shape[0] and strides[1] <= input_shape[1], "strides",
           "at most {} and {}, the height and width of the input".format(*input_shape[:2]), strides)
    expect_share("stem_dropout", stem_dropout)
    expect_share("dropout", dropout)
    layers = tf.keras.layers

    def norm_relu(x, name):
        x = layers.BatchNormalization(name=name + "_norm")(x)
        return layers.ReLU(name=name + "_relu")(x)

    image = layers.Input(tuple(input_shape), name="image")
    x = layers.Conv2D(filters, tuple(kernel), strides=tuple(strides), padding="same", name="stem")(image)
    x = layers.Dropout(stem_dropout, name="stem_dropout")(norm_relu(x, "stem"))
    for number in range(1, blocks + 1):
        name = "block{}".format(number)
        x = layers.DepthwiseConv2D(3, padding="same", name=name + "_depthwise")(x)
        x = norm_relu(x, name + "_depthwise")
        x = layers.Conv2D(filters, 1, name=name + "_pointwise")(x)
        x = norm_relu(x, name + "_pointwise")
    x = layers.Dropout(dropout, name="dropout")(x)
    x = layers.AveragePooling2D(tuple(int(side) for side in x.shape[1:3]), name="pool")(x)
    x = layers.Dense(classes, name="logits")(layers.Flatten(name="flatten")(x))
    return tf.keras.Model(image, layers.Softmax(name="probabilities")(x), name="ds_cnn")
