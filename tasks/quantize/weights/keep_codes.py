"""Rewrites weights that toco transposes, so that they keep their codes.

    fakequant(w, [low, high], narrow)      fakequant(dequantized codes of w, [code 0, code 255])

toco transposes the weights of a dense layer and of a transposed convolution. Where an axis has one element, as for
Dense(1), toco uses a reshape instead, and loses the information that code 0 is not used (narrow_range). It then
quantizes the weights with 255 steps, while training used 254: they are up to 0.6 codes off, and where two of the
smallest weights are neighbours, toco aborts with `Bad value for ... at index`.
"""

from typing import List

import numpy as np
import tensorflow as tf

from octet.quantization import NARROW_STEPS, STEPS, to_real
from tasks.graph import constants
from tasks.quantize.kernels.layers import LAYERS


def keep_codes(graph_def: tf.GraphDef) -> tf.GraphDef:
    """A frozen graph with the same function, in which the weights that toco transposes have a range of all 256
    codes."""
    nodes = {node.name: node for node in graph_def.node}
    transposed = {constants.node_of(node.input[LAYERS[node.op].weights]) for node in graph_def.node
                  if node.op in LAYERS and LAYERS[node.op].transposed}
    result = tf.GraphDef(versions=graph_def.versions)
    for node in graph_def.node:
        copy = result.node.add()
        copy.CopyFrom(node)
        if node.name in transposed and node.attr["narrow_range"].b:
            operands = (tf.make_ndarray(constants.behind(nodes, name).attr["value"].tensor) for name in node.input)
            made = [constants.constant("{}/{}".format(node.name, what), value) for what, value in zip(
                ("on_codes", "code_0", "code_255"), _on_codes(*operands))]
            result.node.extend(made)
            copy.input[:] = [constant.name for constant in made]
            copy.attr["narrow_range"].b = False
    return result


def _on_codes(weights: np.ndarray, low: np.ndarray, high: np.ndarray) -> List[np.ndarray]:
    """[the weights after a fake-quant in the narrow range, the real value of code 0, the real value of code 255]."""
    with tf.Graph().as_default(), tf.Session() as session:
        quantized = session.run(tf.fake_quant_with_min_max_vars(weights, low, high, narrow_range=True))
    scale = (float(high) - float(low)) / NARROW_STEPS
    steps = np.round(quantized / scale)
    # Where the zero point is half way between two codes, the smallest and the largest step show which one TensorFlow
    # has chosen.
    zero_point = np.clip(np.round(1 - low / scale), 1 - steps.min(), STEPS - steps.max())
    return [quantized, *(np.float32(to_real(code, scale, zero_point)) for code in (0, STEPS))]
