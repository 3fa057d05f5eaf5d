"""The fake-quants of a frozen graph: which range each tensor was trained with."""

import math
from typing import Dict, NamedTuple, Set, Tuple

import tensorflow as tf

from octet.errors import ConvertError
from tasks.graph import constants

KIND = "FakeQuantWithMinMaxVars"


class Quantization(NamedTuple):
    """real = (code - zero_point) * scale."""

    scale: float
    zero_point: int


def ranges(graph_def: tf.GraphDef) -> Dict[str, Tuple[float, float]]:
    """The ends of each fake-quant's range, by its name."""
    nodes = {node.name: node for node in graph_def.node}
    return {node.name: (_constant(nodes, node.input[1]), _constant(nodes, node.input[2]))
            for node in graph_def.node if node.op == KIND}


def of(graph_def: tf.GraphDef) -> Dict[str, Quantization]:
    """The quantization that each tensor of 8 bits should have in a .tflite file, by the tensor's name there.

    toco drops a fake-quant; the tensor before it keeps its own name, or has the fake-quant's where that is an
    output of the network. Nudged as toco does it (ChooseQuantizationParams): the zero point is an integer.
    """
    nodes = {node.name: node for node in graph_def.node}
    readers: Dict[str, Set[str]] = {}
    for node in graph_def.node:
        for reference in node.input:
            readers.setdefault(reference, set()).add(node.name)
    found: Dict[str, Quantization] = {}
    for name, (low, high) in ranges(graph_def).items():
        found[name] = _nudged(low, high, 1 if nodes[name].attr["narrow_range"].b else 0)
        before = nodes[name].input[0]
        if readers[before] == {name} and nodes[constants.node_of(before)].op != KIND:
            found[before] = found[name]
    return found


def _nudged(low: float, high: float, lowest: int) -> Quantization:
    scale = (high - low) / (255 - lowest)
    zero_point = math.floor(lowest - low / scale + 0.5)  # halves upwards, as toco; `round` makes them even
    return Quantization(scale, min(255, max(lowest, zero_point)))


def _constant(nodes: Dict[str, tf.NodeDef], reference: str) -> float:
    node = constants.behind(nodes, reference)
    if node.op != "Const":
        raise ConvertError("the range of a fake-quant is computed by {} ({})".format(node.name, node.op),
                           where="frozen.pb", why="toco reads only ranges that are constants",
                           next_step="a frozen graph has them folded: please report the network")
    return float(tf.make_ndarray(node.attr["value"].tensor))
