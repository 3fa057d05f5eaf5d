"""Tiny networks, one for each construct of Keras whose conversion to uint8 may fail. Each takes an image [N, 8, 8, 3];
its name says what it computes."""

import numpy as np
import tensorflow as tf

from tests.tasks.keras_styles import STYLES
from tests.tasks.networks import LAYERS as L
from tests.tasks.networks import head

K = tf.keras.backend
KERNEL = np.random.RandomState(4).randn(3, 3, 3, 4).astype(np.float32)


def conv(x, filters=4, size=3, **more):
    return L.Conv2D(filters, size, padding="same", bias_initializer="random_normal", **more)(x)


def norm(x, **more):
    return L.BatchNormalization(name=K.get_session().graph.unique_name("norm"), **more)(x)


def lam(function, x):
    return L.Lambda(function)(x)


def twice(layer, x):
    return layer(layer(x))


def sequence(x):
    return L.Reshape((16, 12))(x)


def residual(x, scale):
    start = conv(x, activation="relu")
    return head(L.ReLU()(L.Add()([start, lam(lambda t: t * scale, conv(start))])))


def squeeze_and_excitation(x):
    start = conv(x, activation="relu")
    gate = L.Dense(2, activation="relu")(L.GlobalAveragePooling2D()(start))
    gate = L.Reshape((1, 1, 4))(L.Dense(4, activation="sigmoid")(gate))
    return head(L.Multiply()([start, gate]))


def shared_layer(x):
    layer = L.Conv2D(3, 3, padding="same", activation="relu")
    return head(L.Add()([layer(x), layer(L.ReLU()(layer(x)))]))


def maximum_of_a_tensor_used_elsewhere(x):
    start = conv(x)
    return head(L.Concatenate()([L.Maximum()([start, conv(start)]), start]))


def coordinates(t):
    """The coordinates of each pixel, one picture of them for each sample."""
    rows, columns = tf.meshgrid(tf.linspace(-1.0, 1.0, 8), tf.linspace(-1.0, 1.0, 8), indexing="ij")
    return tf.tile(tf.stack([rows, columns], -1)[tf.newaxis], [tf.shape(t)[0], 1, 1, 1])


def bn_after_transposed_weights(x):
    weights = np.random.RandomState(2).randn(6, 4).astype(np.float32)
    return L.ReLU()(norm(lam(lambda t: tf.matmul(t, weights, transpose_b=True), head(x))))


def grouped(x):
    start = conv(x)
    halves = [L.Conv2D(3, 3)(lam(lambda t, i=i: t[..., 2 * i:2 * i + 2], start)) for i in range(2)]
    return head(L.ReLU()(norm(L.Concatenate()(halves))))


def per_channel(x):
    mean, deviation = np.float32([0.1, 0.2, 0.3]), np.float32([0.2, 0.3, 0.4])
    return head(conv(lam(lambda t: (t - mean) / deviation, x)))


def two_ranges_meet(x):
    small, large = (lam(lambda t, s=s: t * s, conv(x)) for s in (1e-3, 1e3))
    return head(L.Add()([L.Concatenate()([small, large]), L.Concatenate()([large, small])]))


CONVERTED = {
    "conv_bias_bn_relu": lambda x: L.Softmax()(head(L.ReLU()(norm(conv(x))))),
    "conv_without_bias_bn_or_activation": lambda x: L.Conv2D(4, 3, use_bias=False)(x),
    "conv_linear": conv,
    "bn_alone": lambda x: head(L.ReLU()(norm(L.MaxPooling2D()(conv(x, activation="relu"))))),
    "bn_after_dense_relu": lambda x: L.Dense(3)(norm(L.Dense(6, activation="relu")(L.Flatten()(x)))),
    "bn_unfused": lambda x: head(L.ReLU()(norm(conv(x), fused=False))),
    "bn_after_dense": lambda x: L.ReLU()(norm(L.Dense(6)(L.Flatten()(x)))),
    "bn_after_conv1d": lambda x: L.Dense(3)(L.Flatten()(L.ReLU()(norm(L.Conv1D(5, 3)(sequence(x)))))),
    "bn_after_depthwise": lambda x: head(L.ReLU(6.0)(norm(L.DepthwiseConv2D(3, depth_multiplier=2)(x)))),
    "bn_after_separable": lambda x: head(L.ReLU()(norm(L.SeparableConv2D(6, 3)(x)))),
    "bn_after_transposed": lambda x: head(L.ReLU()(norm(
        L.Conv2DTranspose(3, 3, strides=2, padding="same")(conv(x))))),
    "bn_after_dilated": lambda x: head(L.ReLU()(norm(L.Conv2D(4, 3, dilation_rate=2, padding="same")(x)))),
    "dilated_after_l2_normalize": lambda x: head(L.Conv2D(4, 3, dilation_rate=2, padding="same", activation="relu")(
        lam(lambda t: tf.nn.l2_normalize(t, -1), conv(x)))),
    "dilated_valid": lambda x: head(L.ReLU()(norm(L.Conv2D(4, 3, dilation_rate=2)(x)))),
    "dilated_unevenly": lambda x: head(L.Conv2D(4, 3, dilation_rate=(2, 3), padding="same", activation="relu")(x)),
    "conv1d_dilated": lambda x: head(L.Conv1D(4, 3, dilation_rate=2, padding="same", activation="relu")(sequence(x))),
    "transposed_linear": lambda x: L.Conv2DTranspose(3, 2, strides=2, bias_initializer="random_normal")(x),
    "relu_after_add_of_pools": lambda x: head(L.ReLU()(L.Add()(
        [L.MaxPooling2D()(conv(x)), L.AveragePooling2D()(conv(x))]))),
    "relu_after_concat": lambda x: head(L.ReLU()(L.Concatenate()([conv(x), conv(x, activation="relu")]))),
    "relu_after_pool": lambda x: head(L.ReLU()(L.MaxPooling2D()(conv(x)))),
    "relu_after_relu6": lambda x: head(L.ReLU()(L.ReLU(6.0)(conv(x)))),
    "relu_of_4": lambda x: head(L.ReLU(0.4)(conv(x))),
    "leaky_relu": lambda x: head(L.LeakyReLU(0.1)(conv(x))),
    "leaky_relu_after_pool": lambda x: head(L.LeakyReLU(0.1)(L.MaxPooling2D()(norm(conv(x))))),
    "leaky_relu_steep": lambda x: head(L.LeakyReLU(1.7)(conv(x))),
    "prelu": lambda x: head(L.PReLU(alpha_initializer="random_normal")(conv(x))),
    "prelu_shared": lambda x: head(L.PReLU(alpha_initializer="random_normal", shared_axes=[1, 2])(conv(x))),
    "clip": lambda x: head(lam(lambda t: K.clip(t, -0.2, 0.3), conv(x))),
    "clip_away_from_zero": lambda x: head(lam(lambda t: K.clip(t, 0.1, 0.3), conv(x))),
    "clip_that_leaves_nothing_below_0": lambda x: head(L.Concatenate()([conv(x), lam(
        lambda t: K.clip(t, -1.0, 0.0), conv(x, activation="relu"))])),
    "minimum_of_input_and_constant": lambda x: head(lam(lambda t: tf.minimum(t, 0.5), x)),
    "sigmoid": lambda x: head(L.Activation("sigmoid")(conv(x))),
    "tanh": lambda x: head(L.Activation("tanh")(conv(x))),
    "swish": lambda x: head(lam(tf.nn.swish, conv(x))),
    "hard_swish": lambda x: head(lam(lambda t: t * tf.nn.relu6(t + 3) / 6, conv(x))),
    "hard_sigmoid": lambda x: head(L.Activation("hard_sigmoid")(conv(x))),
    "squeeze_and_excitation": squeeze_and_excitation,
    "softmax_per_pixel": lambda x: L.Softmax()(conv(x)),
    "softmax_per_step": lambda x: L.Softmax()(L.Dense(5)(sequence(x))),
    "log_softmax": lambda x: lam(tf.nn.log_softmax, head(x)),
    "l2_normalize": lambda x: lam(lambda t: K.l2_normalize(t, -1), head(x)),
    "l2_normalize_of_what_is_alone": lambda x: head(L.Multiply()([conv(x), lam(
        lambda t: K.l2_normalize(t[..., :1] * [0.0, 1.0, 0.0, 0.0], -1), x)])),
    "l2_normalize_after_relu": lambda x: head(lam(lambda t: K.l2_normalize(t, -1), conv(x, activation="relu"))),
    "relu_after_l2_normalize": lambda x: head(L.ReLU()(lam(lambda t: K.l2_normalize(t, -1), conv(x)))),
    "clip_after_l2_normalize": lambda x: head(lam(lambda t: K.clip(K.l2_normalize(t, -1), -0.2, 0.3), conv(x))),
    "maximum_of_l2_normalize": lambda x: head(L.Maximum()([lam(lambda t: K.l2_normalize(t, -1), conv(x)), conv(x)])),
    "residual_scaled": lambda x: residual(x, 0.1),
    "subtract": lambda x: head(L.Subtract()([conv(x), conv(x)])),
    "multiply": lambda x: head(L.Multiply()([conv(x), conv(x)])),
    "multiply_far_below_its_factors": lambda x: head(lam(
        lambda t: tf.nn.relu(t) * tf.nn.relu(0.02 - t), conv(x))),
    "average": lambda x: head(L.Average()([conv(x), conv(x), conv(x)])),
    "maximum": lambda x: head(L.Maximum()([conv(x), lam(lambda t: t * 3, conv(x))])),
    "minimum": lambda x: head(L.Minimum()([conv(x), conv(x)])),
    "maximum_of_sigmoid": lambda x: head(L.Maximum()([L.Activation("sigmoid")(conv(x)), conv(x)])),
    "maximum_of_a_tensor_used_elsewhere": maximum_of_a_tensor_used_elsewhere,
    "absolute": lambda x: head(lam(K.abs, conv(x))),
    "square": lambda x: head(lam(K.square, conv(x))),
    "whole_power": lambda x: head(lam(lambda t: t + t ** 3, conv(x))),
    "minus_infinity_before_a_max_pool": lambda x: head(L.MaxPooling2D(3, 2)(lam(
        lambda t: tf.pad(t, [[0, 0], [1, 1], [1, 1], [0, 0]], constant_values=-np.inf), conv(x, activation="relu")))),
    "condition_in_a_branch_not_taken": lambda x: head(lam(
        lambda t: tf.cond(tf.constant(False), lambda: tf.cond(tf.constant(True), lambda: t * 3, lambda: t * 2),
                          lambda: tf.nn.relu(t)), conv(x))),
    "condition_that_is_constant": lambda x: head(lam(
        lambda t: tf.cond(tf.constant(False), lambda: t * 3, lambda: tf.nn.relu(t)), conv(x))),
    "tf_function": lambda x: head(lam(tf.function(lambda t: tf.nn.relu(t) * 2), conv(x))),
    "concat_of_unlike_scales": lambda x: head(L.Concatenate()([conv(x), lam(lambda t: t * 30, conv(x))])),
    "two_ranges_meet": two_ranges_meet,
    "global_average": lambda x: L.Dense(3)(L.GlobalAveragePooling2D()(conv(x, activation="relu"))),
    "global_average_is_output": lambda x: L.GlobalAveragePooling2D()(conv(x, activation="relu")),
    "global_maximum": lambda x: L.Dense(3)(L.GlobalMaxPooling2D()(conv(x))),
    "sum_over_image": lambda x: L.Dense(3)(lam(lambda t: K.sum(t, [1, 2]), conv(x))),
    "mean_over_channels": lambda x: head(lam(lambda t: t - K.mean(t, -1, keepdims=True), conv(x))),
    "upsample_nearest": lambda x: head(L.UpSampling2D()(conv(x))),
    "dense_on_sequence": lambda x: L.Dense(3)(L.Flatten()(L.Dense(5, activation="relu")(sequence(x)))),
    "dense_on_image": lambda x: head(norm(L.Dense(5)(x))),
    "zero_padding": lambda x: head(conv(L.ZeroPadding2D(2)(conv(x)))),
    "zero_padding_of_input": lambda x: head(conv(L.ZeroPadding2D(2)(x))),
    "constant_padding": lambda x: head(lam(
        lambda t: tf.pad(t, [[0, 0], [1, 1], [1, 1], [0, 0]], constant_values=0.3), conv(x))),
    "mirror_padding": lambda x: head(lam(lambda t: tf.pad(t, [[0, 0], [2, 1], [1, 1], [0, 0]], "REFLECT"), conv(x))),
    "cropping": lambda x: head(L.Cropping2D(1)(conv(x))),
    "depthwise_of_2100_channels": lambda x: head(L.ReLU()(norm(
        L.DepthwiseConv2D(2, depthwise_initializer="random_normal")(conv(x, 2100, strides=4))))),
    "relu_of_2100_channels": lambda x: head(L.ReLU()(L.MaxPooling2D()(conv(x, 2100, strides=4)))),
    "leaky_relu_of_2100_channels": lambda x: head(lam(  # the rounding errors of all 2100 would add up
        lambda t: t[..., ::700], L.MaxPooling2D()(L.LeakyReLU(0.1)(conv(x, 2100, strides=4))))),
    "layer_on_its_own_output": lambda x: head(twice(L.Conv2D(4, 3, padding="same", activation="relu"), conv(x))),
    "permute": lambda x: head(L.Permute((2, 1, 3))(conv(x))),
    "permute_after_conv1d": lambda x: head(L.Permute((2, 1))(L.Conv1D(5, 3, activation="relu")(sequence(x)))),
    "permute_after_reshape": lambda x: head(L.Permute((2, 1))(L.Reshape((8, 4))(L.MaxPooling2D((8, 1))(conv(x))))),
    "repeat": lambda x: L.Dense(3)(L.Flatten()(L.RepeatVector(3)(head(x)))),
    "split_and_concat": lambda x: head(lam(
        lambda t: tf.concat([2.0 * piece if i else piece for i, piece in enumerate(tf.split(t, 2, 3))], 3), conv(x))),
    "split_unevenly": lambda x: head(lam(lambda t: tf.concat(tf.split(t, [1, 3], 3)[::-1], 3), conv(x))),
    "strided_slice": lambda x: head(lam(lambda t: t[:, 1:5, ::2, :2], conv(x))),
    "ellipsis_and_new_axis": lambda x: head(lam(lambda t: t[..., tf.newaxis, 1:3], conv(x))),
    "gather_counted_from_behind": lambda x: head(lam(lambda t: tf.gather(t, [0, 0, 3, 1, 2], axis=-1), conv(x))),
    "stack": lambda x: head(lam(lambda t: tf.stack([t, 2.0 * t], 3), conv(x))),
    "stack_of_one": lambda x: head(lam(lambda t: tf.stack([t], 3), conv(x))),
    "unstack": lambda x: head(lam(lambda t: tf.add_n(tf.unstack(t, axis=1)), conv(x))),
    "tile": lambda x: head(lam(lambda t: tf.tile(t, [1, 2, 1, 1]), conv(x))),
    "space_to_depth": lambda x: head(lam(lambda t: tf.space_to_depth(t, 2), conv(x))),
    "depth_to_space": lambda x: head(lam(lambda t: tf.depth_to_space(t, 2), conv(x))),
    "coordinates_beside": lambda x: head(conv(lam(lambda t: tf.concat([t, coordinates(t)], 3), x))),
    "coordinates_added": lambda x: head(lam(lambda t: t[..., :2] + coordinates(t), conv(x))),
    "zeros_beside": lambda x: head(lam(lambda t: tf.concat([t, tf.zeros_like(t)], 3), conv(x))),
    "maximum_with_zeros_like": lambda x: head(lam(lambda t: tf.maximum(t, tf.zeros_like(t)), conv(x))),
    "relu_of_a_sum_with_zeros": lambda x: head(lam(lambda t: tf.nn.relu(t + tf.zeros_like(t)), conv(x))),
    "division_by_a_picture": lambda x: head(lam(lambda t: t / (2 * tf.ones_like(t)), conv(x))),
    "zeros_in_a_branch_not_taken": lambda x: head(lam(lambda t: tf.cond(
        tf.constant(False), lambda: tf.concat([t, tf.zeros_like(t)], 3)[..., :4], lambda: tf.nn.relu(t)), conv(x))),
    "maximum_of_a_clip": lambda x: head(L.Maximum()([lam(lambda t: K.clip(5 * t, -0.2, 0.3), conv(x)), conv(x)])),
    "minimum_of_a_relu_of_4": lambda x: head(L.Minimum()([L.ReLU(max_value=0.4)(conv(x)), conv(x)])),
    "clip_around_half_a_code": lambda x: head(lam(lambda t: K.clip(t, -1.0, 5.0), lam(lambda t: 20 * t, conv(x)))),
    "clip_without_an_end": lambda x: lam(
        lambda t: tf.concat([tf.clip_by_value(t, -0.1, tf.float32.max), t], 1), head(x)),
    "clip_of_a_clip": lambda x: head(lam(lambda t: K.clip(t, -0.5, 0.5), L.Reshape((8, 8, 4))(L.Reshape((16, 16))(
        lam(lambda t: K.clip(5 * t, -0.001, 0.001), conv(x)))))),
    "clip_of_numbers": lambda x: L.Concatenate()([head(x), lam(
        lambda t: tf.expand_dims(K.clip(t[:, 0] + t[:, 1], -0.1, 0.1), -1), head(x))]),
    "maximum_of_numbers": lambda x: L.Concatenate()([head(x), lam(
        lambda t: tf.expand_dims(tf.maximum(t[:, 0] + t[:, 1], t[:, 2] - t[:, 3]), -1), head(x))]),
    "ones_before_a_sequence": lambda x: L.Dense(3)(L.Flatten()(lam(
        lambda t: tf.concat([tf.ones([tf.shape(t)[0], 1, 12]), t], 1), sequence(x)))),
    "dense_of_one_unit": lambda x: L.Concatenate()([L.Dense(1, use_bias=False)(head(x)), head(x)]),
    "transposed_to_one_channel": lambda x: head(L.Conv2DTranspose(1, 3, strides=2)(conv(x))),
    "bn_after_transposed_weights": bn_after_transposed_weights,
    "padding_of_its_own": lambda x: head(lam(
        lambda t: tf.nn.conv2d(t, KERNEL, 2, [[0, 0], [1, 0], [0, 2], [0, 0]]), x)),
    "broadcast_to": lambda x: head(lam(lambda t: tf.broadcast_to(t[:, :1], tf.shape(t)), conv(x))),
    "reverse": lambda x: head(lam(lambda t: tf.reverse(t, [1, -1]), conv(x))),
    "roll": lambda x: head(lam(lambda t: tf.roll(t, [3, -1], [1, 3]), conv(x))),
    "scaling_per_channel": per_channel,
    "multiply_by_picture": lambda x: head(lam(
        lambda t: t * np.random.RandomState(3).rand(1, 8, 8, 4).astype(np.float32), conv(x))),
    "upsample_bilinear": lambda x: head(L.UpSampling2D(interpolation="bilinear")(conv(x))),
    "upsample_bilinear_unevenly": lambda x: head(L.UpSampling2D((2, 1), interpolation="bilinear")(conv(x))),
    "resize_bilinear": lambda x: head(lam(lambda t: tf.compat.v1.image.resize_bilinear(t, (12, 12)), conv(x))),
    "resize_bilinear_to_4_times": lambda x: lam(
        lambda t: tf.compat.v1.image.resize_bilinear(t, (32, 32)), conv(x)),
    "grouped": grouped,
    "shared_layer": shared_layer,
    "dropout": lambda x: head(L.Dropout(0.5)(conv(x))),
    **STYLES,
}
"""Networks whose uint8 file is within 1 LSB of the fake-quantized graph, or 2 for a few operations in a row."""

FARTHER = {
    "scaling_of_input": lambda x: head(conv(lam(lambda t: 2 * t - 1, x))),
    "clip_of_a_large_sum": lambda x: head(lam(lambda t: K.clip(t, -0.05, 0.05), L.Add()([
        lam(lambda t: 50 * t, conv(x)), lam(lambda t: 50 * t, conv(x))]))),
}
"""Networks that may be farther away. 2 * code / 255 - 1 is half way between two codes everywhere, where both roundings
are right, and a dense layer adds up the differences. A clip that is narrower than a code of its input is a step: one
code of difference before it is half of the range behind it."""


def sine(t, known=True):
    made = tf.py_func(lambda values: np.sin(values), [t], tf.float32)
    if known:
        made.set_shape(t.shape)
    return made + tf.ones_like(t)


REFUSED = {
    "PyFunc": lambda x: head(L.Lambda(sine, name="culprit")(conv(x))),
    "Softplus": lambda x: head(L.Activation("softplus", name="culprit")(conv(x))),
    "Elu": lambda x: head(L.Activation("elu", name="culprit")(conv(x))),
    "Selu": lambda x: head(L.Lambda(tf.nn.selu, name="culprit")(conv(x))),
    "Exp": lambda x: head(L.Lambda(K.exp, name="culprit")(conv(x))),
    "Rsqrt": lambda x: head(L.Lambda(lambda t: tf.nn.l2_normalize(t, -1, epsilon=1e-2), name="culprit")(conv(x))),
    "LRN": lambda x: head(L.Lambda(tf.nn.local_response_normalization, name="culprit")(conv(x))),
    "Select": lambda x: head(L.Lambda(lambda t: tf.where(t > 0, t, 0.1 * t), name="culprit")(conv(x))),
    "Mean": lambda x: head(L.Lambda(lambda t: t - tf.reduce_mean(t, 0), name="culprit")(conv(x))),
    "MaxPool": lambda x: head(L.MaxPooling2D(data_format="channels_first", name="culprit")(conv(x, 8))),
    "AvgPool": lambda x: head(L.Lambda(
        lambda t: tf.nn.avg_pool(t, [1, 1, 1, 2], [1, 1, 1, 2], "VALID"), name="culprit")(conv(x))),
    "Slice": lambda x: head(L.Lambda(
        lambda t: tf.broadcast_to(tf.slice(t, [0, 0, 0, 0], [1, 8, 8, 4]), tf.shape(t)), name="culprit")(conv(x))),
    "StridedSlice": lambda x: head(L.Lambda(lambda t: t - t[:1], name="culprit")(conv(x))),
    "Roll": lambda x: head(L.Lambda(lambda t: tf.roll(t, 1, 0), name="culprit")(conv(x))),
    "SplitV": lambda x: head(L.Lambda(lambda t: tf.split(t, [1, -1], 0)[1], name="culprit")(conv(x))),
    "MatMul": lambda x: L.Dense(3)(L.Lambda(lambda t: tf.matmul(
        tf.reshape(tf.transpose(t), [4, -1]), np.eye(4, dtype=np.float32), transpose_a=True), name="culprit")(head(x))),
    "ResizeBilinear": lambda x: head(L.Lambda(
        lambda t: tf.compat.v2.image.resize(t, [16, 16]), name="culprit")(conv(x))),
    "RandomUniform": lambda x: head(L.Lambda(lambda t: t + tf.random.uniform([8, 8, 4]), name="culprit")(conv(x))),
    "RealDiv": lambda x: head(L.Lambda(lambda t: t / (1 + K.square(t)), name="culprit")(conv(x))),
}
"""Networks with an operation that has no uint8 form; the layer is always called `culprit`."""
