"""Weights that toco transposes are written so that they keep their codes.

    fakequant(w, [low, high], narrow)      fakequant(w as its codes say, [code 0, code 255])

toco transposes the weights of a dense layer and of a transposed convolution. Where an axis has one element, as for
Dense(1), it uses a reshape instead, and loses the information that code 0 is left out (narrow_range). It then quantizes
the weights again with 255 steps where training had 254: they are up to 0.6 codes off, and where two of the smallest are
neighbours toco dies of `Bad value for ... at index`.
"""

from typing import List

import numpy as np
import tensorflow as tf

from octet.quantization import NARROW_STEPS, STEPS, to_real
from tasks.graph import constants
from tasks.quantize.kernels.layers import LAYERS


def keep_codes(graph_def: tf.GraphDef) -> tf.GraphDef:
    """The frozen graph, which computes the same; weights that toco transposes have a range over all 256 codes."""
    nodes = {node.name: node for node in graph_def.node}
    turned = {constants.node_of(node.input[LAYERS[node.op].weights]) for node in graph_def.node
              if node.op in LAYERS and LAYERS[node.op].transposed}
    kept = tf.GraphDef(versions=graph_def.versions)
    for node in graph_def.node:
        copy = kept.node.add()
        copy.CopyFrom(node)
        if node.name in turned and node.attr["narrow_range"].b:
            operands = (tf.make_ndarray(constants.behind(nodes, name).attr["value"].tensor) for name in node.input)
            made = [constants.constant("{}/{}".format(node.name, what), value) for what, value in zip(
                ("on_codes", "code_0", "code_255"), _on_codes(*operands))]
            kept.node.extend(made)
            copy.input[:] = [constant.name for constant in made]
            copy.attr["narrow_range"].b = False
    return kept


def _on_codes(weights: np.ndarray, low: np.ndarray, high: np.ndarray) -> List[np.ndarray]:
    """[the weights after a fake-quant of that narrow range, the real of code 0, the real of code 255]."""
    with tf.Graph().as_default(), tf.Session() as session:
        left = session.run(tf.fake_quant_with_min_max_vars(weights, low, high, narrow_range=True))
    scale = (float(high) - float(low)) / NARROW_STEPS
    steps = np.round(left / scale)
    # Half way between two codes, the least and the largest step tell which one TensorFlow has chosen.
    zero_point = np.clip(np.round(1 - low / scale), 1 - steps.min(), STEPS - steps.max())
    return [left, *(np.float32(to_real(code, scale, zero_point)) for code in (0, STEPS))]
