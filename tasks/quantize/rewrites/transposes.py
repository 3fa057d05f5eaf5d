"""Gives transposes a form that toco and the kernel accept.

    transpose(x), 5 axes, (0, 1, 2, 4, 3)      reshaped to 4 axes, (0, 1, 3, 2)     TRANSPOSE takes four axes
    transpose(reshape(x))                      reshape(transpose(x))                toco crashes, or gives wrong results
"""

from typing import Any, List, Optional, Sequence

import numpy as np

from tasks.quantize.ir.build import FLOAT, INT, RESHAPES, reshape
from tasks.quantize.ir.change import Change
from tasks.quantize.ir.editable_graph import EditableGraph
from tasks.quantize.ir.nodes import Node
from tasks.quantize.kernels.uint8_kernels import MOST_AXES


def merge_transpose_axes(graph: EditableGraph) -> List[Change]:
    """Reduces transposes of more than MOST_AXES axes to at most MOST_AXES, where this is possible: axes that stay
    neighbours are merged, as in a channel shuffle (0, 1, 2, 4, 3), and axes of one element are dropped."""
    changes = []
    for node in graph.of_type("Transpose"):
        order, shape = graph.value(node.inputs[1]), graph.shapes[node.inputs[0]]
        if order is None or not shape or len(shape) <= MOST_AXES or None in shape[1:] or order[0] != 0 or (
                node.get("T") != FLOAT):
            continue
        kept = [axis for axis in range(len(shape)) if axis == 0 or shape[axis] != 1]
        groups = _neighbours([kept.index(axis) for axis in order if axis in kept])
        if len(groups[0]) > 1 and len(groups) < MOST_AXES:
            groups[:1] = [groups[0][:1], groups[0][1:]]  # if possible, the batch stays a separate axis
        if len(groups) > MOST_AXES:
            continue
        before = sorted(groups)
        sizes = [int(np.prod([shape[kept[axis]] for axis in group])) for group in before[1:]]
        tensor = reshape(graph, node.inputs[0], sizes, node, "fewer_axes")
        order = [before.index(group) for group in groups]
        transposed = graph.add(Node(graph.free(node.name + "/turned"), "Transpose",
                                [tensor, graph.constant(node.name + "/order", order, np.int32)],
                                {"T": FLOAT, "Tperm": INT}, layer=node.layer),
                           (None, *[sizes[place - 1] for place in order[1:]]))
        graph.replace(node.name, reshape(graph, transposed.name, graph.known_shape(node.name)[1:], node, "all_axes"))
        changes.append(Change(node.name, "the transpose of {layer} becomes one of fewer axes, between two reshapes"))
    return changes


def _neighbours(order: Sequence[int]) -> List[List[int]]:
    """The axes in their new order, in groups of axes that are neighbours in the old order, too."""
    groups: List[List[int]] = []
    for axis in order:
        if groups and axis == groups[-1][-1] + 1:
            groups[-1].append(axis)
        else:
            groups.append([axis])
    return groups


def transpose_before_reshape(graph: EditableGraph) -> List[Change]:
    """Moves each transpose before a reshape that only adds or removes axes of one element.

    toco would exchange the two with faulty code: it reads beyond the end of a list, and aborts with
    `axis >= 0 (-511763232 vs. 0)` or `new_major_index_ordering.size() == ...`.
    """
    changes = []
    for node in graph.of_type("Transpose"):
        order, source = graph.value(node.inputs[1]), _before_reshapes(graph, node.inputs[0])
        if order is None or order[0] != 0 or source == node.inputs[0] or node.get("T") != FLOAT or None in (
                graph.shapes[source], graph.shapes[node.inputs[0]]):
            continue
        exchanged = _order_before(graph.known_shape(source), graph.known_shape(node.inputs[0]), order)
        if exchanged is None:
            continue
        tensor, shape = source, graph.known_shape(source)
        if exchanged != list(range(len(shape))):
            order = graph.constant(node.name + "/order", exchanged, np.int32)
            tensor = graph.add(Node(graph.free(node.name + "/first"), "Transpose", [source, order],
                                    {"T": FLOAT, "Tperm": INT}, layer=node.layer),
                               tuple(shape[axis] for axis in exchanged)).name
        graph.replace(node.name, reshape(graph, tensor, graph.known_shape(node.name)[1:], node, "axes"))
        changes.append(Change(node.name, "the transpose of {layer} is done before the reshape that it follows"))
    return changes


def _before_reshapes(graph: EditableGraph, tensor: str) -> str:
    """The tensor before the chain of reshapes that computes this tensor."""
    while graph.producer(tensor).op in RESHAPES and None not in (graph.shapes[tensor] or (None, None))[1:]:
        tensor = graph.producer(tensor).inputs[0]
    return tensor


def _order_before(before: Sequence[Any], after: Sequence[Any], order: Sequence[int]) -> Optional[List[int]]:
    """The order of the axes of the shape `before` that corresponds to `order` for the shape `after`. None where the two
    shapes differ in more than axes of one element."""
    major = [axis for axis, size in enumerate(before) if axis and size != 1]
    in_after = [axis for axis, size in enumerate(after) if axis and size != 1]
    if [before[axis] for axis in major] != [after[axis] for axis in in_after]:
        return None
    in_before = dict(zip(in_after, major))
    minor = [axis for axis, size in enumerate(before) if axis and size == 1]
    return [0] + minor + [in_before[axis] for axis in order if axis in in_before]
