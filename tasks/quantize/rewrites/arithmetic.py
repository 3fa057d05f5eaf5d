"""Replaces arithmetic without a uint8 kernel by arithmetic that has one.

    x^2           x * x              (a - b)^2     (a - b) * (a - b)
    pow(x, n)     x * x * ...        for a whole n of 1 to 4
    a + b + c     (a + b) + c        |x|           max(x, -x)
    max over height and width        a max pool
    stack(a, b)   concat of a and b, each with a new axis;   unstack: slices
    matmul(x, w, transpose_b)        matmul(x, transposed w): other passes expect weights in this form

toco says `Unimplemented: this graph contains an operator of type Square` (likewise SquaredDifference, Pow, Abs, Neg).
AddN and Pack would need ranges on tensors that `tf.contrib.quantize` does not handle.
"""

from typing import List, Optional

import numpy as np
import tensorflow as tf

from tasks.quantize.ir.build import FLOAT, binary, joined, part, reshape
from tasks.quantize.ir.change import Change
from tasks.quantize.ir.editable_graph import EditableGraph
from tasks.quantize.ir.nodes import Node


def expand_arithmetic(graph: EditableGraph) -> List[Change]:
    """Replaces arithmetic that has no uint8 kernel and that no later pass replaces."""
    changes = []
    for node in graph.of_type(*_BY_OP):
        if node.mark or node.get("T") != FLOAT:
            continue
        tensor = _BY_OP[node.op](graph, node)
        if tensor is not None:
            graph.replace(node.name, tensor)
        if tensor is not None or not graph.is_read(node):  # the outputs of an Unpack are replaced already
            changes.append(Change(node.name, "{} of {{layer}} becomes {}".format(node.op, _BECOMES[node.op])))
    return changes


def _square(graph: EditableGraph, node: Node) -> Optional[str]:
    return binary(graph, "Mul", node.inputs[0], node.inputs[0], node)


def _pow(graph: EditableGraph, node: Node) -> Optional[str]:
    exponent = graph.value(node.inputs[1])
    if exponent is None or exponent.size != 1 or exponent.item() not in (1, 2, 3, 4):
        return None
    tensor, once = node.inputs[0], node.inputs[0]
    if exponent.item() == 4:
        tensor = once = binary(graph, "Mul", once, once, node)
    for _ in range({1: 0, 2: 1, 3: 2, 4: 1}[int(exponent.item())]):
        tensor = binary(graph, "Mul", tensor, once, node)
    return tensor


def _squared_difference(graph: EditableGraph, node: Node) -> Optional[str]:
    left, right = node.inputs
    difference = binary(graph, "Sub", left, right, node)
    return binary(graph, "Mul", difference, difference, node)


def _add_n(graph: EditableGraph, node: Node) -> Optional[str]:
    total = node.inputs[0]
    for tensor in node.inputs[1:]:
        total = binary(graph, "Add", total, tensor, node)
    return total


def _abs(graph: EditableGraph, node: Node) -> Optional[str]:
    negative = binary(graph, "Mul", node.inputs[0], graph.constant(node.name + "/minus_one", -1.0), node)
    return binary(graph, "Maximum", node.inputs[0], negative, node)


def _max(graph: EditableGraph, node: Node) -> Optional[str]:
    """A maximum over height and width becomes a max pool; the uint8 kernels of reductions are worse."""
    shape, axes = graph.shapes[node.inputs[0]], graph.value(node.inputs[1])
    if shape is None or len(shape) != 4 or axes is None or None in shape[1:] or sorted(
            int(axis) % 4 for axis in np.reshape(axes, [-1])) != [1, 2]:
        return None
    window = tf.AttrValue(list=tf.AttrValue.ListValue(i=[1, shape[1], shape[2], 1]))
    ones = tf.AttrValue(list=tf.AttrValue.ListValue(i=[1, 1, 1, 1]))
    pooled = graph.add(Node(graph.free(node.name + "/MaxPool"), "MaxPool", node.inputs[:1],
                            {"T": FLOAT, "ksize": window, "strides": ones, "padding": tf.AttrValue(s=b"VALID"),
                             "data_format": tf.AttrValue(s=b"NHWC")}, layer=node.layer),
                       (None, 1, 1, shape[3])).name
    return pooled if node.get("keep_dims").b else reshape(graph, pooled, (shape[3],), node, "flat")


def _pack(graph: EditableGraph, node: Node) -> Optional[str]:
    shape = graph.shapes[node.inputs[0]]
    if shape is None or None in shape[1:]:
        return None
    axis = node.get("axis").i % (len(shape) + 1)
    if axis == 0:
        return None
    longer = list(shape[1:axis]) + [1] + list(shape[axis:])
    return joined(graph, [reshape(graph, tensor, longer, node, "part") for tensor in node.inputs], axis, node)


def _unpack(graph: EditableGraph, node: Node) -> Optional[str]:
    shape = graph.shapes[node.inputs[0]]
    axis = node.get("axis").i % len(shape or (0,))
    if shape is None or axis == 0 or None in shape[1:]:
        return None
    rest = [size for number, size in enumerate(shape[1:], 1) if number != axis]
    for index in range(shape[axis]):
        old = node.name if index == 0 else "{}:{}".format(node.name, index)
        graph.replace(old, reshape(graph, part(graph, node.inputs[0], axis, index, 1, node), rest, node, "piece"))
    return None


def _mat_mul(graph: EditableGraph, node: Node) -> Optional[str]:
    """Transposes the weights instead. Layers that read the same weights untransposed are then trained separately."""
    weights = graph.value(node.inputs[1])
    if not node.get("transpose_b").b or node.get("transpose_a").b or weights is None:
        return None
    use = node.inputs[1], node.op
    if use not in graph.shared:
        graph.shared[use] = graph.constant(node.name + "/weights", weights.T)
    return graph.add(Node(graph.free(node.name + "/MatMul"), "MatMul", [node.inputs[0], graph.shared[use]],
                          {"T": FLOAT}, layer=node.layer), graph.shapes[node.name]).name


_BY_OP = {"Square": _square, "Pow": _pow, "SquaredDifference": _squared_difference, "AddN": _add_n, "Abs": _abs,
          "Max": _max, "Pack": _pack, "Unpack": _unpack, "MatMul": _mat_mul}
_BECOMES = {"Square": "x * x", "Pow": "products", "SquaredDifference": "(a - b) * (a - b)", "AddN": "sums of two",
            "Abs": "max(x, -x)", "Max": "a max pool", "Pack": "a concatenation", "Unpack": "slices",
            "MatMul": "one with transposed weights"}
