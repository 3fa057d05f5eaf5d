"""Groups of nodes that are one function to a uint8 kernel.

    e = exp(x - max(x)); e / sum(e)        Softmax(x)          Keras' softmax on more than two axes
    x * rsqrt(max(sum(x^2), eps))          kept together       toco makes L2_NORMALIZATION of it

Taken apart they hold exp, a division and a reciprocal root, none of which has a uint8 kernel
(`Unimplemented: this graph contains an operator of type Exp`).
"""

from typing import List, Optional

import numpy as np

from tasks.quantize.net import INSIDE, Net, Node


def softmax(net: Net) -> List[str]:
    """A softmax written out over the last axis is one Softmax."""
    found = []
    for division in net.of_type("RealDiv"):
        source = _written_softmax(net, division)
        if source is None:
            continue
        node = net.add(Node(net.free(division.name + "/Softmax"), "Softmax", [source],
                            {"T": division.get("T")}, layer=division.layer), net.shapes[source])
        net.replace(division.name, node.name)
        found.append(division.name)
    return found


def _written_softmax(net: Net, division: Node) -> Optional[str]:
    exp, total = (net.producer(name) for name in division.inputs)
    if exp.op != "Exp" or total.op != "Sum" or total.inputs[0] != exp.name:
        return None
    shifted = net.producer(exp.inputs[0])
    if shifted.op != "Sub":
        return None
    source, top = shifted.inputs
    largest = net.producer(top)
    rank = len(net.shapes[source] or ())
    if largest.op != "Max" or largest.inputs[0] != source or not all(
            _last_axis(net, node, rank) for node in (total, largest)):
        return None
    return source


def _last_axis(net: Net, reduction: Node, rank: int) -> bool:
    axis = net.value(reduction.inputs[1])
    return axis is not None and reduction.get("keep_dims").b and list(np.reshape(axis, [-1]) % rank) == [rank - 1]


def l2_normalization(net: Net) -> List[str]:
    """The nodes inside an L2 normalization over the last axis are marked as the inside of one kernel."""
    found = []
    for product in net.of_type("Mul"):
        inside = _l2_inside(net, product)
        for node in inside:
            node.mark = INSIDE
        if inside:
            product.mark = L2
            found.append(product.name)
    return found


L2 = "l2_normalization"


def _l2_inside(net: Net, product: Node) -> List[Node]:
    for source, factor in (product.inputs, reversed(product.inputs)):
        root = net.producer(factor)
        if root.op != "Rsqrt" or net.only_reader(root.name) is not product:
            continue
        floor = net.producer(root.inputs[0])
        total = net.producer(floor.inputs[0]) if floor.op in ("Maximum", "Add", "AddV2") else floor
        square = net.producer(total.inputs[0]) if total.op == "Sum" else None
        if square is not None and square.op == "Square" and square.inputs[0] == source and _last_axis(
                net, total, len(net.shapes[source] or ())):
            return [root, square, total] + ([floor] if floor is not total else [])
    return []
