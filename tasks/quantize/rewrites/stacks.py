"""Replaces reductions over a stack of tensors, along a new first axis, by arithmetic of the tensors.

    sum(stack(a, b), 0)       a + b            max(stack(a, b), 0)     max(a, b)        (prod, min likewise)
    mean(stack(a, b), 0)      (a + b) / 2      unstack(stack(a, b))    a, b

`tf.reduce_sum([a, b], 0)` contains such a stack, too. A stack with other readers stays, and is refused later: every
kernel treats the first axis as the batch.
"""

import functools
from typing import List

import numpy as np

from tasks.quantize.ir.build import binary
from tasks.quantize.ir.change import Change
from tasks.quantize.ir.editable_graph import EditableGraph
from tasks.quantize.ir.nodes import Node

REDUCTIONS = {"Sum": "Add", "Mean": "Add", "Prod": "Mul", "Max": "Maximum", "Min": "Minimum"}


def replace_stack_reductions(graph: EditableGraph) -> List[Change]:
    """Replaces each reduction over the first axis of a stack, and each Unpack of a stack."""
    changes = []
    for node in graph.of_type("Unpack", *REDUCTIONS):
        stack = graph.producer(node.inputs[0])
        if stack.op != "Pack" or stack.get("axis").i % (len(graph.shapes[stack.name] or (0,)) or 1) != 0:
            continue
        if node.op == "Unpack":
            if node.get("axis").i == 0:
                for index, tensor in enumerate(stack.inputs):
                    graph.replace(node.name if index == 0 else "{}:{}".format(node.name, index), tensor)
                changes.append(Change(node.name, "unstack of a stack in {layer} becomes the tensors themselves"))
        elif _is_over_the_first_axis(graph, node):
            graph.replace(node.name, _reduced(graph, node, stack.inputs))
            changes.append(Change(node.name, "{} over a stack in {{layer}} becomes {} of the tensors".format(
                node.op, REDUCTIONS[node.op])))
    return changes


def _is_over_the_first_axis(graph: EditableGraph, node: Node) -> bool:
    axes = graph.value(node.inputs[1])
    rank = len(graph.shapes[node.inputs[0]] or ())
    return axes is not None and rank > 0 and [int(axis) % rank for axis in np.reshape(axes, [-1])] == [0] and not (
        node.get("keep_dims").b)


def _reduced(graph: EditableGraph, node: Node, tensors: List[str]) -> str:
    made = functools.reduce(lambda left, right: binary(graph, REDUCTIONS[node.op], left, right, node), tensors)
    if node.op == "Mean":
        made = binary(graph, "Mul", made, graph.constant(node.name + "/share", 1.0 / len(tensors)), node)
    return made
