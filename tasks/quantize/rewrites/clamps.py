"""Clamps to constants: what goes beyond them saturates at the ends of a range.

    min(max(x, -1), 2)      x, in a range that lies within [-1, 2]
    max(x, 0.5)             max(x - 0.5, 0) + 0.5
    max(x, c), c a tensor   relu(x - c) + c                  min(x, c): c - relu(c - x)

`ReLU(max_value)`, clip, hard sigmoid and hard swish are made of these. toco reads the constant of a
quantized MAXIMUM as if it were still float (RemoveTrivialQuantizedMinMax): the same graph converts to a
file that clamps and, at the next try, to one that does not; with a constant of several values it aborts
(`Check failed: clamp_value_buffer.Length() == 1`).
"""

from typing import List

import numpy as np

from octet.errors import QuantizeError
from tasks.quantize.ir.build import FLOAT, binary
from tasks.quantize.ir.change import Change
from tasks.quantize.ir.editable_graph import SATURATE, Clamp, Net, Node
from tasks.quantize.ir.toco_rules import is_read_alone
from tasks.quantize.kernels.layers import LAYERS, within_outputs
from tasks.quantize.kernels.table import FUSES_BIAS, RELUS
from tasks.quantize.ranges.trained_range import CUT
from tasks.quantize.rewrites.activations import EXTREMES, computed_by, is_large_product

MOST_GAIN = 400.0
"""How many times a clamp's narrower side the layer that does it may make of an input of 1, or add as its bias: that of
an input up to 10,000 has room in 32 bits as codes of the clamp's range then."""
MOST_GAIN_OF_A_PRODUCT = 4.0
"""The same for an input up to 1,000,000."""
FAR = 0.5
"""A clamp whose narrower side is less is done in two steps: half a million is as far from it as 32 bits hold. So is one
of a tensor whose range may not be cut to what they hold, for others see it too (`toco_rules.is_read_alone`)."""
ENDLESS = 1e30
"""A bound farther from 0 than this is none, as `tf.float32.max` is meant; CUT times as much is a float32 still."""
NARROW = 0.13
"""What is narrower than this has no scale that every kernel can read (kernels.TABLE); after it comes a wider one."""


def split_clip_by_value(net: Net) -> List[Change]:
    """No ClipByValue is left."""
    found = []
    for node in net.of_type("ClipByValue"):
        value, low, high = node.inputs
        net.replace(node.name, binary(net, "Maximum", binary(net, "Minimum", value, high, node), low, node))
        found.append(Change(node.name, "clip_by_value of {layer} becomes Minimum and Maximum"))
    return found


def recognize_clamps(net: Net) -> List[Change]:
    """No Maximum or Minimum has a constant; what clamps around 0 is a Clamp, one for each chain of them."""
    found = []
    for node in (node for node in net.of_type(*EXTREMES) if not node.mark):
        for tensor, bound in (node.inputs, node.inputs[::-1]):
            value = net.value(bound)
            if value is not None:
                if value.size == 1 and net.shapes[tensor] == net.shapes[node.name]:
                    _clamp(net, node, tensor, float(value.reshape(-1)[0]))
                    found.append(Change(node.name, node.op + " with a constant of {layer} becomes a clamp"))
                else:
                    _by_relu(net, node, tensor, bound)
                    found.append(Change(node.name, node.op + " with a constant of {layer} becomes a ReLU"))
                break
    for clamp in net.of_type("Clamp"):
        if clamp.low == clamp.high:
            raise QuantizeError(
                "layer {} lets one value through".format(clamp.layer), where="model.build",
                why="its clamps leave {} whatever comes in, which no range can hold with others".format(clamp.low),
                next_step="set its least value below its largest one")
        _around_zero(net, clamp)
    return found


def _clamp(net: Net, node: Node, tensor: str, bound: float) -> None:
    bound = bound if abs(bound) < ENDLESS else float(np.copysign(np.inf, bound))
    low, high = (bound, np.inf) if node.op == "Maximum" else (-np.inf, bound)
    before = net.producer(tensor)
    if before.op == "Clamp" and net.only_reader(tensor) is node:
        low, high = (max(low, min(before.low, high)), min(high, max(before.high, low)))
        tensor = before.inputs[0]
    clamp = Clamp(net.free(node.name + "/clamp"), tensor, low, high, node.layer)
    net.add(clamp, net.shapes[node.name])
    net.replace(node.name, clamp.name)


def _by_relu(net: Net, node: Node, tensor: str, bound: str) -> None:
    sides = (tensor, bound) if node.op == "Maximum" else (bound, tensor)
    beyond = net.add(Node(net.free(node.name + "/Relu"), "Relu", [binary(net, "Sub", *sides, like=node)],
                          {"T": FLOAT}, layer=node.layer), net.shapes[node.name]).name
    net.replace(node.name, binary(net, "Add" if node.op == "Maximum" else "Sub", bound, beyond, node))


def _around_zero(net: Net, clamp: Clamp) -> None:
    """A clamp that lets no 0 through is moved to where it does, and its result back."""
    offset = min(clamp.high, max(clamp.low, 0.0))
    if not offset:
        return
    name = net.constant(clamp.name + "/offset", offset)
    moved = Clamp(net.free(clamp.name + "/moved"), binary(net, "Sub", clamp.inputs[0], name, clamp),
                  clamp.low - offset, clamp.high - offset, clamp.layer)
    net.add(moved, net.shapes[clamp.name])
    net.replace(clamp.name, binary(net, "Add", moved.name, name, clamp))


def saturate_clamps(net: Net) -> List[Change]:
    """Every Clamp stands behind a node whose range can do it, as a Minimum and a Maximum that say so."""
    found = []
    for clamp in net.of_type("Clamp"):
        tensor = clamp.inputs[0]
        if net.producer(tensor).op in RELUS and clamp.high > 0:
            clamp.low = max(clamp.low, 0.0)
        side = _narrow_side(clamp)
        if net.only_reader(tensor) is not clamp or not _ends_in(net, computed_by(net, tensor), side):
            if side < FAR or (np.isfinite(side) and not is_read_alone(net, tensor)):
                tensor = _saturated(net, net.identity(tensor), clamp, CUT)
            tensor = net.identity(tensor)
        tensor = _saturated(net, tensor, clamp)
        net.replace(clamp.name, net.identity(tensor) if side < NARROW else tensor)
        found.append(Change(clamp.name, "the clamp of {layer} is done by the ends of a tensor's range"))
    return found


def _saturated(net: Net, tensor: str, clamp: Clamp, times: float = 1.0) -> str:
    """The name of the tensor within so many times the clamp's bounds."""
    for op, bound in (("Minimum", clamp.high), ("Maximum", clamp.low)):
        if np.isfinite(bound):
            tensor = binary(net, op, tensor, net.constant("{}/{}/bound".format(clamp.name, op), times * bound), clamp)
            net.producer(tensor).mark = SATURATE
    return tensor


def _narrow_side(clamp: Clamp) -> float:
    """How far the clamp goes on its narrower side of 0: how wide the range is if the data reach that side only.

    Infinitely far with an open end, where the range is as wide as it needs to be.
    """
    if not np.isfinite(clamp.high - clamp.low):
        return np.inf
    return min(abs(bound) for bound in (clamp.low, clamp.high) if bound)


def _ends_in(net: Net, node: Node, side: float) -> bool:
    """Whether what the node computes can end in a range that is cut to that side of 0: of a layer that makes little
    enough.

    Not a product, which a range too narrow for it kills, nor a sum, which wraps where it is 128 times as far away, nor
    a mean, whose input may be as far away as that of what only requantizes.
    """
    if node.mark:
        return node.op == "Affine" and side >= FAR and is_read_alone(net, node.inputs[0])
    bias, layer = 0.0, node
    if node.op == "BiasAdd":
        bias, layer = net.value(node.inputs[1]), net.producer(node.inputs[0])
        if layer.op == "BatchToSpaceND":
            layer = net.producer(layer.inputs[0])
    if layer.op == "Affine":
        gains = [layer.scale, layer.shift]
    elif layer.op in FUSES_BIAS and net.value(layer.inputs[LAYERS[layer.op].weights]) is not None and bias is not None:
        weights = np.abs(net.value(layer.inputs[LAYERS[layer.op].weights]))
        gains = [weights.sum(within_outputs(layer.op, weights)), bias]
    else:
        return False
    most = MOST_GAIN_OF_A_PRODUCT if is_large_product(net, layer.inputs[0]) else MOST_GAIN
    return max(float(np.abs(gain).max()) for gain in gains) <= most * side
