"""Removes nodes without effect, so that later passes find their patterns.

    x -> Identity -> y        x -> y

`tf.contrib.quantize` mistakes an Identity for an activation and puts a fake-quant on it. tf.nn.swish contains an
IdentityN for its gradient.
"""

from typing import List, Set

import numpy as np

from tasks.graph.constants import node_of
from tasks.quantize.ir.change import Change
from tasks.quantize.ir.editable_graph import EditableGraph
from tasks.quantize.kernels.uint8_kernels import ELEMENTWISE

PASSING = ("Identity", "IdentityN", "StopGradient", "PreventGradient", "CheckNumerics", "Snapshot",
           "PlaceholderWithDefault", "EnsureShape", "Print")


def remove_identities(graph: EditableGraph) -> List[Change]:
    """Removes the nodes that return their input unchanged."""
    changes = []
    for node in graph.of_type(*PASSING):
        for index, source in enumerate(node.inputs):
            graph.replace(node.name if index == 0 else "{}:{}".format(node.name, index), source)
        if any(graph.value(source) is None for source in node.inputs):  # freezing adds the Identities of constants
            changes.append(Change(node.name, "{} of {{layer}} is removed".format(node.op)))
    return changes


def resolve_constant_branches(graph: EditableGraph) -> List[Change]:
    """Replaces each branch with a constant condition by the side that is taken.

    A network whose layers depend on the learning phase has such branches."""
    dead: Set[str] = set()
    changes: List[Change] = []
    for node in graph.in_order():
        if node.op == "Merge":
            alive = [name for name in node.inputs if name not in dead]
            if not alive:
                dead.update((node.name, node.name + ":1"))
            elif len(alive) == 1 and not graph.readers.get(node.name + ":1"):
                graph.replace(node.name, alive[0])
                changes.append(Change(node.name, "the condition of {layer} is a constant: one branch is kept"))
        elif node.op == "Switch" and node.inputs[0] not in dead and graph.value(node.inputs[1]) is not None:
            taken = bool(graph.value(node.inputs[1]))
            ends = [node.name, node.name + ":1"]  # the outputs for false and for true
            dead.add(ends[not taken])
            graph.replace(ends[taken], node.inputs[0])
            changes.append(Change(node.name, "the condition of {layer} is a constant: one branch is kept"))
        elif dead & set(node.inputs):
            dead.update(name for name in [node.name, *graph.readers] if node_of(name) == node.name)
    return changes


def collapse_broadcast_constants(graph: EditableGraph) -> List[Change]:
    """Shrinks constant operands of elementwise arithmetic along axes on which they repeat the same values.

    A picture of zeros becomes a single 0, which other passes look for."""
    changes = []
    for node in graph.of_type(*ELEMENTWISE):
        for index, name in enumerate(node.inputs):
            value, other = graph.value(name), node.inputs[1 - index]
            if value is None or value.dtype != np.float32 or graph.shapes[other] != graph.shapes[node.name]:
                continue
            for axis in range(value.ndim):
                first = value.take([0], axis) if value.shape[axis] > 1 else value
                value = first if (value == first).all() else value
            if value.size < graph.known_value(name).size:
                graph.set_input(node, index, graph.constant(name + "/once", value))
                changes.append(Change(node.name, "the repeated constant of {layer} becomes one that is broadcast"))
    return changes


def separate_outputs(graph: EditableGraph) -> List[Change]:
    """Gives each output a node of its own, which is no input and has the output as its first, so that the node's name
    identifies the output."""
    changes = []
    for index, tensor in enumerate(graph.outputs):
        if tensor in graph.outputs[:index] or node_of(tensor) in graph.inputs or ":" in tensor:
            graph.outputs[index] = graph.identity(tensor)
            changes.append(Change(node_of(tensor), "an output of {layer} becomes a tensor of its own"))
    return changes
