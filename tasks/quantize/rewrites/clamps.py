"""Implements clamps to constants by ranges that end at the bounds, so that codes saturate there.

    min(max(x, -1), 2)      x, in a range that lies within [-1, 2]
    max(x, 0.5)             max(x - 0.5, 0) + 0.5
    max(x, c), c a tensor   relu(x - c) + c                  min(x, c): c - relu(c - x)

`ReLU(max_value)`, clip, hard sigmoid and hard swish consist of these. toco reads the constant of a quantized MAXIMUM as
if it were float (RemoveTrivialQuantizedMinMax): the same graph converts to a file that clamps and, the next time, to
one that does not. With a constant of several values, toco aborts (`Check failed: clamp_value_buffer.Length() == 1`).
"""

from typing import Any, List

import numpy as np

from octet.errors import QuantizeError
from tasks.quantize.ir.build import FLOAT, binary
from tasks.quantize.ir.change import Change
from tasks.quantize.ir.editable_graph import EditableGraph
from tasks.quantize.ir.nodes import SATURATE, Affine, Clamp, Node
from tasks.quantize.ir.toco_rules import is_read_alone
from tasks.quantize.kernels.layers import LAYERS, within_outputs
from tasks.quantize.kernels.uint8_kernels import FUSES_BIAS, RELUS
from tasks.quantize.ranges.trained_range import CUT
from tasks.quantize.rewrites.activations import EXTREMES, computed_by, is_large_product

MOST_GAIN = 400.0
"""Largest gain, and largest bias, of a layer into which a clamp may be fused, relative to the clamp's narrower bound.
With it, the result for an input up to 10,000 fits into 32 bits, in codes of the clamp's range."""
MOST_GAIN_OF_A_PRODUCT = 4.0
"""MOST_GAIN for a layer that reads a large product, whose values may be up to 1,000,000."""
FAR = 0.5
"""A clamp whose narrower bound is below this is done in two steps: in codes of its range, 32 bits hold only values up
to half a million. A clamp of a tensor that other nodes read too (`toco_rules.is_read_alone`) is done in two steps as
well, because the tensor's range may not be cut."""
ENDLESS = 1e30
"""A bound above this counts as no bound, as in clip(x, 0, tf.float32.max). CUT times a bound below it is a finite
float32."""
NARROW = 0.13
"""The scale of a narrower range is too fine for some kernels (uint8_kernels.TABLE): a clamp to it is requantized to a
wider range."""


def split_clip_by_value(graph: EditableGraph) -> List[Change]:
    """Replaces each ClipByValue by a Minimum and a Maximum."""
    changes = []
    for node in graph.of_type("ClipByValue"):
        value, low, high = node.inputs
        graph.replace(node.name, binary(graph, "Maximum", binary(graph, "Minimum", value, high, node), low, node))
        changes.append(Change(node.name, "clip_by_value of {layer} becomes Minimum and Maximum"))
    return changes


def recognize_clamps(graph: EditableGraph) -> List[Change]:
    """Replaces each Maximum and Minimum with a constant: chains of scalar bounds by one Clamp whose bounds include 0,
    bounds of several values by a ReLU of the difference."""
    changes = []
    for node in (node for node in graph.of_type(*EXTREMES) if not node.mark):
        for tensor, bound in (node.inputs, node.inputs[::-1]):
            value = graph.value(bound)
            if value is not None:
                if value.size == 1 and graph.shapes[tensor] == graph.shapes[node.name]:
                    _clamp(graph, node, tensor, float(value.reshape(-1)[0]))
                    changes.append(Change(node.name, node.op + " with a constant of {layer} becomes a clamp"))
                else:
                    _by_relu(graph, node, tensor, bound)
                    changes.append(Change(node.name, node.op + " with a constant of {layer} becomes a ReLU"))
                break
    for clamp in graph.of_class(Clamp):
        if clamp.low == clamp.high:
            raise QuantizeError(
                "layer {} has a constant output".format(clamp.layer), where="model.build",
                why="its clamps give {} for any input".format(clamp.low),
                next_step="set its minimum below its maximum")
        _around_zero(graph, clamp)
    return changes


def _clamp(graph: EditableGraph, node: Node, tensor: str, bound: float) -> None:
    bound = bound if abs(bound) < ENDLESS else float(np.copysign(np.inf, bound))
    low, high = (bound, np.inf) if node.op == "Maximum" else (-np.inf, bound)
    before = graph.producer(tensor)
    if isinstance(before, Clamp) and graph.only_reader(tensor) is node:
        low, high = (max(low, min(before.low, high)), min(high, max(before.high, low)))
        tensor = before.inputs[0]
    clamp = Clamp(graph.free(node.name + "/clamp"), tensor, low, high, node.layer)
    graph.add(clamp, graph.shapes[node.name])
    graph.replace(node.name, clamp.name)


def _by_relu(graph: EditableGraph, node: Node, tensor: str, bound: str) -> None:
    sides = (tensor, bound) if node.op == "Maximum" else (bound, tensor)
    beyond = graph.add(Node(graph.free(node.name + "/Relu"), "Relu", [binary(graph, "Sub", *sides, like=node)],
                            {"T": FLOAT}, layer=node.layer), graph.shapes[node.name]).name
    graph.replace(node.name, binary(graph, "Add" if node.op == "Maximum" else "Sub", bound, beyond, node))


def _around_zero(graph: EditableGraph, clamp: Clamp) -> None:
    """Replaces a clamp whose bounds exclude 0 by one whose bounds include 0, between two shifts."""
    offset = min(clamp.high, max(clamp.low, 0.0))
    if not offset:
        return
    name = graph.constant(clamp.name + "/offset", offset)
    moved = Clamp(graph.free(clamp.name + "/moved"), binary(graph, "Sub", clamp.inputs[0], name, clamp),
                  clamp.low - offset, clamp.high - offset, clamp.layer)
    graph.add(moved, graph.shapes[clamp.name])
    graph.replace(clamp.name, binary(graph, "Add", moved.name, name, clamp))


def saturate_clamps(graph: EditableGraph) -> List[Change]:
    """Turns each Clamp into a Minimum and a Maximum that the range of their input implements. Inserts a requantization
    where the node before it cannot have this range."""
    changes = []
    for clamp in graph.of_class(Clamp):
        tensor = clamp.inputs[0]
        if graph.producer(tensor).op in RELUS and clamp.high > 0:
            clamp.low = max(clamp.low, 0.0)
        side = _narrow_side(clamp)
        if graph.only_reader(tensor) is not clamp or not _ends_in(graph, computed_by(graph, tensor), side):
            if side < FAR or (np.isfinite(side) and not is_read_alone(graph, tensor)):
                tensor = _saturated(graph, graph.identity(tensor), clamp, CUT)
            tensor = graph.identity(tensor)
        tensor = _saturated(graph, tensor, clamp)
        graph.replace(clamp.name, graph.identity(tensor) if side < NARROW else tensor)
        changes.append(Change(clamp.name, "the clamp of {layer} becomes the limits of a tensor's range"))
    return changes


def _saturated(graph: EditableGraph, tensor: str, clamp: Clamp, times: float = 1.0) -> str:
    """The name of a new tensor: `tensor`, clamped to `times` the clamp's bounds."""
    for op, bound in (("Minimum", clamp.high), ("Maximum", clamp.low)):
        if np.isfinite(bound):
            limit = graph.constant("{}/{}/bound".format(clamp.name, op), times * bound)
            tensor = binary(graph, op, tensor, limit, clamp)
            graph.producer(tensor).mark = SATURATE
    return tensor


def _narrow_side(clamp: Clamp) -> float:
    """The distance from 0 to the nearer bound that is not 0: the width of the range if all data is on that side.

    Infinite where one side has no bound: the range is then as wide as the data needs.
    """
    if not np.isfinite(clamp.high - clamp.low):
        return np.inf
    return min(abs(bound) for bound in (clamp.low, clamp.high) if bound)


def _ends_in(graph: EditableGraph, node: Node, side: float) -> bool:
    """Whether the node's kernel can produce its result in a range whose narrower end is `side` from 0: a layer with a
    small enough gain can.

    A product cannot: its multiplier would exceed 1, which aborts the process. A sum wraps at 128 times the distance. A
    mean is a layer with the mark REQUANTIZE, whose input may be far outside the range.
    """
    if node.mark:
        return node.op == "Affine" and side >= FAR and is_read_alone(graph, node.inputs[0])
    bias: Any = 0.0
    layer = node
    if node.op == "BiasAdd":
        bias, layer = graph.value(node.inputs[1]), graph.producer(node.inputs[0])
        if layer.op == "BatchToSpaceND":
            layer = graph.producer(layer.inputs[0])
    if isinstance(layer, Affine):
        gains = [layer.scale, layer.shift]
    elif layer.op in FUSES_BIAS:
        weights = graph.value(layer.inputs[LAYERS[layer.op].weights])
        if weights is None or bias is None:
            return False
        gains = [np.abs(weights).sum(within_outputs(layer.op, weights)), bias]
    else:
        return False
    most = MOST_GAIN_OF_A_PRODUCT if is_large_product(graph, layer.inputs[0]) else MOST_GAIN
    return max(float(np.abs(gain).max()) for gain in gains) <= most * side
