"""The networks of tests/tasks/catalogue.py for a recipe: a dataset, and a model with one output for each network."""

import hashlib

OUTPUT = "{}_out"  # what a network's output is called; Keras gives the network's own name to layers


def load(networks):
    """Random pictures, with random numbers of its output's shape as the target of each network."""
    import numpy as np

    from octet.data.dataset import Dataset, Input, Part, Target
    random = np.random.RandomState(0)
    shapes = _shapes(networks)
    parts = {}
    for part, count in (("train", 24), ("validation", 12), ("test", 12)):
        parts[part] = Part(
            {"image": random.randint(0, 256, (count, 8, 8, 3)).astype(np.uint8)},
            {name: random.normal(size=(count,) + shape).astype(np.float32) for name, shape in shapes.items()})
    return Dataset({"image": Input((8, 8, 3), 0.0, 1.0)},
                   {name: Target("value", shape=shape) for name, shape in shapes.items()}, parts)


def digest(part, networks):
    """The data follows from this code and the names of the networks."""
    return hashlib.sha256(" ".join([part] + networks).encode("utf-8")).hexdigest()


def build(input_shape, classes, networks):
    """The networks side by side, with one picture as their input."""
    import tensorflow as tf

    from tests.tasks.catalogue import CONVERTED, FARTHER
    layers, bodies = tf.keras.layers, {**CONVERTED, **FARTHER}
    image = layers.Input(input_shape, name="image")
    return tf.keras.Model(image, [layers.Lambda(tf.identity, name=OUTPUT.format(name))(bodies[name](image))
                                  for name in networks])


def _shapes(networks):
    import tensorflow as tf
    with tf.Graph().as_default() as graph, tf.Session(graph=graph).as_default():
        shapes = [tuple(tensor.shape.as_list()[1:]) for tensor in build((8, 8, 3), None, networks).outputs]
    return {OUTPUT.format(name): shape for name, shape in zip(networks, shapes)}
