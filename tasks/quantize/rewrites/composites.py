"""Recognizes groups of nodes that one uint8 kernel computes.

    e = exp(x - max(x)); e / sum(e)        Softmax(x)          Keras' softmax on more than two axes
    x * rsqrt(max(sum(x^2), eps))          kept together       toco turns it into L2_NORMALIZATION

Their parts, exp, a division and a reciprocal root, have no uint8 kernels (`Unimplemented: this graph contains an
operator of type Exp`).

L2_NORMALIZATION wraps where a vector is one code long: (1, 0, 0) becomes (-1, 0, 0). So each vector gets an additional
channel of two codes (FLOOR) and is never that short. The result for a vector of k codes then has the length
k / sqrt(k^2 + 4) instead of 1: 0.45 for one code, 0.93 for 5, 0.995 for 20. Training has the additional channel, too.
For such short vectors, the error of rounding to codes is larger.
"""

from typing import List

import numpy as np

from tasks.graph.view import reduces_last_axis, written_softmax
from tasks.quantize.ir.build import FLOAT, INT, part
from tasks.quantize.ir.change import Change
from tasks.quantize.ir.editable_graph import EditableGraph
from tasks.quantize.ir.nodes import FLOOR, INSIDE, WITHOUT_FLOOR, Node

MOST_EPSILON = 1e-6
"""Largest epsilon of an L2 normalization; the kernel has none. With this one, the float result for a vector of length
0.01 is 0.5 % shorter."""


def recognize_softmax(graph: EditableGraph) -> List[Change]:
    """Replaces each softmax over the last axis that is written as several operations by one Softmax."""
    changes = []
    for division in graph.of_type("RealDiv"):
        source = written_softmax(graph, division.name)
        if source is None:
            continue
        node = graph.add(Node(graph.free(division.name + "/Softmax"), "Softmax", [source],
                              {"T": division.get("T")}, layer=division.layer), graph.shapes[source])
        graph.replace(division.name, node.name)
        changes.append(Change(division.name, "the softmax that {layer} writes as exp / sum becomes Softmax"))
    return changes


def mark_l2_normalization(graph: EditableGraph) -> List[Change]:
    """Marks the nodes of each L2 normalization over the last axis as one kernel, and adds the channel FLOOR."""
    changes = []
    for product in graph.of_type("Mul"):
        inside = _l2_inside(graph, product)
        for node in inside:
            node.mark = INSIDE
        if inside:
            product.mark = L2
            _with_floor(graph, product, square=next(node for node in inside if node.op == "Square"))
            changes.append(Change(product.name, "the L2 normalization of {layer} gets an additional constant channel"))
    return changes


def _with_floor(graph: EditableGraph, product: Node, square: Node) -> None:
    """Adds the channel FLOOR before the L2 normalization that ends in `product`, and removes it after it."""
    source = square.inputs[0]
    *outer, channels = graph.known_shape(source)
    pads = np.zeros([len(outer) + 1, 2], np.int32)
    pads[-1, 1] = 1
    operands = [graph.constant(product.name + "/pads", pads, np.int32), graph.constant(product.name + "/floor", 0.0)]
    padded = graph.add(Node(graph.free(product.name + "/with_floor"), "PadV2", [source] + operands,
                            {"T": FLOAT, "Tpaddings": INT}, layer=product.layer, mark=FLOOR),
                       tuple(outer) + (channels + 1,))
    for node in (square, product):
        graph.set_input(node, node.inputs.index(source), padded.name)
        graph.shapes[node.name] = graph.shapes[padded.name]
    whole = part(graph, product.name, len(outer), 0, channels, product)
    graph.producer(whole).mark = WITHOUT_FLOOR
    graph.replace(product.name, whole, but=[graph.producer(whole)])


L2 = "l2_normalization"


def _l2_inside(graph: EditableGraph, product: Node) -> List[Node]:
    """The nodes before `product` that form an L2 normalization with it; empty where it is none."""
    for source, factor in (product.inputs, reversed(product.inputs)):
        root = graph.producer(factor)
        if root.op != "Rsqrt" or graph.only_reader(root.name) is not product:
            continue
        floor = total = graph.producer(root.inputs[0])
        if floor.op in ("Maximum", "Add", "AddV2"):
            left, right = map(graph.producer, floor.inputs)
            total, epsilon = (right, left.value) if left.value is not None else (left, right.value)
            if epsilon is None or epsilon.size != 1 or epsilon.item() > MOST_EPSILON:
                continue
        square = graph.producer(total.inputs[0]) if total.op == "Sum" else None
        if square is None or square.op != "Square" or square.inputs[0] != source or not reduces_last_axis(
                graph, total.name):
            continue
        inside = list(dict.fromkeys([root, floor, total, square]))
        if all(graph.only_reader(node.name) for node in inside):
            return inside
    return []
