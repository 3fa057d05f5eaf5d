"""U-Net (Ronneberger et al. 2015, arXiv:1505.04597) with padding, so that it predicts a class for every pixel."""

from typing import Tuple

import tensorflow as tf

from models._arguments import expect, expect_count, expect_flag, expect_image_classifier, is_count

UPSAMPLINGS = ("transposed", "nearest", "bilinear")


def build(input_shape: Tuple[int, int, int], classes: int, depth: int = 2, filters: int = 16,
          upsampling: str = "transposed", norm: bool = True) -> tf.keras.Model:
    """[N, H, W, C] float -> [N, H, W, classes] probabilities of each pixel's class.

    depth: how often the resolution is halved and the number of `filters` doubled (in the paper 4 times, from 64).
    upsampling: a transposed 2x2 convolution, as in the paper, or resizing followed by a 2x2 convolution. Any height and
    width is possible: the padding of odd ones is cropped again. norm: adds batch normalization, which the paper does
    not have, after each 3x3 convolution. Raises ValueError for arguments out of range.
    """
    expect_image_classifier(input_shape, classes)
    deepest = min(input_shape[:2]).bit_length() - 1
    expect(is_count(depth) and depth <= deepest, "depth",
           "a whole number from 1 to {} for pictures of {}x{}".format(deepest, *input_shape[:2]), depth)
    expect_count("filters", filters)
    expect(upsampling in UPSAMPLINGS, "upsampling", "one of " + ", ".join(UPSAMPLINGS), upsampling)
    expect_flag("norm", norm)
    layers = tf.keras.layers

    def conv(x, width, name):
        x = layers.Conv2D(width, 3, padding="same", kernel_initializer="he_normal", name=name)(x)
        if norm:
            x = layers.BatchNormalization(name=name + "_norm")(x)
        return layers.ReLU(name=name + "_relu")(x)

    def convs(x, width, name):
        return conv(conv(x, width, name + "_conv1"), width, name + "_conv2")

    def up(x, width, name):
        if upsampling == "transposed":
            return layers.Conv2DTranspose(width, 2, strides=2, name=name)(x)
        x = layers.UpSampling2D(2, interpolation=upsampling, name=name + "_resize")(x)
        return layers.Conv2D(width, 2, padding="same", name=name)(x)

    def cropped(x, like, name):
        over = [int(mine) - int(theirs) for mine, theirs in zip(x.shape[1:3], like.shape[1:3])]
        return layers.Cropping2D([(0, pixels) for pixels in over], name=name)(x) if any(over) else x

    image = x = layers.Input(tuple(input_shape), name="image")
    skips = []
    for level in range(depth):
        skips.append(convs(x, filters * 2 ** level, "down{}".format(level + 1)))
        x = layers.MaxPooling2D(2, padding="same", name="down{}_pool".format(level + 1))(skips[-1])
    x = convs(x, filters * 2 ** depth, "bottom")
    for level in reversed(range(depth)):
        name = "up{}".format(level + 1)
        x = cropped(up(x, filters * 2 ** level, name), skips[level], name + "_crop")
        x = layers.Concatenate(name=name + "_concat")([skips[level], x])
        x = convs(x, filters * 2 ** level, name)
    x = layers.Conv2D(classes, 1, name="logits")(x)
    return tf.keras.Model(image, layers.Softmax(name="probabilities")(x), name="unet")
