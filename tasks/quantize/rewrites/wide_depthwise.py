"""Depthwise layers of more channels than the 1.14 kernel can count, by narrower ones.

    depthwise(x), 2688 channels      concat(depthwise(x[..., :2048]), depthwise(x[..., 2048:]))
    x * 1 + 0, all channels alike    the same on half as many channels of an image that is twice as wide

The kernel adds up in a buffer of 2,048 numbers, as many pixels at a time as fit: with more channels that is none,
and DEPTHWISE_CONV_2D never returns. toco has no complaint.
"""

from typing import List, Optional

from tasks.quantize.ir.build import joined, part, reshape
from tasks.quantize.ir.change import Change
from tasks.quantize.ir.editable_graph import SATURATE, Net, Node
from tasks.quantize.ir.toco_rules import dilated_layer
from tasks.quantize.kernels.table import RELUS

MOST_CHANNELS = 2048
CHANNELWISE = ("DepthwiseConv2dNative", "BiasAdd")


def split_wide_depthwise(net: Net) -> List[Change]:
    """No depthwise layer makes more than MOST_CHANNELS channels. What is fused with one is fused with each."""
    found = []
    for layer in net.of_type("DepthwiseConv2dNative"):
        weights = net.value(layer.inputs[1])
        if weights is None or weights.shape[2] * weights.shape[3] <= MOST_CHANNELS:
            continue
        kernel = _kernel(net, layer)
        tensor = _beside_each_other(net, layer, kernel) or _in_parts(net, layer, kernel)
        net.replace(kernel[-1].name, tensor)
        found.append(Change(layer.name, "the depthwise convolution of {layer} is split: it makes too many channels"))
    return found


def _beside_each_other(net: Net, layer: Node, kernel: List[Node]) -> Optional[str]:
    """What the kernel makes, made with fewer channels: where it does the same to every channel of every pixel."""
    height, width, channels = net.shapes[layer.name][1:]
    narrow = max(size for size in range(1, MOST_CHANNELS + 1) if channels % size == 0)
    constants = [net.value(node.inputs[1]) for node in kernel if node.op in CHANNELWISE]
    if net.value(layer.inputs[1]).shape != (1, 1, channels, 1) or narrow == 1 or kernel[0] is not layer or any(
            value.min() != value.max() for value in constants):
        return None
    image = (height, width * channels // narrow, narrow)
    tensor = reshape(net, layer.inputs[0], image, layer, "narrow")
    for node in kernel:
        tensor = _narrowed(net, node, tensor, 0, narrow, (None,) + image)
    return reshape(net, tensor, (height, width, channels), layer, "wide")


def _in_parts(net: Net, layer: Node, kernel: List[Node]) -> str:
    """What the kernel makes, made in as few parts as hold all channels."""
    depth, multiplier = net.value(layer.inputs[1]).shape[2:]
    width, parts = MOST_CHANNELS // multiplier, []
    for begin in range(0, depth, width):
        end = min(begin + width, depth)
        tensor = part(net, kernel[0].inputs[0], 3, begin, end - begin, layer)
        for node in kernel:
            shape = net.shapes[node.name]
            each = shape[3] // depth  # 1 before the layer, its multiplier from then on
            tensor = _narrowed(net, node, tensor, begin * each, end * each, shape[:3] + ((end - begin) * each,))
        parts.append(tensor)
    return joined(net, parts, 3, layer)


def _kernel(net: Net, layer: Node) -> List[Node]:
    """The layer and what becomes one kernel with it, in order."""
    found, after = [layer], net.only_reader(layer.name)
    if after is not None and dilated_layer(net, after.name) is not None:
        found, after = [net.producer(layer.inputs[0]), layer, after], net.only_reader(after.name)
    while after is not None and (after.op in ("BiasAdd",) + RELUS or after.mark == SATURATE):
        found.append(after)
        after = net.only_reader(after.name)
    return found


def _narrowed(net: Net, node: Node, tensor: str, first: int, last: int, shape) -> str:
    """The name of a copy of the node for some of its channels, which reads `tensor` and makes that shape."""
    inputs = [tensor] + node.inputs[1:]
    if node.op in CHANNELWISE:
        value, use = net.value(node.inputs[1]), (node.inputs[1], first, last)
        if use not in net.shared:  # a layer that is used twice stays one layer
            channels = value.reshape(value.shape[:-2] + (-1,))[..., first:last]
            net.shared[use] = net.constant(node.inputs[1] + "/channels", channels if value.ndim == 1 else
                                           channels.reshape(value.shape[:2] + (-1, value.shape[3])))
        inputs[1] = net.shared[use]
    copy = Node(net.free(node.name + "/part"), node.op, inputs, node.attr, layer=node.layer, mark=node.mark)
    return net.add(copy, shape).name
