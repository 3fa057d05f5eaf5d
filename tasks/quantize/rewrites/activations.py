"""Activations whose 1.14 kernel is missing or wrong, by ones whose kernel is right.

    leaky_relu(x)         max(x, alpha * x)                  LEAKY_RELU mis-scales: 106 LSB measured
    relu(x), alone        relu fused with x * 1 + 0          RELU: `Only float32 is supported`
    max(x, y), min(x, y)  the same, inputs in one range      MAXIMUM mis-scales: 128 LSB measured

PReLU and swish come as sums and products of these.
"""

from typing import Dict, List, Tuple

import numpy as np

from tasks.quantize.ir.build import binary
from tasks.quantize.ir.change import Change
from tasks.quantize.ir.editable_graph import SATURATE, Net, Node
from tasks.quantize.kernels.table import FOLLOWS, FUSES_BIAS, FUSES_RELU, RELUS, SUMS, TABLE
from tasks.quantize.ranges.trained_range import ANYTHING

EXTREMES = ("Maximum", "Minimum")
FUSING = FUSES_RELU + ("Affine",)
GATE = 10.0
"""A factor that is never larger leaves a product near what it multiplies: sigmoids and softmax, their hard forms."""
UNIT = ("Sigmoid", "Tanh", "Softmax")
"""What lies between -1 and 1."""
LAYER_ENDS = FUSES_BIAS + ("BiasAdd", "Affine")
"""What a layer with a bias is, whose kernel takes any range."""


def expand_leaky_relu(net: Net) -> List[Change]:
    """No LeakyRelu is left."""
    found = []
    for node in net.of_type("LeakyRelu"):
        alpha = node.get("alpha").f
        small = binary(net, "Mul", node.inputs[0], net.constant(node.name + "/alpha", alpha), node)
        # Whatever alpha is: TensorFlow's own kernel is max(x, alpha * x), above 1 too.
        net.replace(node.name, binary(net, "Maximum", node.inputs[0], small, node))
        found.append(Change(node.name, "LeakyReLU of {layer} becomes max(x, alpha * x)"))
    return found


def requantize_before_relu(net: Net) -> List[Change]:
    """Every ReLU stands behind a node that toco fuses it with."""
    found = []
    for relu in net.of_type(*RELUS):
        before = net.producer(relu.inputs[0])
        if before.op not in FUSING or net.only_reader(relu.inputs[0]) is not relu:
            net.set_input(relu, 0, net.identity(relu.inputs[0]))
            found.append(Change(relu.name, "the ReLU of {layer} gets a depthwise convolution by 1 to be fused with"))
    return found


def requantize_before_extremes(net: Net) -> List[Change]:
    """What goes into a Maximum or Minimum is read by nothing else, and can take the range of the result.

    Of a LeakyReLU, `max(x, alpha * x)` with alpha in 0..1, x itself has the range, in which both sides lie.
    """
    found = []
    for node in (node for node in net.of_type(*EXTREMES) if not node.mark):
        for index, tensor in enumerate(node.inputs):
            if not _takes_a_range(net, tensor, node) and not is_leaky(net, node, tensor):
                net.set_input(node, index, net.identity(tensor))
                found.append(Change(
                    node.name, "an operand of the {} of {{layer}} is converted to the result's range".format(node.op)))
    return found


def requantize_before_sigmoid(net: Net) -> List[Change]:
    """No Sigmoid or Tanh reads a sum or a large product: it is right up to a scale of 16, whatever comes, and these
    cannot be given a range far narrower than their operands have. Nor do these or a softmax read an input of the
    network, whose range is what it is: below a scale of 5e-4 they are wrong.

    Without it a product of two tensors up to 1,000 ends the interpreter's process: `quantized_multiplier`.
    """
    found: List[Change] = []
    apart: Dict[str, str] = {}
    for node in net.of_type("Sigmoid", "Tanh", "Softmax", "LogSoftmax"):
        tensor = node.inputs[0]
        is_input = _behind_moves(net, tensor).name in net.inputs
        if is_input or (node.op in ("Sigmoid", "Tanh") and _is_sum(net, tensor)):
            if tensor not in apart:
                apart[tensor] = net.identity(tensor)
            net.set_input(node, 0, apart[tensor])
            found.append(Change(node.name, "the input of the {} of {{layer}} gets a range of its own".format(node.op)))
    return found


def _is_sum(net: Net, tensor: str) -> bool:
    """Whether a sum or a product computes the tensor, or a LeakyReLU of one, or what is moved and averaged to it."""
    node = _behind_moves(net, tensor)
    if node.op in EXTREMES and not node.mark:
        return any(_is_sum(net, each) for each in node.inputs)
    return node.op in SUMS or is_large_product(net, tensor)


def is_large_product(net: Net, tensor: str) -> bool:
    """Whether the tensor is a product, perhaps moved and averaged; not where a factor is a gate and the other is no
    large product itself."""
    node = _behind_moves(net, tensor)
    if node.op != "Mul" or node.mark:
        return False
    large = [each for each in node.inputs if max(np.abs(_between(net, each))) > GATE]
    return len(large) == 2 or any(is_large_product(net, each) for each in large)


def _between(net: Net, tensor: str) -> Tuple[float, float]:
    """Between which reals the tensor lies, whatever comes in."""
    node = net.producer(tensor)
    if node.op in UNIT:
        return -1.0, 1.0
    if node.op == "Clamp":
        return node.low, node.high
    follows = node.op in TABLE and TABLE[node.op].kind == FOLLOWS
    if not (follows or node.op in RELUS or node.mark == SATURATE or node.op == "Affine"):
        return ANYTHING
    low, high = _between(net, node.inputs[TABLE[node.op].data[0] if follows else 0])
    if follows:
        return min(low, 0.0), max(high, 0.0)  # a pad's zeros
    if node.op in RELUS:
        return max(low, 0.0), min(max(high, 0.0), 6.0 if node.op == "Relu6" else np.inf)
    if node.mark == SATURATE:
        bound = float(net.value(node.inputs[1]))
        return (max(low, bound), max(high, bound)) if node.op == "Maximum" else (min(low, bound), min(high, bound))
    if not np.isfinite(high - low):
        return ANYTHING
    ends = [node.scale * end + node.shift for end in (low, high)]
    return float(np.min(ends)), float(np.max(ends))


def _behind_moves(net: Net, tensor: str) -> Node:
    """What computes the tensor, before it is moved and averaged."""
    node = computed_by(net, tensor)
    while node.op in TABLE and TABLE[node.op].kind == FOLLOWS:
        node = computed_by(net, node.inputs[TABLE[node.op].data[0]])
    return node


def _takes_a_range(net: Net, tensor: str, node: Node) -> bool:
    """Whether the tensor is a layer's, or such an extreme's itself, that nothing else reads.

    A clamp is done by a range of its own. A sum and a product, which a LeakyReLU leaves in its range, shift by 32 bits
    and more in one far above those of their operands, which is undefined (SUB from 4e-6 to 0.13 gave 255 for 0).
    """
    before = net.producer(tensor)
    if net.only_reader(tensor) is not node:
        return False
    if before.op in EXTREMES:
        return not before.mark and all(computed_by(net, each).op not in (*SUMS, "Mul") for each in before.inputs)
    return computed_by(net, tensor).op in LAYER_ENDS


def computed_by(net: Net, tensor: str) -> Node:
    """What computes the tensor, before the activation that is fused with it."""
    node = net.producer(tensor)
    while node.op in RELUS:
        node = net.producer(node.inputs[0])
    return node


def is_leaky(net: Net, node: Node, tensor: str) -> bool:
    """Whether `node` is max(tensor, alpha * tensor), alpha in 0..1, and with that reads it alone."""
    if node.op != "Maximum" or net.producer(tensor).op not in FUSING or tensor in net.outputs:
        return False
    others = [reader for reader in net.readers[tensor] if reader is not node]
    return (len(others) == 1 and others[0].op == "Affine" and net.only_reader(others[0].name) is node
            and not others[0].shift.any() and bool(np.all((others[0].scale >= 0) & (others[0].scale <= 1))))
