"""Tiny networks, one for each style in which people write Keras: own layers, models and functions. Each takes an image
[N, 8, 8, 3]; its name says what it is."""

import tensorflow as tf

from tests.tasks.networks import LAYERS as L
from tests.tasks.networks import head

K = tf.keras.backend


def _conv(**more):
    return L.Conv2D(4, 3, padding="same", bias_initializer="random_normal", **more)


def _norm():
    return L.BatchNormalization(name=K.get_session().graph.unique_name("norm"))


class Block(tf.keras.Model):
    """Convolution, batch norm, ReLU and a shortcut around them."""

    def __init__(self):
        super().__init__()
        self.convolution, self.norm, self.relu = _conv(), _norm(), L.ReLU()

    def call(self, inputs, training=None):
        return inputs + self.relu(self.norm(self.convolution(inputs), training=training))


class Stages(tf.keras.Model):
    """Models in a list, applied in a loop."""

    def __init__(self):
        super().__init__()
        self.stem, self.blocks = _conv(), [Block(), Block()]

    def call(self, inputs, training=None):
        x = self.stem(inputs)
        for block in self.blocks:
            x = block(x, training=training)
        return x


class Filters(L.Layer):
    """A layer with filters as its own weights, which it divides by their largest value."""

    def build(self, input_shape):
        self.kernel = self.add_weight("kernel", [3, 3, int(input_shape[-1]), 4], initializer="glorot_uniform")
        self.bias = self.add_weight("bias", [4], initializer="random_normal")

    def call(self, inputs):
        kernel = self.kernel / (tf.reduce_max(tf.abs(self.kernel), [0, 1, 2], keepdims=True) + 1e-3)
        return tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(inputs, kernel, 1, "SAME"), self.bias))


class InFunction(L.Layer):
    """A layer that computes in a tf.function, which reads its weights."""

    def __init__(self):
        super().__init__()
        self.convolution = _conv(activation="relu")

    @tf.function
    def call(self, inputs):
        return self.convolution(inputs)


class InFunctions(L.Layer):
    """The same with nested calls, one of which is a function of TensorFlow's own."""

    def __init__(self):
        super().__init__()
        self.left, self.right = InFunction(), InFunction()
        self.right.convolution.activation = tf.nn.swish

    @tf.function
    def call(self, inputs):
        return self.left(inputs) + self.right(inputs)


class OfNames(tf.keras.Model):
    """A model with named inputs and outputs."""

    def __init__(self):
        super().__init__()
        self.convolution = _conv(activation="relu")

    def call(self, inputs):
        return {"sum": self.convolution(inputs["left"]) + inputs["right"], "right": inputs["right"]}


class Standardized(L.Conv2D):
    """A convolution that standardizes its weights whenever it is called."""

    def call(self, inputs):
        mean, variance = tf.nn.moments(self.kernel, [0, 1, 2], keep_dims=True)
        kernel = (self.kernel - mean) / tf.sqrt(variance + 1e-5)
        return tf.nn.bias_add(tf.nn.conv2d(inputs, kernel, 1, "SAME"), self.bias)


class Separated(L.Wrapper):
    """A layer inside a layer, applied to each half of the channels."""

    def build(self, input_shape):
        self.layer.build(input_shape[:-1].concatenate(int(input_shape[-1]) // 2))
        super().build()

    def call(self, inputs):
        return tf.concat([self.layer(half) for half in tf.split(inputs, 2, -1)], -1)


class Noise(L.Layer):
    """Noise in the training phase, by K.in_train_phase."""

    def call(self, inputs, training=None):
        return K.in_train_phase(lambda: inputs * tf.random.uniform(tf.shape(inputs)), inputs, training=training)


def subclassed_model_twice(x):
    block = Block()
    return head(block(block(_conv()(x))))


def sequential_inside(x):
    inside = tf.keras.Sequential([_conv(input_shape=(8, 8, 3)), _norm(), L.Activation("relu"), L.MaxPool2D()])
    return head(inside(x))


def model_inside_twice(x):
    start = L.Input((8, 8, 4))
    inside = tf.keras.Model(start, L.ReLU(6.0)(_norm()(_conv()(start))))
    return head(inside(inside(_conv()(x))))


def model_of_two_inputs_and_outputs(x):
    ends = [L.Input((8, 8, 4)), L.Input((8, 8, 4))]
    inside = tf.keras.Model(ends, [L.Add()(ends), L.Subtract()(ends)])
    return head(L.Concatenate()(inside([_conv()(x), _conv(activation="relu")(x)])))


def part_of_a_model(x):
    """A frozen backbone without its head, as in fine-tuning."""
    image = L.Input((8, 8, 3))
    features = L.ReLU()(_norm()(_conv()(image)))
    whole = tf.keras.Model(image, L.Softmax()(head(features)))
    whole.trainable = False
    backbone = tf.keras.Model(whole.input, whole.layers[-4].output)
    return head(_conv(activation="relu")(backbone(x, training=False)))


def model_cloned(x):
    return head(tf.keras.models.clone_model(tf.keras.Sequential(
        [_conv(input_shape=(8, 8, 3)), _norm(), L.PReLU(alpha_initializer="random_uniform")]))(x))


def models_of_names(x):
    found = OfNames()({"right": _conv()(x), "left": x})
    return head(L.Concatenate()([found["right"], found["sum"]]))


def lambda_with_weights(x):
    convolution = _conv(activation="relu")
    return head(L.Lambda(lambda t: 0.5 * convolution(t))(_conv()(x)))


def operators_on_tensors(x):
    left, right = _conv()(x), _conv(activation="relu")(x)
    return head(tf.nn.relu(0.5 * left - right + 1.0))


def functions_of_the_backend(x):
    start = _conv()(x)
    joined = L.Lambda(lambda t: K.concatenate([K.relu(t, max_value=6), K.spatial_2d_padding(t)[:, 1:-1, 1:-1]]))(start)
    return head(L.Lambda(lambda t: K.pool2d(t, (2, 2), (2, 2), pool_mode="avg"))(joined))


def functions_of_tf_nn(x):
    return head(L.Lambda(lambda t: tf.compat.v1.image.resize_nearest_neighbor(
        tf.nn.relu6(tf.nn.max_pool(t, [1, 2, 2, 1], [1, 2, 2, 1], "SAME")), (8, 8)))(_conv()(x)))


def not_to_be_trained(x):
    return head(L.ReLU()(_norm()(_conv(trainable=False)(x))))


def regularized_and_constrained(x):
    return head(_conv(activation="relu", kernel_regularizer="l2", bias_constraint="non_neg",
                       activity_regularizer="l1", kernel_constraint="max_norm")(x))


STYLES = {
    "as_subclassed_models": lambda x: head(Stages()(x)),
    "as_one_subclassed_model_twice": subclassed_model_twice,
    "as_sequential_inside": sequential_inside,
    "as_model_inside_twice": model_inside_twice,
    "as_model_of_two_inputs_and_outputs": model_of_two_inputs_and_outputs,
    "as_layer_with_weights_of_its_own": lambda x: head(Filters()(x)),
    "as_layer_in_a_function": lambda x: head(InFunction()(x)),
    "as_layer_in_functions": lambda x: head(InFunctions()(x)),
    "as_layer_with_standardized_weights": lambda x: head(Standardized(4, 3)(x)),
    "as_layer_around_another": lambda x: head(Separated(_conv(activation="relu"))(_conv()(x))),
    "as_layer_that_differs_in_training": lambda x: head(Noise()(_conv(activation="relu")(x))),
    "as_part_of_a_model": part_of_a_model,
    "as_model_cloned": model_cloned,
    "as_models_of_names": models_of_names,
    "as_slices_of_tensors": lambda x: head(tf.concat([_conv()(x)[:, ::2], tf.split(_conv()(x), 2, 1)[0]], -1)),
    "as_lambda_with_weights": lambda_with_weights,
    "as_operators_on_tensors": operators_on_tensors,
    "as_functions_of_the_backend": functions_of_the_backend,
    "as_functions_of_tf_nn": functions_of_tf_nn,
    "as_what_is_not_to_be_trained": not_to_be_trained,
    "as_regularized_and_constrained": regularized_and_constrained,
}
"""Styles whose uint8 file is within 2 LSB of the fake-quantized graph."""
