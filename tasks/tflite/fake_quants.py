"""The fake-quants of a frozen graph: which range each tensor was trained with."""

from typing import Dict, NamedTuple

import tensorflow as tf

KIND = "FakeQuantWithMinMaxVars"


class Quantization(NamedTuple):
    """real = (code - zero_point) * scale."""

    scale: float
    zero_point: int


def of(graph_def: tf.GraphDef) -> Dict[str, Quantization]:
    """The quantization that each tensor of 8 bits should have in a .tflite file, by the tensor's name there.

    toco drops a fake-quant and gives its name to the tensor before it; where it has the range from
    elsewhere already, the tensor keeps its own name, so a tensor whose only reader is a fake-quant is
    listed too. Nudged as toco does it (ChooseQuantizationParams): the zero point is an integer.
    """
    nodes = {node.name: node for node in graph_def.node}
    readers: Dict[str, set] = {}
    for node in graph_def.node:
        for reference in node.input:
            readers.setdefault(reference, set()).add(node.name)
    found: Dict[str, Quantization] = {}
    for node in graph_def.node:
        if node.op != KIND:
            continue
        low, high = (_constant(nodes, reference) for reference in node.input[1:3])
        found[node.name] = _nudged(low, high, 1 if node.attr["narrow_range"].b else 0)
        before = node.input[0]
        if readers[before] == {node.name} and nodes[_node(before)].op != KIND:
            found[before] = found[node.name]
    return found


def _nudged(low: float, high: float, lowest: int) -> Quantization:
    scale = (high - low) / (255 - lowest)
    if scale <= 0:
        return Quantization(0.0, 0)
    return Quantization(scale, int(min(255, max(lowest, round(lowest - low / scale)))))


def _constant(nodes: Dict[str, tf.NodeDef], reference: str) -> float:
    node = nodes[_node(reference)]
    while node.op == "Identity":
        node = nodes[_node(node.input[0])]
    return float(tf.make_ndarray(node.attr["value"].tensor))


def _node(reference: str) -> str:
    return reference.lstrip("^").split(":")[0]
