"""The fake-quants of a frozen graph, which hold the trained range of each tensor."""

from typing import Dict, Set, Tuple

import tensorflow as tf

from octet.errors import ConvertError
from octet.quantization import Quantization, of_range
from tasks.graph import constants

KIND = "FakeQuantWithMinMaxVars"


def ranges(graph_def: tf.GraphDef) -> Dict[str, Tuple[float, float]]:
    """{name of a fake-quant: (low, high)}."""
    nodes = {node.name: node for node in graph_def.node}
    return {node.name: (_constant(nodes, node.input[1]), _constant(nodes, node.input[2]))
            for node in graph_def.node if node.op == KIND}


def of(graph_def: tf.GraphDef) -> Dict[str, Quantization]:
    """{name of an 8-bit tensor in the .tflite file: the quantization that it must have}.

    toco removes fake-quants. The tensor before a fake-quant keeps its name; but where the fake-quant is an output of
    the network, the tensor gets the fake-quant's name.
    """
    nodes = {node.name: node for node in graph_def.node}
    readers: Dict[str, Set[str]] = {}
    for node in graph_def.node:
        for reference in node.input:
            readers.setdefault(reference, set()).add(node.name)
    expected: Dict[str, Quantization] = {}
    for name, (low, high) in ranges(graph_def).items():
        expected[name] = of_range(low, high, nodes[name].attr["narrow_range"].b)
        before = nodes[name].input[0]
        if readers[before] == {name} and nodes[constants.node_of(before)].op != KIND:
            expected[before] = expected[name]
    return expected


def _constant(nodes: Dict[str, tf.NodeDef], reference: str) -> float:
    node = constants.behind(nodes, reference)
    if node.op != "Const":
        raise ConvertError("the range of a fake-quant is computed by {} ({})".format(node.name, node.op),
                           where="frozen.pb", why="toco needs constant ranges, and freezing should have computed them",
                           next_step="please report the network")
    return float(tf.make_ndarray(node.attr["value"].tensor))
