"""ResNet v2 for small images: batch normalization and ReLU before each convolution (He et al. 2016, arXiv:1603.05027,
figure 4 e)."""

from typing import Tuple

import tensorflow as tf

from models._arguments import expect_count, expect_flag, expect_image_classifier, expect_penalty


def build(input_shape: Tuple[int, int, int], classes: int, blocks_per_stack: int = 1, filters: int = 16,
          bottleneck: bool = False, use_bias: bool = False, l2: float = 1e-4) -> tf.keras.Model:
    """[N, H, W, C] float -> [N, classes] probabilities. The network has 6 * blocks_per_stack + 2 layers, or
    9 * blocks_per_stack + 2 with bottlenecks: then 18 blocks per stack give the paper's ResNet-164.

    Three stacks have 1, 2 and 4 times `filters`. The second and the third halve the resolution. A block has two 3x3
    convolutions; with `bottleneck` it has a 1x1, a 3x3 and a 1x1 convolution, of which the last is four times as wide.
    l2: the weight of the L2 penalty on kernels. Raises ValueError for arguments out of range.
    """
    expect_image_classifier(input_shape, classes)
    expect_count("blocks_per_stack", blocks_per_stack)
    expect_count("filters", filters)
    expect_flag("bottleneck", bottleneck)
    expect_flag("use_bias", use_bias)
    expect_penalty("l2", l2)
    layers = tf.keras.layers
    regularizer = tf.keras.regularizers.l2(l2) if l2 else None

    def conv(x, width, size, stride, name):
        return layers.Conv2D(width, size, strides=stride, padding="same", use_bias=use_bias,
                             kernel_initializer="he_normal", kernel_regularizer=regularizer,
                             name=name)(x)

    def norm_relu(x, name):
        x = layers.BatchNormalization(name=name + "_norm")(x)
        return layers.ReLU(name=name + "_relu")(x)

    def block(x, width, stride, name):
        active = norm_relu(x, name + "_conv1")
        sizes = ((1, width), (3, width), (1, 4 * width)) if bottleneck else ((3, width), (3, width))
        branch = conv(active, sizes[0][1], sizes[0][0], stride, name + "_conv1")
        for number, (size, wide) in enumerate(sizes[1:], 2):
            conv_name = "{}_conv{}".format(name, number)
            branch = conv(norm_relu(branch, conv_name), wide, size, 1, conv_name)
        if stride != 1 or int(x.shape[-1]) != sizes[-1][1]:
            x = conv(active, sizes[-1][1], 1, stride, name + "_shortcut")
        return layers.Add(name=name + "_add")([branch, x])

    image = layers.Input(tuple(input_shape), name="image")
    x = conv(image, filters, 3, 1, "stem")
    for stack in range(3):
        for number in range(blocks_per_stack):
            x = block(x, filters * 2 ** stack, 2 if stack > 0 and number == 0 else 1,
                      "stack{}_block{}".format(stack + 1, number + 1))
    x = layers.GlobalAveragePooling2D(name="pool")(norm_relu(x, "last"))
    x = layers.Dense(classes, kernel_initializer="he_normal", name="logits")(x)
    return tf.keras.Model(image, layers.Softmax(name="probabilities")(x), name="resnet_v2")
