"""Nodes that hand on their input are gone.

    x -> Identity -> y        x -> y

`tf.contrib.quantize` takes an Identity for an activation and puts a fake-quant on it; swish comes wrapped
in an IdentityN for its gradient.
"""

from typing import List

import numpy as np

from tasks.graph.constants import node_of
from tasks.quantize.ir.change import Change
from tasks.quantize.ir.editable_graph import Net
from tasks.quantize.kernels.table import ELEMENTWISE

PASSING = ("Identity", "IdentityN", "StopGradient", "PreventGradient", "CheckNumerics", "Snapshot",
           "PlaceholderWithDefault", "EnsureShape", "Print")


def remove_identities(net: Net) -> List[Change]:
    """No node of the net hands on its input unchanged."""
    found = []
    for node in net.of_type(*PASSING):
        for index, source in enumerate(node.inputs):
            net.replace(node.name if index == 0 else "{}:{}".format(node.name, index), source)
        if any(net.value(source) is None for source in node.inputs):  # of a constant, freezing has put it there
            found.append(Change(node.name, "{} of {{layer}} is removed".format(node.op)))
    return found


def resolve_constant_branches(net: Net) -> List[Change]:
    """No branch is left whose condition is a constant: what is taken stands in its place, the other is gone.

    A network that asks whether it is being trained has such, when the answer is a constant."""
    dead, found = set(), []
    for node in net.in_order():
        if node.op == "Merge":
            alive = [name for name in node.inputs if name not in dead]
            if not alive:
                dead.update((node.name, node.name + ":1"))
            elif len(alive) == 1 and not net.readers.get(node.name + ":1"):
                net.replace(node.name, alive[0])
                found.append(Change(node.name, "the condition of {layer} is a constant: its one branch is kept"))
        elif node.op == "Switch" and node.inputs[0] not in dead and net.value(node.inputs[1]) is not None:
            taken = bool(net.value(node.inputs[1]))
            ends = [node.name, node.name + ":1"]  # of a condition that is false, of one that is true
            dead.add(ends[not taken])
            net.replace(ends[taken], node.inputs[0])
            found.append(Change(node.name, "the condition of {layer} is a constant: its one branch is kept"))
        elif dead & set(node.inputs):
            dead.update(name for name in [node.name, *net.readers] if node_of(name) == node.name)
    return found


def collapse_broadcast_constants(net: Net) -> List[Change]:
    """No constant of elementwise arithmetic repeats itself along an axis that the other operand has: a picture of
    zeros is one 0, which other rewrites look for."""
    found = []
    for node in net.of_type(*ELEMENTWISE):
        for index, name in enumerate(node.inputs):
            value, other = net.value(name), node.inputs[1 - index]
            if value is None or value.dtype != np.float32 or net.shapes[other] != net.shapes[node.name]:
                continue
            for axis in range(value.ndim):
                first = value.take([0], axis) if value.shape[axis] > 1 else value
                value = first if (value == first).all() else value
            if value.size < net.value(name).size:
                net.set_input(node, index, net.constant(name + "/once", value))
                found.append(Change(node.name, "the repeated constant of {layer} becomes one that is broadcast"))
    return found


def separate_outputs(net: Net) -> List[Change]:
    """Each output of the net is a tensor of its own, and none is an input: it can be named."""
    found = []
    for index, tensor in enumerate(net.outputs):
        if tensor in net.outputs[:index] or node_of(tensor) in net.inputs or ":" in tensor:
            net.outputs[index] = net.identity(tensor)
            found.append(Change(node_of(tensor), "an output of {layer} becomes a tensor of its own"))
    return found
