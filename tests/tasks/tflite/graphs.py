"""Tiny frozen graphs with explicit fake-quants, converted by the real toco."""

import functools
import os
import sys

import numpy as np
import tensorflow as tf

from octet.quantization import quantization
from tasks.tflite import toco


def toco_path():
    """PATH with the folder of this environment, where TensorFlow's own converter finds toco."""
    return os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]


def ranged(tensor, low, high, narrow=False):
    """The tensor behind a fake-quant with this range."""
    return tf.quantization.fake_quant_with_min_max_vars(tensor, low, high, narrow_range=narrow)


def weights(shape, seed=0, width=1.0):
    """Constant weights behind a fake-quant, as after training."""
    values = np.random.RandomState(seed).uniform(-width, width, shape).astype(np.float32)
    return ranged(tf.constant(values), -width, width, narrow=True)


def constant(values, low=None, high=None):
    """A constant, behind a fake-quant if it is given a range."""
    tensor = tf.constant(np.asarray(values, np.float32))
    return tensor if low is None else ranged(tensor, low, high)


def frozen(build, *inputs):
    """(graph, network) of build(*tensors) -> tensor or tensors. inputs: (shape without the batch, low, high) of
    each."""
    with tf.Graph().as_default() as graph:
        entering = [tf.placeholder(tf.float32, (1,) + tuple(shape), name="input{}".format(number))
                    for number, (shape, _, _) in enumerate(inputs)]
        made = build(*entering)
        made = list(made) if isinstance(made, (list, tuple)) else [made]
        made = [tensor if tensor.op.outputs.index(tensor) == 0 else tf.identity(tensor) for tensor in made]
    network = {"inputs": [], "layers": [],
               "outputs": [{"name": tensor.op.name, "node": tensor.op.name} for tensor in made]}
    for tensor, (shape, low, high) in zip(entering, inputs):
        scale, zero_point = quantization(low, high)
        network["inputs"].append({"name": tensor.op.name, "node": tensor.op.name, "shape": list(shape),
                                  "scale": scale, "zero_point": zero_point})
    graph_def = tf.graph_util.extract_sub_graph(
        graph.as_graph_def(), [end["node"] for side in ("inputs", "outputs") for end in network[side]])
    return graph_def, network


@functools.lru_cache(maxsize=None)
def converted(build, *inputs):
    """The .tflite file of such a graph."""
    return of_toco(*frozen(build, *inputs))


def of_toco(graph_def, network):
    """The .tflite file of a frozen graph."""
    return toco.convert(graph_def, network, uint8=True)
