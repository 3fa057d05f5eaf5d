"""The fake-quants of a frozen graph: which range each tensor was trained with."""

from typing import Dict, Set, Tuple

import tensorflow as tf

from octet.errors import ConvertError
from octet.quantization import Quantization, of_range
from tasks.graph import constants

KIND = "FakeQuantWithMinMaxVars"


def ranges(graph_def: tf.GraphDef) -> Dict[str, Tuple[float, float]]:
    """The ends of each fake-quant's range, by its name."""
    nodes = {node.name: node for node in graph_def.node}
    return {node.name: (_constant(nodes, node.input[1]), _constant(nodes, node.input[2]))
            for node in graph_def.node if node.op == KIND}


def of(graph_def: tf.GraphDef) -> Dict[str, Quantization]:
    """The quantization that each tensor of 8 bits should have in a .tflite file, by the tensor's name there.

    toco drops a fake-quant; the tensor before it keeps its own name, or has the fake-quant's where that is an
    output of the network.
    """
    nodes = {node.name: node for node in graph_def.node}
    readers: Dict[str, Set[str]] = {}
    for node in graph_def.node:
        for reference in node.input:
            readers.setdefault(reference, set()).add(node.name)
    found: Dict[str, Quantization] = {}
    for name, (low, high) in ranges(graph_def).items():
        found[name] = of_range(low, high, nodes[name].attr["narrow_range"].b)
        before = nodes[name].input[0]
        if readers[before] == {name} and nodes[constants.node_of(before)].op != KIND:
            found[before] = found[name]
    return found


def _constant(nodes: Dict[str, tf.NodeDef], reference: str) -> float:
    node = constants.behind(nodes, reference)
    if node.op != "Const":
        raise ConvertError("the range of a fake-quant is computed by {} ({})".format(node.name, node.op),
                           where="frozen.pb", why="toco reads only ranges that are constants",
                           next_step="a frozen graph has them folded: please report the network")
    return float(tf.make_ndarray(node.attr["value"].tensor))
