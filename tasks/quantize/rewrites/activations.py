"""Replaces activations whose 1.14 kernel is missing or wrong by others whose kernel is correct.

    leaky_relu(x)         max(x, alpha * x)                  LEAKY_RELU uses a wrong scale: 106 LSB off
    relu(x), alone        relu fused with x * 1 + 0          RELU: `Only float32 is supported`
    max(x, y), min(x, y)  the same, inputs in one range      MAXIMUM ignores different scales: 128 LSB off

PReLU and swish are sums and products of these.
"""

from typing import Dict, List, Tuple

import numpy as np

from tasks.quantize.ir.build import binary
from tasks.quantize.ir.change import Change
from tasks.quantize.ir.editable_graph import EditableGraph
from tasks.quantize.ir.nodes import SATURATE, Affine, Clamp, Node
from tasks.quantize.ir.toco_rules import leaky_input
from tasks.quantize.kernels.uint8_kernels import FOLLOWS, FUSES_BIAS, FUSES_RELU, RELUS, SUMS, TABLE
from tasks.quantize.ranges.trained_range import ANYTHING

EXTREMES = ("Maximum", "Minimum")
FUSING = FUSES_RELU + ("Affine",)
GATE = 10.0
"""If one factor lies within -GATE..GATE (as a sigmoid, softmax or hard sigmoid does), the product is at most GATE times
as large as the other factor."""
UNIT = ("Sigmoid", "Tanh", "Softmax")
"""Operations whose result lies between -1 and 1."""
LAYER_ENDS = FUSES_BIAS + ("BiasAdd", "Affine")
"""Possible last operations of a layer. The kernel of a layer can produce its result in any range."""


def expand_leaky_relu(graph: EditableGraph) -> List[Change]:
    """Replaces each LeakyRelu by max(x, alpha * x)."""
    changes = []
    for node in graph.of_type("LeakyRelu"):
        alpha = node.get("alpha").f
        small = binary(graph, "Mul", node.inputs[0], graph.constant(node.name + "/alpha", alpha), node)
        # For any alpha: TensorFlow's own kernel computes max(x, alpha * x) for alpha > 1, too.
        graph.replace(node.name, binary(graph, "Maximum", node.inputs[0], small, node))
        changes.append(Change(node.name, "LeakyReLU of {layer} becomes max(x, alpha * x)"))
    return changes


def requantize_before_relu(graph: EditableGraph) -> List[Change]:
    """Inserts x * 1 + 0 before each ReLU that toco could not fuse with the node before it."""
    changes = []
    for relu in graph.of_type(*RELUS):
        before = graph.producer(relu.inputs[0])
        if before.op not in FUSING or graph.only_reader(relu.inputs[0]) is not relu:
            graph.set_input(relu, 0, graph.identity(relu.inputs[0]))
            changes.append(Change(relu.name, "the ReLU of {layer} is fused with a new depthwise convolution by 1"))
    return changes


def requantize_before_extremes(graph: EditableGraph) -> List[Change]:
    """Requantizes each operand of a Maximum or Minimum that other nodes read too, or that cannot have the range of the
    result.

    In a LeakyReLU, `max(x, alpha * x)` with alpha in 0..1, x already has the range of the result, and both operands lie
    in it.
    """
    changes = []
    for node in (node for node in graph.of_type(*EXTREMES) if not node.mark):
        for index, tensor in enumerate(node.inputs):
            if not _takes_a_range(graph, tensor, node) and not is_leaky(graph, node, tensor):
                graph.set_input(node, index, graph.identity(tensor))
                changes.append(Change(
                    node.name, "an operand of the {} of {{layer}} is converted to the result's range".format(node.op)))
    return changes


def requantize_before_sigmoid(graph: EditableGraph) -> List[Change]:
    """Requantizes sums and large products before a Sigmoid or Tanh, and inputs of the network before a Softmax, Sigmoid
    or Tanh.

    LOGISTIC and TANH are right up to a scale of 16, but a sum or a product cannot have a range that is far narrower
    than those of its operands. All three kernels are wrong below a scale of 5e-4, and an input's range is fixed.
    Without this pass, a product of two tensors up to 1,000 aborts the interpreter's process (`quantized_multiplier`).
    """
    changes: List[Change] = []
    requantized: Dict[str, str] = {}
    for node in graph.of_type("Sigmoid", "Tanh", "Softmax", "LogSoftmax"):
        tensor = node.inputs[0]
        is_input = _behind_moves(graph, tensor).name in graph.inputs
        if is_input or (node.op in ("Sigmoid", "Tanh") and _is_sum(graph, tensor)):
            if tensor not in requantized:
                requantized[tensor] = graph.identity(tensor)
            graph.set_input(node, 0, requantized[tensor])
            changes.append(Change(node.name, "the input of the {} of {{layer}} gets its own range".format(node.op)))
    return changes


def _is_sum(graph: EditableGraph, tensor: str) -> bool:
    """Whether the tensor is a sum or a large product, or a LeakyReLU of one, looking through moves and averages."""
    node = _behind_moves(graph, tensor)
    if node.op in EXTREMES and not node.mark:
        return any(_is_sum(graph, operand) for operand in node.inputs)
    return node.op in SUMS or is_large_product(graph, tensor)


def is_large_product(graph: EditableGraph, tensor: str) -> bool:
    """Whether the tensor is a product, looking through moves and averages. A product with a factor within GATE is large
    only where the other factor is a large product."""
    node = _behind_moves(graph, tensor)
    if node.op != "Mul" or node.mark:
        return False
    large = [factor for factor in node.inputs if max(np.abs(_between(graph, factor))) > GATE]
    return len(large) == 2 or any(is_large_product(graph, factor) for factor in large)


def _between(graph: EditableGraph, tensor: str) -> Tuple[float, float]:
    """(low, high): bounds of the tensor for any input of the network."""
    node = graph.producer(tensor)
    if node.op in UNIT:
        return -1.0, 1.0
    if isinstance(node, Clamp):
        return node.low, node.high
    follows = node.op in TABLE and TABLE[node.op].kind == FOLLOWS
    if not (follows or node.op in RELUS or node.mark == SATURATE or node.op == "Affine"):
        return ANYTHING
    low, high = _between(graph, node.inputs[_data_input(node)])
    if follows:
        return min(low, 0.0), max(high, 0.0)  # a pad adds zeros
    if node.op in RELUS:
        return max(low, 0.0), min(max(high, 0.0), 6.0 if node.op == "Relu6" else np.inf)
    if node.mark == SATURATE:
        bound = float(graph.known_value(node.inputs[1]))
        return (max(low, bound), max(high, bound)) if node.op == "Maximum" else (min(low, bound), min(high, bound))
    if not np.isfinite(high - low) or not isinstance(node, Affine):
        return ANYTHING
    ends = [node.scale * end + node.shift for end in (low, high)]
    return float(np.min(ends)), float(np.max(ends))


def _data_input(node: Node) -> int:
    """The index of the data input of a node that moves or averages data; 0 for any other node."""
    kernel = TABLE.get(node.op)
    return kernel.data_input if kernel is not None and kernel.kind == FOLLOWS else 0


def _behind_moves(graph: EditableGraph, tensor: str) -> Node:
    """The node that computes the tensor, looking through moves, averages and fused ReLUs."""
    node = computed_by(graph, tensor)
    while node.op in TABLE and TABLE[node.op].kind == FOLLOWS:
        node = computed_by(graph, node.inputs[_data_input(node)])
    return node


def _takes_a_range(graph: EditableGraph, tensor: str, node: Node) -> bool:
    """Whether the tensor can take the range of `node`'s result: only `node` reads it, and it is the output of a layer
    or of another Maximum or Minimum.

    A clamp cannot: its range ends at its bounds. A sum or product, or a LeakyReLU of one, cannot: in a range far wider
    than those of its operands, the kernel shifts by 32 bits or more, which is undefined (SUB from a scale of 4e-6 to
    0.13 gave 255 for 0).
    """
    before = graph.producer(tensor)
    if graph.only_reader(tensor) is not node:
        return False
    if before.op in EXTREMES:
        return not before.mark and all(computed_by(graph, operand).op not in (*SUMS, "Mul")
                                       for operand in before.inputs)
    return computed_by(graph, tensor).op in LAYER_ENDS


def computed_by(graph: EditableGraph, tensor: str) -> Node:
    """The node that computes the tensor, looking through ReLUs that are fused with it."""
    node = graph.producer(tensor)
    while node.op in RELUS:
        node = graph.producer(node.inputs[0])
    return node


def is_leaky(graph: EditableGraph, node: Node, tensor: str) -> bool:
    """Whether `node` is max(tensor, alpha * tensor) with alpha in 0..1, and nothing else reads the operands."""
    if node.op != "Maximum" or graph.producer(tensor).op not in FUSING or tensor in graph.outputs:
        return False
    others = [reader for reader in graph.readers[tensor] if reader is not node]
    if len(others) != 1 or leaky_input(graph, node.name) != tensor or graph.only_reader(others[0].name) is not node:
        return False
    product = others[0]
    return (isinstance(product, Affine) and not product.shift.any()
            and bool(np.all((product.scale >= 0) & (product.scale <= 1))))
