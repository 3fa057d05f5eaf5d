"""How unlike the ranges of a layer's channels are.

A layer's weights have one range in a uint8 file: a channel whose own is a hundredth of it is left with two or
three codes. Folding batch norm multiplies each channel by its own number, and so is what makes them unlike;
of a depthwise layer, with its few weights a channel, most of all.
"""

from typing import List, NamedTuple

import numpy as np
import tensorflow as tf

from tasks.quantize.ir.editable_graph import LAYER_ATTR, said
from tasks.quantize.kernels.layers import LAYERS, within_outputs


class Channels(NamedTuple):
    """The largest absolute weight of a layer's output channels: of the largest, the middle, the smallest one.

    zero: how many channels have no weight but 0; they are not among the others.
    to_median, to_smallest: the largest's ratio to these.
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


def unlike(graph_def: tf.GraphDef) -> List[Channels]:
    """Each layer of a folded graph whose weights are constants and not all 0, the most unlike first."""
    constants = {node.name: node for node in graph_def.node if node.op == "Const"}
    found = []
    for node in graph_def.node:
        weights = constants.get(node.input[LAYERS[node.op].weights]) if node.op in LAYERS else None
        if weights is not None:
            sizes = of_outputs(node.op, tf.make_ndarray(weights.attr["value"].tensor))
            if sizes.any():
                found.append(_channels(node, sizes))
    return sorted(found, key=lambda each: -each.to_median)


def of_outputs(op: str, weights: np.ndarray) -> np.ndarray:
    """[C] the largest absolute weight of each output channel."""
    return np.abs(weights).max(axis=within_outputs(op, weights)).reshape(-1)


def _channels(node: tf.NodeDef, sizes: np.ndarray) -> Channels:
    alive = sizes[sizes > 0].astype(float)
    largest, median, smallest = alive.max(), np.median(alive), alive.min()
    return Channels(said(node, LAYER_ATTR) or node.name, node.name, node.op, len(sizes), len(sizes) - len(alive), *map(
        float, (largest, median, smallest, largest / median, largest / smallest)))
