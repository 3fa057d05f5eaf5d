"""Cross-layer equalization (Nagel et al. 2019, arXiv:1906.04721, section 4.1): makes the ranges of channels similar.

    layer A -> bias -> relu, pool, pad ... -> layer B

For all operations f between A and B, f(s * x) = s * f(x) for s > 0. So the weights of A's output channel i, and its
bias, are divided by s_i, and the weights of B's input channel i are multiplied by s_i, where

    s_i = sqrt(range of the weights of A's output channel i / range of the weights of B's input channel i)

makes both ranges equal to the square root of their product. A pair of layers is left as it is where a ReLU6, which does
not scale, or a tensor that is an output or read twice is between them. In a chain of layers, also with depthwise ones,
all pairs are equalized again and again until nothing changes.
"""

from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
import tensorflow as tf

from tasks.graph import constants
from tasks.graph.constants import node_of
from tasks.quantize.ir.editable_graph import tensor_of
from tasks.quantize.ir.nodes import LAYER_ATTR, MARK_ATTR, REQUANTIZE, attribute_of
from tasks.quantize.kernels.layers import LAYERS, data_input, for_inputs, for_outputs, within_inputs
from tasks.quantize.weights import channel_spread

SCALES = ("Relu", "MaxPool", "AvgPool", "Pad", "SpaceToBatchND", "BatchToSpaceND", "Squeeze")
UNMARKED = ("", REQUANTIZE)
SWEEPS = 100  # at most; in a chain of layers, each sweep over all pairs reduces the difference by a factor
CONVERGED = 1e-4  # the largest |log s| at which the sweeps end


class Pair(NamedTuple):
    """Two layers that are equalized, and the names of the biases between them."""

    first: tf.NodeDef
    biases: List[str]
    second: tf.NodeDef

    @property
    def weights(self) -> Tuple[str, str]:
        return _weights(self.first), _weights(self.second)


def equalized(graph_def: tf.GraphDef, outputs: Sequence[str]) -> Tuple[tf.GraphDef, List[Tuple[str, str]]]:
    """(the equalized graph, the Keras layers of each equalized pair). The graph computes the same function as the
    folded graph `graph_def`, up to float rounding. outputs: names of nodes."""
    values = {node.name: tf.make_ndarray(node.attr["value"].tensor).astype(np.float64)
              for node in graph_def.node if node.op == "Const" and node.attr["dtype"].type == tf.float32}
    pairs = _LayerPairs(graph_def, outputs, values).pairs()
    for _ in range(SWEEPS):
        distances = [_equalize(pair, values) for pair in pairs]
        if max(distances, default=0) < CONVERGED:
            break
    changed = {name for pair in pairs for name in [*pair.weights, *pair.biases]}
    copy = tf.GraphDef()
    copy.CopyFrom(graph_def)
    for node in copy.node:
        if node.name in changed:
            node.CopyFrom(constants.constant(node.name, values[node.name].astype(np.float32)))
    return copy, [(_layer(pair.first), _layer(pair.second)) for pair in pairs]


def _equalize(pair: Pair, values: Dict[str, np.ndarray]) -> float:
    """Equalizes the pair. Returns the largest |log s|, the distance from equality before."""
    before, after = pair.weights
    first, second = values[before], values[after]
    outgoing = channel_spread.largest_weights(pair.first.op, first)
    incoming = _largest_of_inputs(pair.second.op, second, len(outgoing))
    alive = (outgoing > 0) & (incoming > 0)  # a dead channel has nothing to scale
    scale = np.ones_like(outgoing)
    scale[alive] = np.sqrt(outgoing[alive] / incoming[alive])
    values[before] = first / for_outputs(pair.first.op, first, scale)
    for bias in pair.biases:
        values[bias] = values[bias] / np.tile(scale, values[bias].size // len(scale))
    repeated = np.tile(scale, second.shape[LAYERS[pair.second.op].input_axis] // len(scale))
    values[after] = second * for_inputs(pair.second.op, second, repeated)
    return float(np.abs(np.log(scale)).max())


def _largest_of_inputs(op: str, weights: np.ndarray, count: int) -> np.ndarray:
    """[count]: the largest absolute weight of each input channel. In the weights for a flattened image, each channel
    occurs once for each pixel."""
    return np.abs(weights).max(axis=within_inputs(op, weights)).reshape(-1, count).max(axis=0)


class _LayerPairs:
    """Finds the pairs of layers in a graph that can be equalized."""

    def __init__(self, graph_def: tf.GraphDef, outputs: Sequence[str], values: Dict[str, np.ndarray]) -> None:
        self.outputs, self.values = set(outputs), values
        self.nodes = {node.name: node for node in graph_def.node}
        self.order = list(graph_def.node)
        self.readers: Dict[str, List[Tuple[tf.NodeDef, int]]] = {}
        for node in graph_def.node:
            for index, name in enumerate(node.input):
                self.readers.setdefault(tensor_of(name), []).append((node, index))

    def pairs(self) -> List[Pair]:
        found = [self._pair(node) for node in self.order if self._is_layer(node)]
        return [pair for pair in found if pair is not None]

    def _is_layer(self, node: tf.NodeDef) -> bool:
        """Whether the node is a layer whose weights may be changed: trained constants that nothing else reads."""
        if node.op not in LAYERS or attribute_of(node, MARK_ATTR):
            return False
        return self._is_changeable(_weights(node))

    def _is_changeable(self, name: str) -> bool:
        return name in self.values and name not in self.outputs and len(self.readers[name]) == 1

    def _pair(self, first: tf.NodeDef) -> Optional[Pair]:
        count = channel_spread.largest_weights(first.op, self.values[_weights(first)]).size
        node = first
        biases: List[str] = []
        while True:
            readers = self.readers.get(node.name, [])
            if len(readers) != 1 or node.name in self.outputs or attribute_of(node, MARK_ATTR) not in UNMARKED:
                return None
            after, index = readers[0]
            if index != data_input(after.op):
                return None
            if self._is_layer(after):
                size = self.values[_weights(after)].shape[LAYERS[after.op].input_axis]
                return Pair(first, biases, after) if size % count == 0 else None
            if after.op == "BiasAdd" and self._is_changeable(node_of(after.input[1])):
                biases.append(node_of(after.input[1]))
            elif not self._scales(after, count):
                return None
            node = after

    def _scales(self, node: tf.NodeDef, count: int) -> bool:
        """Whether f(s * x) = s * f(x) for s > 0 of each channel, and the operation keeps the channels apart."""
        if node.op == "DepthwiseConv2dNative":  # a mean, or a requantization
            weights = self.values.get(_weights(node))
            return weights is not None and weights.shape[3] == 1
        if node.op == "BiasAdd":
            bias = self.values.get(node_of(node.input[1]))
            return bias is not None and not bias.any()
        if node.op == "Reshape":
            shape = self.nodes[node_of(node.input[1])]
            return shape.op == "Const" and tf.make_ndarray(shape.attr["value"].tensor)[-1] % count == 0
        return node.op in SCALES


def _weights(layer: tf.NodeDef) -> str:
    return node_of(layer.input[LAYERS[layer.op].weights])


def _layer(node: tf.NodeDef) -> str:
    return attribute_of(node, LAYER_ATTR) or node.name
