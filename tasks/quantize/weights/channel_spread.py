"""Measures how much the ranges of a layer's channels differ.

The weights of a layer have one range in a uint8 file. A channel whose weights reach a hundredth of this range uses two
or three codes. Folding batch norm multiplies each channel by a different number, so the channels differ, most of all in
a depthwise layer, which has few weights for each channel.
"""

from typing import List, NamedTuple

import numpy as np
import tensorflow as tf

from tasks.quantize.ir.nodes import LAYER_ATTR, attribute_of
from tasks.quantize.kernels.layers import LAYERS, within_outputs


class Channels(NamedTuple):
    """Statistics of the largest absolute weight of each output channel of a layer: largest, median, smallest.

    channels: number of output channels. zero: number of channels whose weights are all 0; the statistics leave them
    out. to_median: largest / median. to_smallest: largest / smallest.
    """

    layer: str
    node: str
    op: str
    channels: int
    zero: int
    largest: float
    median: float
    smallest: float
    to_median: float
    to_smallest: float


def worst_first(graph_def: tf.GraphDef) -> List[Channels]:
    """The layers of a folded graph whose weights are constant and not all 0, by descending `to_median`."""
    constants = {node.name: node for node in graph_def.node if node.op == "Const"}
    spreads = []
    for node in graph_def.node:
        weights = constants.get(node.input[LAYERS[node.op].weights]) if node.op in LAYERS else None
        if weights is not None:
            sizes = largest_weights(node.op, tf.make_ndarray(weights.attr["value"].tensor))
            if sizes.any():
                spreads.append(_channels(node, sizes))
    return sorted(spreads, key=lambda each: -each.to_median)


def largest_weights(op: str, weights: np.ndarray) -> np.ndarray:
    """[C]: the largest absolute weight of each output channel."""
    return np.abs(weights).max(axis=within_outputs(op, weights)).reshape(-1)


def _channels(node: tf.NodeDef, sizes: np.ndarray) -> Channels:
    alive = sizes[sizes > 0].astype(float)
    largest, median, smallest = alive.max(), np.median(alive), alive.min()
    ratios = largest / median, largest / smallest
    return Channels(attribute_of(node, LAYER_ATTR) or node.name, node.name, node.op, len(sizes),
                    len(sizes) - len(alive), *map(float, (largest, median, smallest, *ratios)))
