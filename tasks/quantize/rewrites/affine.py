"""Turns batch norm, bias and all other per-channel arithmetic by constants into one form, Affine, and folds it.

    FusedBatchNorm(x)            \\
    x * a, x / a, x + b, x - b    >   Affine: x * scale + shift for each channel
    BiasAdd(x), -x               /

    layer -> Affine              layer with weights * scale -> BiasAdd(shift)
    Affine -> Affine             one Affine
    Squeeze -> Affine            Affine -> Squeeze        (a 1-D convolution, a dense layer on 3 axes)
    Affine alone                 depthwise 1x1 convolution -> BiasAdd

All ways of writing batch norm, fused or not, with or without a bias, before or after a layer, are treated alike
(w' = w * scale, b' = b * scale + shift: Jacob et al. 2018, arXiv:1712.05877, section 3.2). An Affine without a layer to
fold it into becomes a depthwise convolution, which has an int32 accumulator and an int32 bias; a uint8 MUL and a uint8
ADD would round twice.

Without these passes, toco says `Array FusedBatchNorm_mul_0 ... is lacking min/max data`.
"""

from typing import List, Optional

import numpy as np
import tensorflow as tf

from tasks.quantize.ir.build import FLOAT, RESHAPES, reshape
from tasks.quantize.ir.change import Change
from tasks.quantize.ir.editable_graph import EditableGraph
from tasks.quantize.ir.nodes import SATURATE, Affine, Node
from tasks.quantize.ir.toco_rules import dilated_layer
from tasks.quantize.kernels.layers import LAYERS, for_outputs
from tasks.quantize.kernels.uint8_kernels import RELUS

BATCH_NORMS = ("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3")
BY_CONSTANT = ("Mul", "Add", "AddV2", "Sub", "RealDiv", "BiasAdd", "Neg")


def recognize_affine(graph: EditableGraph) -> List[Change]:
    """Turns all per-channel arithmetic by constants into Affines."""
    changes = []
    for node in graph.of_type(*BATCH_NORMS + BY_CONSTANT):
        affine = _batch_norm(graph, node) if node.op in BATCH_NORMS else _by_constant(graph, node)
        if affine is not None and not node.mark:
            graph.add(affine, graph.shapes[node.name])
            graph.replace(node.name, affine.name)
            what = "batch norm" if node.op in BATCH_NORMS else node.op + " with a constant"
            changes.append(Change(node.name, what + " of {layer} becomes x * scale + shift for each channel"))
    return changes


def _batch_norm(graph: EditableGraph, node: Node) -> Optional[Affine]:
    values = node.inputs[1:5]
    if node.get("is_training").b or node.get("data_format").s == b"NCHW" or any(
            graph.value(name) is None for name in values):
        return None
    gamma, beta, mean, variance = (graph.known_value(name).astype(np.float64) for name in values)
    with np.errstate(invalid="ignore"):  # for a variance below 0, expect_finite names the layer
        scale = gamma / np.sqrt(variance + node.get("epsilon").f)
    return _affine(graph, node, node.inputs[0], scale, beta - mean * scale)


def _by_constant(graph: EditableGraph, node: Node) -> Optional[Affine]:
    if node.get("T") != FLOAT or node.get("data_format").s == b"NCHW":
        return None
    source = node.inputs[0]
    shape = graph.shapes[node.name] or (None,)
    channels = shape[-1]
    if channels is None or len(shape) > 4 and None in shape[1:]:  # no kernel could compute it
        return None
    ones, zeros = np.ones(channels), np.zeros(channels)
    if node.op == "Neg":
        return _affine(graph, node, source, -ones, zeros)
    by = _vector(graph.value(node.inputs[1]), channels)
    if by is None and node.op in ("Mul", "Add", "AddV2", "Sub"):
        source, by = node.inputs[1], _vector(graph.value(node.inputs[0]), channels)
        if by is not None and node.op == "Sub":
            return _affine(graph, node, source, -ones, by)
    if by is None or graph.value(source) is not None or graph.shapes[source] != graph.shapes[node.name]:
        return None
    if node.op == "RealDiv" and not by.all():
        return None
    return _affine(graph, node, source, *{
        "Mul": (by, zeros), "RealDiv": (1 / np.where(by, by, 1), zeros), "Sub": (ones, -by)}.get(
            node.op, (ones, by)))


def _affine(graph: EditableGraph, node: Node, source: str, scale: np.ndarray, shift: np.ndarray) -> Affine:
    return Affine(graph.free(node.name + "/affine"), source, scale, shift, layer=node.layer)


def _vector(value: Optional[np.ndarray], channels: int) -> Optional[np.ndarray]:
    """The constant as one number for each channel, [channels]; None where it has another form."""
    if value is None or value.size not in (1, channels) or value.shape[-1:] not in ((), (1,), (channels,)):
        return None
    return np.broadcast_to(value.reshape(-1), [channels]).astype(np.float64)


def merge_affine(graph: EditableGraph) -> List[Change]:
    """Merges each Affine with the Affine before it, and moves it before moves of data that keep the channels."""
    changes = []
    for affine in graph.of_class(Affine):
        while True:
            before = graph.producer(affine.inputs[0])
            if graph.only_reader(before.name) is not affine:
                break
            if isinstance(before, Affine):
                affine.shift = affine.shift + before.shift * affine.scale
                affine.scale = affine.scale * before.scale
                graph.set_input(affine, 0, before.inputs[0])
                graph.remove(before)
                changes.append(Change(affine.name, "x * scale + shift of {layer} and the one before it become one"))
            elif _move_before(graph, affine, before):
                changes.append(Change(affine.name, "x * scale + shift of {layer} is done before a reshape"))
            else:
                break
    return changes


def fold_affine(graph: EditableGraph) -> List[Change]:
    """Folds each Affine into the weights and the bias of the layer before it, where nothing else reads the layer."""
    changes = []
    for affine in graph.of_class(Affine):
        before = graph.producer(affine.inputs[0])
        if graph.only_reader(before.name) is not affine:
            continue
        layer = before
        if before.op == "BatchToSpaceND":
            layer = graph.producer(before.inputs[0])
            if dilated_layer(graph, before.name) is None or graph.only_reader(layer.name) is not before:
                continue
        if layer.op in LAYERS and _fold_into(graph, layer, before, affine):
            changes.append(Change(affine.name, "x * scale + shift of {{layer}} goes into the weights and the bias of "
                                              "the {} before it".format(layer.op)))
    return changes


def _move_before(graph: EditableGraph, affine: Affine, move: Node) -> bool:
    """Exchanges the Affine with the move of data before it. False, and no change, where `move` is none that keeps the
    channels."""
    shape = graph.shapes[move.inputs[0]] if _is_move(graph, move) else None
    if not shape or shape[-1] != len(affine.scale) or move.inputs[0] in graph.inputs:
        return False
    graph.replace(affine.name, move.name)
    graph.set_input(affine, 0, move.inputs[0])
    graph.set_input(move, 0, affine.name)
    graph.shapes[affine.name] = shape
    return True


def _is_move(graph: EditableGraph, node: Node) -> bool:
    return node.op in RESHAPES or node.op == "BatchToSpaceND" and dilated_layer(graph, node.name) is None


def _fold_into(graph: EditableGraph, layer: Node, before: Node, affine: Affine) -> bool:
    """Folds the Affine into the layer. False, and no change, where the weights are no constant. before: the layer, or
    the BatchToSpaceND that belongs to it."""
    index = LAYERS[layer.op].weights
    weights = graph.value(layer.inputs[index])
    if weights is None:
        return False
    # A layer that is used twice keeps one constant of weights where the same Affine follows each use.
    use = layer.inputs[index], affine.scale.tobytes()
    if use not in graph.shared:
        scaled = weights * for_outputs(layer.op, weights, affine.scale)
        graph.shared[use] = graph.constant(layer.name + "/weights", scaled)
    graph.set_input(layer, index, graph.shared[use])
    if not LAYERS[layer.op].fuses_bias:
        if not affine.shift.any():
            graph.replace(affine.name, layer.name)
        affine.scale = np.ones_like(affine.scale)
        return True
    graph.replace(affine.name, bias_add(graph, before.name, affine, graph.shared[use]))
    return True


def bias_add(graph: EditableGraph, tensor: str, affine: Affine, weights: str) -> str:
    """The name of a BiasAdd of the Affine's shift to `tensor`, the output of a layer with these weights."""
    use = weights, affine.shift.tobytes()
    if use not in graph.shared:
        graph.shared[use] = graph.constant(affine.name + "/bias", affine.shift)
    return graph.add(Node(graph.free(affine.name + "/BiasAdd"), "BiasAdd", [tensor, graph.shared[use]],
                          {"T": FLOAT, "data_format": tf.AttrValue(s=b"NHWC")}, layer=affine.layer),
                     graph.shapes[tensor]).name


def relu_before_reshape(graph: EditableGraph) -> List[Change]:
    """Moves each ReLU before the moves of data between it and its layer, so that toco can fuse it."""
    changes = []
    for relu in graph.of_type(*RELUS):
        while True:
            move = graph.producer(relu.inputs[0])
            if not _is_move(graph, move) or graph.only_reader(move.name) is not relu or move.inputs[0] in graph.inputs:
                break
            graph.replace(relu.name, move.name)
            graph.set_input(relu, 0, move.inputs[0])
            graph.set_input(move, 0, relu.name)
            graph.shapes[relu.name] = graph.shapes[relu.inputs[0]]
            changes.append(Change(relu.name, "the ReLU of {layer} is done before a reshape"))
    return changes


def affine_to_depthwise(graph: EditableGraph) -> List[Change]:
    """Turns each remaining Affine into a depthwise 1x1 convolution with a bias.

    A tensor of another rank is reshaped to an image, and back after the ReLU or clamp that is fused with the layer."""
    changes = []
    for affine in graph.of_class(Affine):
        shape, channels = graph.known_shape(affine.name), len(affine.scale)
        image = shape if len(shape) == 4 else (None, 1, int(np.prod(shape[1:-1], dtype=int)), channels)
        source = affine.inputs[0] if image == shape else reshape(graph, affine.inputs[0], image[1:], affine, "to_image")
        weights = graph.constant(affine.name + "/weights", affine.scale.reshape([1, 1, channels, 1]))
        ones = tf.AttrValue(list=tf.AttrValue.ListValue(i=[1, 1, 1, 1]))
        layer = graph.add(Node(graph.free(affine.name + "/depthwise"), "DepthwiseConv2dNative", [source, weights],
                               {"T": FLOAT, "strides": ones, "dilations": ones, "padding": tf.AttrValue(s=b"VALID"),
                                "data_format": tf.AttrValue(s=b"NHWC")}, layer=affine.layer, mark=affine.mark), image)
        last = graph.producer(bias_add(graph, layer.name, affine, weights))
        last.mark = affine.mark
        graph.replace(affine.name, last.name)
        if image != shape:
            after = graph.only_reader(last.name)
            while after is not None and (after.op in RELUS or after.mark == SATURATE):
                graph.shapes[after.name] = image
                last, after = after, graph.only_reader(after.name)
            back = reshape(graph, last.name, shape[1:], affine, "from_image")
            graph.replace(last.name, back, but=[graph.nodes[back]])
        changes.append(Change(affine.name, "x * scale + shift of {layer} becomes a depthwise 1x1 convolution"))
    return changes
