"""Batch norm, bias and every other arithmetic by constants for each channel, in one form.

    FusedBatchNorm(x)            \\
    x * a, x / a, x + b, x - b    >   Affine: x * scale + shift for each channel
    BiasAdd(x), -x               /

    layer -> Affine              layer with weights * scale -> BiasAdd(shift)
    Affine -> Affine             one Affine
    Squeeze -> Affine            Affine -> Squeeze        (a 1-D convolution, a dense layer on 3 axes)
    Affine alone                 depthwise 1x1 convolution -> BiasAdd

So every way of writing batch norm, fused or not, with a bias before it or without, in front of a layer or
behind it, goes one way (w' = w * scale, b' = b * scale + shift: Jacob et al. 2018, arXiv:1712.05877,
section 3.2). One that has no layer to go into is a layer itself: a depthwise convolution has an int32
accumulator and an int32 bias, where a uint8 MUL and a uint8 ADD would round twice.

Without it: `Array FusedBatchNorm_mul_0 ... is lacking min/max data`.
"""

from typing import List, Optional

import numpy as np
import tensorflow as tf

from tasks.quantize.ir.build import FLOAT, RESHAPES, reshape
from tasks.quantize.ir.change import Change
from tasks.quantize.ir.editable_graph import SATURATE, Affine, Net, Node
from tasks.quantize.ir.toco_rules import dilated_layer
from tasks.quantize.kernels.layers import LAYERS, for_outputs
from tasks.quantize.kernels.table import RELUS

BATCH_NORMS = ("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3")
BY_CONSTANT = ("Mul", "Add", "AddV2", "Sub", "RealDiv", "BiasAdd", "Neg")


def recognize_affine(net: Net) -> List[Change]:
    """Every arithmetic by constants for each channel is an Affine."""
    found = []
    for node in net.of_type(*BATCH_NORMS + BY_CONSTANT):
        affine = _batch_norm(net, node) if node.op in BATCH_NORMS else _by_constant(net, node)
        if affine is not None and not node.mark:
            net.add(affine, net.shapes[node.name])
            net.replace(node.name, affine.name)
            what = "batch norm" if node.op in BATCH_NORMS else node.op + " with a constant"
            found.append(Change(node.name, what + " of {layer} becomes x * scale + shift for each channel"))
    return found


def _batch_norm(net: Net, node: Node) -> Optional[Affine]:
    values = [net.value(name) for name in node.inputs[1:5]]
    if node.get("is_training").b or node.get("data_format").s == b"NCHW" or any(
            value is None for value in values):
        return None
    gamma, beta, mean, variance = (value.astype(np.float64) for value in values)
    with np.errstate(invalid="ignore"):  # a variance below 0 is told by its layer when all is folded
        scale = gamma / np.sqrt(variance + node.get("epsilon").f)
    return _affine(net, node, node.inputs[0], scale, beta - mean * scale)


def _by_constant(net: Net, node: Node) -> Optional[Affine]:
    if node.get("T") != FLOAT or node.get("data_format").s == b"NCHW":
        return None
    source = node.inputs[0]
    shape = net.shapes[node.name] or (None,)
    channels = shape[-1]
    if channels is None or len(shape) > 4 and None in shape[1:]:  # nothing could be made of it that has a kernel
        return None
    ones, zeros = np.ones(channels), np.zeros(channels)
    if node.op == "Neg":
        return _affine(net, node, source, -ones, zeros)
    by = _vector(net.value(node.inputs[1]), channels)
    if by is None and node.op in ("Mul", "Add", "AddV2", "Sub"):
        source, by = node.inputs[1], _vector(net.value(node.inputs[0]), channels)
        if by is not None and node.op == "Sub":
            return _affine(net, node, source, -ones, by)
    if by is None or net.value(source) is not None or net.shapes[source] != net.shapes[node.name]:
        return None
    if node.op == "RealDiv" and not by.all():
        return None
    return _affine(net, node, source, *{
        "Mul": (by, zeros), "RealDiv": (1 / np.where(by, by, 1), zeros), "Sub": (ones, -by)}.get(
            node.op, (ones, by)))


def _affine(net: Net, node: Node, source: str, scale, shift) -> Affine:
    return Affine(net.free(node.name + "/affine"), source, scale, shift, layer=node.layer)


def _vector(value: Optional[np.ndarray], channels: int) -> Optional[np.ndarray]:
    """A constant as one number a channel, or None where it is another kind of constant."""
    if value is None or value.size not in (1, channels) or value.shape[-1:] not in ((), (1,), (channels,)):
        return None
    return np.broadcast_to(value.reshape(-1), [channels]).astype(np.float64)


def merge_affine(net: Net) -> List[Change]:
    """No Affine stands behind another, or behind a move of data that keeps the channels together."""
    found = []
    for affine in net.of_type("Affine"):
        while True:
            before = net.producer(affine.inputs[0])
            if net.only_reader(before.name) is not affine:
                break
            if before.op == "Affine":
                affine.shift = affine.shift + before.shift * affine.scale
                affine.scale = affine.scale * before.scale
                net.set_input(affine, 0, before.inputs[0])
                net.remove(before)
                found.append(Change(affine.name, "x * scale + shift of {layer} and the one before it become one"))
            elif _moved_before(net, affine, before):
                found.append(Change(affine.name, "x * scale + shift of {layer} is done before a reshape"))
            else:
                break
    return found


def fold_affine(net: Net) -> List[Change]:
    """No Affine is left that has a layer before it to go into."""
    folded = []
    for affine in net.of_type("Affine"):
        before = net.producer(affine.inputs[0])
        if net.only_reader(before.name) is not affine:
            continue
        layer = before
        if before.op == "BatchToSpaceND":
            layer = net.producer(before.inputs[0])
            if dilated_layer(net, before.name) is None or net.only_reader(layer.name) is not before:
                continue
        if layer.op in LAYERS and _absorbed(net, layer, before, affine):
            folded.append(Change(affine.name, "x * scale + shift of {{layer}} goes into the weights and the bias of "
                                              "the {} before it".format(layer.op)))
    return folded


def _moved_before(net: Net, affine: Affine, move: Node) -> bool:
    """Whether the Affine now stands before a move of data that kept its channels together."""
    shape = net.shapes[move.inputs[0]] if _is_move(net, move) else None
    if not shape or shape[-1] != len(affine.scale) or move.inputs[0] in net.inputs:
        return False
    net.replace(affine.name, move.name)
    net.set_input(affine, 0, move.inputs[0])
    net.set_input(move, 0, affine.name)
    net.shapes[affine.name] = shape
    return True


def _is_move(net: Net, node: Node) -> bool:
    return node.op in RESHAPES or node.op == "BatchToSpaceND" and dilated_layer(net, node.name) is None


def _absorbed(net: Net, layer: Node, before: Node, affine: Affine) -> bool:
    index = LAYERS[layer.op].weights
    weights = net.value(layer.inputs[index])
    if weights is None:
        return False
    # A layer that is used twice stays one layer, when what follows its uses is the same too.
    use = layer.inputs[index], affine.scale.tobytes()
    if use not in net.shared:
        net.shared[use] = net.constant(layer.name + "/weights", weights * for_outputs(layer.op, weights, affine.scale))
    net.set_input(layer, index, net.shared[use])
    if not LAYERS[layer.op].fuses_bias:
        if not affine.shift.any():
            net.replace(affine.name, layer.name)
        affine.scale = np.ones_like(affine.scale)
        return True
    net.replace(affine.name, bias_add(net, before.name, affine, net.shared[use]))
    return True


def bias_add(net: Net, tensor: str, affine: Affine, weights: str) -> str:
    """The name of a BiasAdd of the Affine's shift to `tensor`, the output of a layer with these weights."""
    use = weights, affine.shift.tobytes()
    if use not in net.shared:
        net.shared[use] = net.constant(affine.name + "/bias", affine.shift)
    return net.add(Node(net.free(affine.name + "/BiasAdd"), "BiasAdd", [tensor, net.shared[use]],
                        {"T": FLOAT, "data_format": tf.AttrValue(s=b"NHWC")}, layer=affine.layer),
                   net.shapes[tensor]).name


def relu_before_reshape(net: Net) -> List[Change]:
    """A ReLU stands right behind the layer that it can be fused with, not behind a move of its data."""
    found = []
    for relu in net.of_type(*RELUS):
        while True:
            move = net.producer(relu.inputs[0])
            if not _is_move(net, move) or net.only_reader(move.name) is not relu or move.inputs[0] in net.inputs:
                break
            net.replace(relu.name, move.name)
            net.set_input(relu, 0, move.inputs[0])
            net.set_input(move, 0, relu.name)
            net.shapes[relu.name] = net.shapes[relu.inputs[0]]
            found.append(Change(relu.name, "the ReLU of {layer} is done before a reshape"))
    return found


def affine_to_depthwise(net: Net) -> List[Change]:
    """Every Affine that is left is a depthwise 1x1 convolution with a bias; what is fused with that on tensors
    of another rank than an image's stands before the way back from an image."""
    found = []
    for affine in net.of_type("Affine"):
        shape, channels = net.shapes[affine.name], len(affine.scale)
        image = shape if len(shape) == 4 else (None, 1, int(np.prod(shape[1:-1], dtype=int)), channels)
        source = affine.inputs[0] if image == shape else reshape(net, affine.inputs[0], image[1:], affine, "to_image")
        weights = net.constant(affine.name + "/weights", affine.scale.reshape([1, 1, channels, 1]))
        ones = tf.AttrValue(list=tf.AttrValue.ListValue(i=[1, 1, 1, 1]))
        layer = net.add(Node(net.free(affine.name + "/depthwise"), "DepthwiseConv2dNative", [source, weights],
                             {"T": FLOAT, "strides": ones, "dilations": ones, "padding": tf.AttrValue(s=b"VALID"),
                              "data_format": tf.AttrValue(s=b"NHWC")}, layer=affine.layer, mark=affine.mark), image)
        last = net.producer(bias_add(net, layer.name, affine, weights))
        last.mark = affine.mark
        net.replace(affine.name, last.name)
        if image != shape:
            after = net.only_reader(last.name)
            while after is not None and (after.op in RELUS or after.mark == SATURATE):
                net.shapes[after.name] = image
                last, after = after, net.only_reader(after.name)
            back = reshape(net, last.name, shape[1:], affine, "from_image")
            net.replace(last.name, back, but=[net.nodes[back]])
        found.append(Change(affine.name, "x * scale + shift of {layer} becomes a depthwise 1x1 convolution"))
    return found
