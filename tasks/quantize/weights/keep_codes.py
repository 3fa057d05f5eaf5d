"""Weights that toco transposes keep their codes.

    fakequant(w, [low, high], narrow)      fakequant(w as its codes say, [code 0, code 255])

toco turns the weights of a dense layer and of a transposed convolution round. Where they are one wide, as those of
Dense(1) are, it makes a reshape of that, and forgets on the way that code 0 is left out (narrow_range). It would
quantize them anew then, with 255 steps where training had 254: up to 0.6 codes off, and where two of the smallest are
neighbours it dies: `Bad value for ... at index`.
"""

from typing import List

import numpy as np
import tensorflow as tf

from octet.quantization import NARROW_STEPS, STEPS, to_real
from tasks.graph import constants
from tasks.quantize.kernels.layers import LAYERS


def keep_codes(graph_def: tf.GraphDef) -> tf.GraphDef:
    """The frozen graph; it computes the same, and what toco transposes has a range over all 256 codes."""
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
    """(weights as a fake-quant of that narrow range leaves them, what code 0 stands for, and code 255)."""
    with tf.Graph().as_default(), tf.Session() as session:
        left = session.run(tf.fake_quant_with_min_max_vars(weights, low, high, narrow_range=True))
    scale = (float(high) - float(low)) / NARROW_STEPS
    steps = np.round(left / scale)
    # Where that is half way between two codes, what TensorFlow took it for is seen at the ends.
    zero_point = np.clip(np.round(1 - low / scale), 1 - steps.min(), STEPS - steps.max())
    return [left, *(np.float32(to_real(code, scale, zero_point)) for code in (0, STEPS))]
