"""ResNet v1 for small images (He et al. 2015, arXiv:1512.03385, section 4.2)."""

from typing import Tuple

import tensorflow as tf

from models._arguments import expect, expect_count, expect_flag, expect_image_classifier, expect_penalty

LAST_ACTIVATIONS = ("after_add", "none", "in_branches")


def build(input_shape: Tuple[int, int, int], classes: int, blocks_per_stack: int = 1,
          filters: int = 16, use_bias: bool = True, last_activation: str = "after_add",
          l2: float = 1e-4) -> tf.keras.Model:
    """[N, H, W, C] float -> [N, classes] probabilities. The network has 6 * blocks_per_stack + 2 layers: 1 gives
    ResNet8, 3 gives ResNet20.

    Three stacks have 1, 2 and 4 times `filters`. The second and the third halve the resolution. last_activation: the
    place of a block's last ReLU: after the addition, as in the paper; nowhere; or before the addition, at the end of
    each branch that has a convolution. l2: the weight of the L2 penalty on kernels. Raises ValueError for arguments out
    of range.
    """
    expect_image_classifier(input_shape, classes)
    expect_count("blocks_per_stack", blocks_per_stack)
    expect_count("filters", filters)
    expect_flag("use_bias", use_bias)
    expect(last_activation in LAST_ACTIVATIONS, "last_activation",
           "one of " + ", ".join(LAST_ACTIVATIONS), last_activation)
    expect_penalty("l2", l2)
    layers = tf.keras.layers
    regularizer = tf.keras.regularizers.l2(l2) if l2 else None

    def conv(x, width, size, stride, name):
        return layers.Conv2D(width, size, strides=stride, padding="same", use_bias=use_bias,
                             kernel_initializer="he_normal", kernel_regularizer=regularizer,
                             name=name)(x)

    def norm(x, name):
        return layers.BatchNormalization(name=name + "_norm")(x)

    def relu(x, name):
        return layers.ReLU(name=name + "_relu")(x)

    def block(x, width, stride, name):
        branch = relu(norm(conv(x, width, 3, stride, name + "_conv1"), name + "_conv1"), name + "_conv1")
        branch = norm(conv(branch, width, 3, 1, name + "_conv2"), name + "_conv2")
        projected = stride != 1
        shortcut = conv(x, width, 1, stride, name + "_shortcut") if projected else x
        if last_activation == "in_branches":
            branch = relu(branch, name + "_conv2")
            shortcut = relu(shortcut, name + "_shortcut") if projected else shortcut
        x = layers.Add(name=name + "_add")([branch, shortcut])
        return relu(x, name + "_add") if last_activation == "after_add" else x

    image = layers.Input(tuple(input_shape), name="image")
    x = relu(norm(conv(image, filters, 3, 1, "stem"), "stem"), "stem")
    for stack in range(3):
        for number in range(blocks_per_stack):
            stride = 2 if stack > 0 and number == 0 else 1
            x = block(x, filters * 2 ** stack, stride,
                      "stack{}_block{}".format(stack + 1, number + 1))
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dense(classes, kernel_initializer="he_normal", name="logits")(x)
    return tf.keras.Model(image, layers.Softmax(name="probabilities")(x), name="resnet_v1")
