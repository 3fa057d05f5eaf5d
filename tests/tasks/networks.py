"""Small networks as Keras builds them, frozen, for the tests of the quantization path."""

import numpy as np
import tensorflow as tf

from octet.datasets.dataset import quantization

LAYERS = tf.keras.layers


def frozen(build, shape=(8, 8, 3), classes=4, seed=1):
    """(graph of constants, what its ends mean) of build(input tensor) -> output tensor, its batch
    norms given statistics that are not the initial ones."""
    tf.keras.backend.clear_session()
    with tf.Graph().as_default() as graph, tf.Session(graph=graph).as_default() as session:
        tf.keras.backend.set_session(session)
        tf.keras.backend.set_learning_phase(0)
        tf.set_random_seed(seed)
        inputs = LAYERS.Input(shape)
        model = tf.keras.Model(inputs, build(inputs))
        session.run(tf.global_variables_initializer())
        random = np.random.RandomState(seed)
        model.set_weights([random.uniform(0.2, 1.5, weights.shape) if "norm" in variable.name
                           else weights for variable, weights
                           in zip(model.weights, model.get_weights())])
        ends = [tensor.op.name for tensor in (model.inputs[0], model.outputs[0])]
        graph_def = tf.graph_util.convert_variables_to_constants(
            session, graph.as_graph_def(), [ends[1]])
    scale, zero_point = quantization(0.0, 1.0)
    return graph_def, {
        "inputs": [{"name": "image", "node": ends[0], "shape": list(shape),
                    "scale": scale, "zero_point": zero_point}],
        "outputs": [{"name": "label", "node": ends[1], "kind": "class",
                     "classes": [str(number) for number in range(classes)]}],
        "layers": [layer.name for layer in model.layers]}


def outputs(graph_def, network, images):
    """The graph's one output for real images [N, H, W, C] float32."""
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(graph_def, name="")
        with tf.Session(graph=graph) as session:
            return session.run(network["outputs"][0]["node"] + ":0",
                               {network["inputs"][0]["node"] + ":0": images})
