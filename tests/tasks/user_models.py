"""Whole models as users write them, each the `build` of a recipe by its name. The inputs are digits of [8, 8, 1]."""

import numpy as np
import tensorflow as tf

L = tf.keras.layers


def head(x, classes):
    return L.Dense(classes)(L.Flatten()(x))


def nested(shape, classes):
    """A model inside the model, called twice, with a batch norm and an activity regularizer."""
    inside = L.Input(shape)
    convolution = L.Conv2D(1, 3, padding="same", activation="relu", activity_regularizer="l2")
    inner = tf.keras.Model(inside, L.BatchNormalization()(convolution(inside)), name="inner")
    image = L.Input(shape)
    return tf.keras.Model(image, head(inner(inner(image)), classes))


class Penalty(L.Layer):
    """A loss for which Keras is not told which inputs it depends on."""

    def call(self, inputs, **kwargs):
        self.add_loss(0.1 * tf.reduce_mean(tf.square(inputs)))
        return inputs


class PenaltyOnCondition(L.Layer):
    """The same in a branch."""

    def call(self, inputs, **kwargs):
        self.add_loss(tf.cond(tf.reduce_any(inputs > -1.0), lambda: tf.reduce_mean(tf.square(inputs)), lambda: 0.0))
        return inputs


def nested_penalty(shape, classes, activation="relu", penalty=Penalty):
    inside, image = L.Input(shape), L.Input(shape)
    inner = tf.keras.Model(inside, penalty()(L.Conv2D(4, 3, activation=activation)(inside)))
    return tf.keras.Model(image, head(inner(image), classes))


class Subclassed(tf.keras.Model):
    def __init__(self, classes):
        super().__init__()
        self.convolution, self.flat, self.dense = L.Conv2D(4, 3, activation="relu"), L.Flatten(), L.Dense(classes)

    def call(self, inputs, **kwargs):
        return self.dense(self.flat(self.convolution(inputs)))


def open_height(shape, classes):
    image = L.Input((None, None, shape[-1]))
    features = L.Conv2DTranspose(4, 3, strides=2, padding="same")(L.Conv2D(8, 3, strides=2, activation="relu")(image))
    return tf.keras.Model(image, L.Dense(classes)(L.GlobalAveragePooling2D()(features)))


def on_a_gpu(shape, classes):
    with tf.device("/gpu:0"):
        image = L.Input(shape)
        return tf.keras.Model(image, head(L.Conv2D(4, 3)(image), classes))


def fixed_filters(shape, classes):
    image = L.Input(shape)
    model = tf.keras.Model(image, head(L.Conv2D(4, 3, activation="relu")(image), classes))
    model.trainable = False
    return model


def functional(of=lambda x: x, finish=lambda x: x, dtype="float32"):
    def build(shape, classes):
        image = L.Input(shape, dtype=dtype)
        return tf.keras.Model(image, finish(head(of(image), classes)))
    return build


def graph_of_its_own(shape, classes):
    with tf.Graph().as_default():
        return functional()(shape, classes)


def frozen(shape, classes):
    """A convolution and a batch norm that must not be trained, and a trainable head."""
    image = L.Input(shape)
    x = L.Conv2D(4, 3, name="still", trainable=False)(image)
    return tf.keras.Model(image, head(L.BatchNormalization(name="still_norm", trainable=False)(x), classes))


def frozen_inside(shape, classes):
    """A body, itself a model, that must not be trained."""
    image = L.Input(shape)
    body = tf.keras.Model(image, L.Conv2D(4, 3, activation="relu", name="still")(image), name="body")
    body.trainable = False
    outside = L.Input(shape)
    return tf.keras.Model(outside, head(body(outside), classes))


class InFunction(tf.keras.Model):
    """Its variables are created inside a tf.function, and are in no collection of the graph."""

    def __init__(self, classes):
        super().__init__()
        self.convolution, self.scores = L.Conv2D(4, 3, activation="relu"), L.Dense(classes)
        self.flat = L.Flatten()

    @tf.function
    def call(self, inputs):
        return self.scores(self.flat(self.convolution(inputs)))


def in_function(shape, classes):
    image = L.Input(shape)
    return tf.keras.Model(image, InFunction(classes)(image))


def weights_put_in_function(shape, classes):
    """The graph is run before gradients are computed, and a variable that does not belong to the model has another
    value."""
    image = L.Input(shape)
    factor = tf.Variable(0.0, trainable=False)
    model = tf.keras.Model(image, InFunction(classes)(L.Lambda(lambda t: t * factor)(image)))
    model.set_weights(model.get_weights())
    tf.keras.backend.set_value(factor, 1.0)
    return model


def in_session_of_its_own(shape, classes):
    tf.keras.backend.set_session(tf.Session(config=tf.ConfigProto(log_device_placement=False)))
    model = functional()(shape, classes)
    model.set_weights([np.full(value.shape, 0.25, value.dtype) for value in model.get_weights()])
    return model


def local_variable(shape, classes):
    """A variable that belongs neither to the model nor to the global variables."""
    image = L.Input(shape)
    factor = tf.Variable(0.0, trainable=False, collections=[tf.GraphKeys.LOCAL_VARIABLES])
    model = tf.keras.Model(image, head(L.Lambda(lambda t: t * factor)(image), classes))
    tf.keras.backend.get_session().run(factor.assign(1.0))
    return model


class OfName(tf.keras.Model):
    """A model whose input and output have the same name as the model."""

    def __init__(self, classes):
        super().__init__(name="label")
        self.flat, self.dense = L.Flatten(), L.Dense(classes)

    def call(self, inputs):
        return {"label": self.dense(self.flat(inputs["image"]))}


class BranchInFunction(L.Layer):
    def build(self, input_shape):
        self.factor = self.add_weight("factor", [int(input_shape[-1])], initializer="ones")

    @tf.function
    def call(self, inputs):
        return inputs * self.factor if tf.reduce_sum(inputs) > 0.0 else inputs


def in_session_that_is_closed(shape, classes):
    with tf.Session() as session:
        tf.keras.backend.set_session(session)
        return functional()(shape, classes)


class InTuple(tf.keras.Model):
    """Keras finds layers in lists and dicts, but not in tuples."""

    def __init__(self, classes):
        super().__init__()
        self.body = (L.Flatten(), L.Dense(8, name="lost"))
        self.scores = L.Dense(classes)

    def call(self, inputs):
        for layer in self.body:
            inputs = layer(inputs)
        return self.scores(inputs)


def in_tuple(shape, classes):
    image = L.Input(shape)
    return tf.keras.Model(image, InTuple(classes)(image))


def another_in_training(shape, classes):
    image = x = L.Input(shape)
    if tf.keras.backend.learning_phase():
        x = L.Conv2D(2, 1)(x)
    return tf.keras.Model(image, head(x, classes))


def branch_of_constants(shape, classes):
    """A value computed from constants in the branch that is not taken."""
    image = L.Input(shape)
    x = L.Lambda(lambda t: tf.cond(tf.constant(False), lambda: t * (tf.constant(1.0) - tf.constant(0.3)), lambda: t))(
        L.Conv2D(4, 3)(image))
    return tf.keras.Model(image, head(x, classes))


def weights_in_a_branch(shape, classes):
    image = L.Input(shape)
    x = L.BatchNormalization()(L.Conv2D(4, 3)(image), training=tf.placeholder_with_default(False, []))
    return tf.keras.Model(image, head(x, classes))


def cleared(shape, classes):
    tf.keras.backend.clear_session()
    return nested(shape, classes)


TRAINED = {
    "nested": nested,
    "nested_penalty": nested_penalty,
    "subclassed": lambda shape, classes: Subclassed(classes),
    "sequential_without_input": lambda shape, classes: tf.keras.Sequential([L.Flatten(), L.Dense(classes)]),
    "open_height": open_height,
    "on_a_gpu": on_a_gpu,
    "fixed_filters": fixed_filters,
    "frozen": frozen,
    "frozen_inside": frozen_inside,
    "in_function": in_function,
    "weights_put_in_function": weights_put_in_function,
    "in_session_of_its_own": in_session_of_its_own,
    "local_variable": local_variable,
    "of_name": lambda shape, classes: OfName(classes),
    "branch_of_constants": branch_of_constants,
}
"""Models that go through both training phases."""

REFUSED = {
    "Keras does not track 2": in_tuple,
    "clears Keras' session": cleared,
    "read in a branch": weights_in_a_branch,
    "a weight is read in a branch": functional(lambda x: BranchInFunction()(x)),
    "has closed Keras' session": in_session_that_is_closed,
    "as uint8": functional(lambda x: tf.cast(x, tf.float32), dtype="uint8"),
    "as float64": functional(finish=lambda x: tf.cast(x, tf.float64)),
    "in a graph of its own": graph_of_its_own,
    "initial weights hold NaN": functional(
        lambda x: L.Conv2D(4, 3, kernel_initializer=tf.constant_initializer(np.nan))(x)),
    "does not accept a batch of": functional(lambda x: L.BatchNormalization(virtual_batch_size=2)(L.Conv2D(4, 3)(x))),
    "for one sample": functional(
        finish=lambda x: tf.reshape(x, tf.stack([tf.shape(x)[0] * 2, -1]))),
}
"""Models by the error that is reported before training."""


def build(input_shape, classes, model):
    return {**TRAINED, **REFUSED, "another_in_training": another_in_training}[model](input_shape, classes)
