"""Splits depthwise layers with more channels than the 1.14 kernel supports.

    depthwise(x), 2688 channels      concat(depthwise(x[..., :2048]), depthwise(x[..., 2048:]))
    x * 1 + 0, all channels alike    the same on half as many channels of an image that is twice as wide

The kernel accumulates in a buffer of 2,048 numbers and processes as many pixels at a time as fit. With more channels no
pixel fits, and DEPTHWISE_CONV_2D never returns. toco does not report this.
"""

from typing import Any, List, Optional, Tuple

from tasks.quantize.ir.build import joined, part, reshape
from tasks.quantize.ir.change import Change
from tasks.quantize.ir.editable_graph import EditableGraph
from tasks.quantize.ir.nodes import SATURATE, Node
from tasks.quantize.ir.toco_rules import dilated_layer
from tasks.quantize.kernels.uint8_kernels import RELUS

MOST_CHANNELS = 2048
CHANNELWISE = ("DepthwiseConv2dNative", "BiasAdd")


def split_wide_depthwise(graph: EditableGraph) -> List[Change]:
    """Splits each depthwise layer of more than MOST_CHANNELS channels, with the operations that are fused with it."""
    changes = []
    for layer in graph.of_type("DepthwiseConv2dNative"):
        weights = graph.value(layer.inputs[1])
        if weights is None or weights.shape[2] * weights.shape[3] <= MOST_CHANNELS:
            continue
        kernel = _kernel(graph, layer)
        tensor = _with_wider_image(graph, layer, kernel) or _in_parts(graph, layer, kernel)
        graph.replace(kernel[-1].name, tensor)
        changes.append(Change(layer.name, "the depthwise convolution of {layer} is split: it has too many channels"))
    return changes


def _with_wider_image(graph: EditableGraph, layer: Node, kernel: List[Node]) -> Optional[str]:
    """The name of a tensor with the same values, computed with fewer channels and more pixels. None where the layer
    does not treat all channels alike."""
    height, width, channels = graph.known_shape(layer.name)[1:]
    narrow = max(size for size in range(1, MOST_CHANNELS + 1) if channels % size == 0)
    constants = [graph.known_value(node.inputs[1]) for node in kernel if node.op in CHANNELWISE]
    if graph.known_value(layer.inputs[1]).shape != (1, 1, channels, 1) or narrow == 1 or kernel[0] is not layer or any(
            value.min() != value.max() for value in constants):
        return None
    image = (height, width * channels // narrow, narrow)
    tensor = reshape(graph, layer.inputs[0], image, layer, "narrow")
    for node in kernel:
        tensor = _narrowed(graph, node, tensor, 0, narrow, (None,) + image)
    return reshape(graph, tensor, (height, width, channels), layer, "wide")


def _in_parts(graph: EditableGraph, layer: Node, kernel: List[Node]) -> str:
    """The name of a tensor with the same values, computed in as few parts as possible."""
    depth, multiplier = graph.known_value(layer.inputs[1]).shape[2:]
    width, parts = MOST_CHANNELS // multiplier, []
    for begin in range(0, depth, width):
        end = min(begin + width, depth)
        tensor = part(graph, kernel[0].inputs[0], 3, begin, end - begin, layer)
        for node in kernel:
            shape = graph.known_shape(node.name)
            times = shape[3] // depth  # 1 before the layer, its multiplier from there on
            tensor = _narrowed(graph, node, tensor, begin * times, end * times, shape[:3] + ((end - begin) * times,))
        parts.append(tensor)
    return joined(graph, parts, 3, layer)


def _kernel(graph: EditableGraph, layer: Node) -> List[Node]:
    """The nodes that become one kernel with the layer, in order."""
    nodes, after = [layer], graph.only_reader(layer.name)
    if after is not None and dilated_layer(graph, after.name) is not None:
        nodes, after = [graph.producer(layer.inputs[0]), layer, after], graph.only_reader(after.name)
    while after is not None and (after.op in ("BiasAdd",) + RELUS or after.mark == SATURATE):
        nodes.append(after)
        after = graph.only_reader(after.name)
    return nodes


def _narrowed(graph: EditableGraph, node: Node, tensor: str, first: int, last: int,
              shape: Tuple[Any, ...]) -> str:
    """The name of a copy of the node for its channels first to last - 1, which reads `tensor`. shape: the copy's."""
    inputs = [tensor] + node.inputs[1:]
    if node.op in CHANNELWISE:
        value, use = graph.known_value(node.inputs[1]), (node.inputs[1], first, last)
        if use not in graph.shared:  # a layer that is used twice keeps one constant of weights
            channels = value.reshape(value.shape[:-2] + (-1,))[..., first:last]
            graph.shared[use] = graph.constant(node.inputs[1] + "/channels", channels if value.ndim == 1 else
                                               channels.reshape(value.shape[:2] + (-1, value.shape[3])))
        inputs[1] = graph.shared[use]
    copy = Node(graph.free(node.name + "/part"), node.op, inputs, node.attr, layer=node.layer, mark=node.mark)
    return graph.add(copy, shape).name
