"""Small frozen networks, as Keras builds them, for the tests of the quantization path."""

import zlib

import numpy as np
import tensorflow as tf

from octet.quantization import quantization
from tasks.graph import freezing

LAYERS = tf.keras.layers


def head(x):
    """Four numbers for each sample."""
    return LAYERS.Dense(4, bias_initializer="random_normal")(LAYERS.Flatten()(x))


def frozen(build, shape=(8, 8, 3), classes=4, seed=1):
    """(graph of constants, its inputs and outputs) of build(input tensor) -> output tensor, or of {name: build} with
    one output each. Batch norms get statistics that differ from the initial ones."""
    builds = build if isinstance(build, dict) else {"label": build}
    tf.keras.backend.clear_session()
    with tf.Graph().as_default() as graph, tf.Session(graph=graph).as_default() as session:
        tf.keras.backend.set_session(session)
        tf.keras.backend.set_learning_phase(0)
        inputs, made = LAYERS.Input(shape), {}
        for name, each in builds.items():
            before = len(graph.get_operations())
            made[name] = tf.keras.Model(inputs, each(inputs))
            _seed(graph.get_operations()[before:], _seed_of(name, seed))
        session.run(tf.global_variables_initializer())
        for name, model in made.items():
            random = np.random.RandomState(_seed_of(name, seed))
            model.set_weights([random.uniform(0.2, 1.5, weights.shape) if "norm" in variable.name
                               else weights for variable, weights in zip(model.weights, model.get_weights())])
        model = tf.keras.Model(inputs, [each.outputs[0] for each in made.values()])
        nodes = [tensor.op.name for tensor in model.outputs]
        graph_def = freezing.freeze(session, nodes)
    scale, zero_point = quantization(0.0, 1.0)
    return graph_def, {
        "inputs": [{"name": "image", "node": model.inputs[0].op.name, "shape": list(shape),
                    "scale": scale, "zero_point": zero_point}],
        "outputs": [{"name": name, "node": node, "kind": "class",
                     "classes": [str(number) for number in range(classes)]}
                    for name, node in zip(builds, nodes)],
        "layers": [layer.name for layer in model.layers]}


def _seed_of(name, seed):
    return zlib.crc32(name.encode()) + seed


def _seed(operations, seed):
    """What is drawn depends only on the network."""
    drawing = [operation for operation in operations if operation.type in ("RandomUniform", "RandomStandardNormal",
                                                                           "TruncatedNormal")]
    for number, operation in enumerate(drawing):
        operation._set_attr("seed", tf.AttrValue(i=seed))
        operation._set_attr("seed2", tf.AttrValue(i=number))


def outputs(graph_def, network, images):
    """The graph's first output for real images [N, H, W, C] float32."""
    return all_outputs(graph_def, network, images)[0]


def all_outputs(graph_def, network, images):
    """The graph's outputs, in order."""
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(graph_def, name="")
        with tf.Session(graph=graph) as session:
            return session.run([end["node"] + ":0" for end in network["outputs"]],
                               {network["inputs"][0]["node"] + ":0": images})
