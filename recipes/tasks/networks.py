"""Small convolutional networks for the recipes in this folder."""

import tensorflow as tf

layers = tf.keras.layers


def detector(input_shape, classes):
    """The output is a grid with an eighth of the picture's resolution. It is linear, since the loss takes logits."""
    image = layers.Input(input_shape)
    return tf.keras.Model(image, layers.Conv2D(classes[-1], 1, name="grid")(trunk(image)))


def regressor(input_shape, classes):
    """The output has as many values as the target."""
    image = layers.Input(input_shape)
    x = layers.Dense(32, activation="relu")(layers.Flatten()(trunk(image)))
    return tf.keras.Model(image, layers.Dense(classes[-1])(x))


def tagger(input_shape, classes):
    """The output is a probability for each class, independently of the others."""
    image = layers.Input(input_shape)
    x = layers.GlobalMaxPooling2D()(trunk(image))
    return tf.keras.Model(image, layers.Dense(classes, activation="sigmoid")(x))


def segmenter(input_shape, classes):
    """The output is the probability of each class for each pixel. An encoder reduces the resolution to an eighth; a
    decoder with skip connections restores it."""
    image = layers.Input(input_shape)
    half = block(image, 16, 2)
    quarter = block(block(half, 24, 2), 24, 1)
    x = block(block(quarter, 32, 2), 32, 1)
    x = layers.Conv2DTranspose(24, 2, strides=2)(x)
    x = block(layers.Concatenate()([quarter, x]), 24, 1)
    x = layers.Conv2DTranspose(16, 2, strides=2)(x)
    x = block(layers.Concatenate()([half, x]), 16, 1)
    return tf.keras.Model(image, layers.Softmax()(layers.Conv2DTranspose(classes, 2, strides=2)(x)))


def trunk(x):
    """[N, H / 8, W / 8, 32] features of pictures [N, H, W, C]."""
    for filters, stride in ((16, 2), (24, 2), (24, 1), (32, 2), (32, 1)):
        x = block(x, filters, stride)
    return x


def block(x, filters, stride):
    """A convolution, batch norm and ReLU."""
    x = layers.Conv2D(filters, 3, strides=stride, padding="same", use_bias=False)(x)
    return layers.ReLU()(layers.BatchNormalization()(x))
