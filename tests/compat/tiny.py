"""The networks of tests/tasks/catalogue.py as a recipe has them: a dataset, and a model with an output for each."""

import hashlib

OUTPUT = "{}_out"  # what a network's output is called; Keras gives the network's own name to layers


def load(networks):
    """Random pictures, and for each network random numbers as its target, of the shape that it gives."""
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
    """What `load` gives follows from its code and the networks' names."""
    return hashlib.sha256(" ".join([part] + networks).encode("utf-8")).hexdigest()


def build(input_shape, classes, networks):
    """The networks side by side on one picture."""
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
