"""Batch norm disappears into the layer before it: a trained float graph in, the same function out.

    layer -> [bias] -> batch norm        layer' -> bias'

Every way of writing batch norm is first brought to one form, a Mul and an Add by constants, and
those are then folded: w' = w * scale, b' = b * scale + shift, for each output channel
(Jacob et al. 2018, arXiv:1712.05877, section 3.2).
"""

from typing import List

import numpy as np
import tensorflow as tf

from tasks.quantize.constants import Nodes, constant, fold, name_of

FUSED = ("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3")
SHIFTS = ("BiasAdd", "Add", "AddV2")


# How many of the last axes of a layer's weights count its output channels: [height, width, in, out],
# [height, width, in, multiplier], [in, out].
LAYERS = {"Conv2D": 1, "DepthwiseConv2dNative": 2, "MatMul": 1}


def batch_norm(graph_def: tf.GraphDef, outputs: List[str]) -> tf.GraphDef:
    """The graph with its batch norms folded into the layers before them.

    A batch norm without such a layer stays behind as a Mul and an Add. The graph must be one of
    constants in inference form; the function that it computes is the same up to float rounding.
    """
    graph_def = _as_scale_and_shift(fold(graph_def, outputs))
    while True:
        folded = _fold_one(graph_def, outputs)
        if folded is None:
            return tf.graph_util.extract_sub_graph(graph_def, outputs)
        graph_def = folded


def _as_scale_and_shift(graph_def: tf.GraphDef) -> tf.GraphDef:
    """FusedBatchNorm(x, gamma, beta, mean, variance) as Add(Mul(x, scale), shift)."""
    nodes, plain = Nodes(graph_def), tf.GraphDef(versions=graph_def.versions)
    for node in graph_def.node:
        if node.op not in FUSED:
            plain.node.add().CopyFrom(node)
            continue
        gamma, beta, mean, variance = (nodes.constant(node, index) for index in range(1, 5))
        scale = gamma / np.sqrt(variance + node.attr["epsilon"].f)
        plain.node.extend([
            constant(node.name + "/scale", scale.astype(np.float32)),
            constant(node.name + "/shift", (beta - mean * scale).astype(np.float32)),
            _binary("Mul", node.name + "/scaled", node.input[0], node.name + "/scale"),
            _binary("Add", node.name, node.name + "/scaled", node.name + "/shift")])
    return plain


def _binary(op: str, name: str, left: str, right: str) -> tf.NodeDef:
    node = tf.NodeDef(name=name, op=op, input=[left, right])
    node.attr["T"].type = tf.float32.as_datatype_enum
    return node


def _fold_one(graph_def: tf.GraphDef, outputs: List[str]):
    """The graph with one scale or shift less, or None where there is none left to fold."""
    nodes = Nodes(graph_def)
    for layer in graph_def.node:
        if layer.op not in LAYERS or nodes.constant(layer, 1) is None:
            continue
        if layer.op == "MatMul" and layer.attr["transpose_b"].b:
            continue
        channels = int(np.prod(_channel_axes(layer, nodes.constant(layer, 1))))
        reader = nodes.only_reader(layer)
        if reader is None or layer.name in outputs:
            continue
        if _vector(nodes, reader, ("Mul",), layer, channels) is not None:
            return _absorb(graph_def, nodes, layer, None, reader, channels, outputs)
        if _vector(nodes, reader, SHIFTS, layer, channels) is None:
            continue
        after = None if reader.name in outputs else nodes.only_reader(reader)
        if after is not None and (
                _vector(nodes, after, ("Mul",), reader, channels) is not None
                or _vector(nodes, after, SHIFTS, reader, channels) is not None):
            return _absorb(graph_def, nodes, layer, reader, after, channels, outputs)
        if reader.op != "BiasAdd":
            return _as_bias(graph_def, nodes, layer, reader, channels)
    return None


def _channel_axes(layer: tf.NodeDef, weights: np.ndarray):
    return weights.shape[-LAYERS[layer.op]:]


def _vector(nodes: Nodes, node: tf.NodeDef, ops, left: tf.NodeDef, channels: int):
    """The constant [channels] that `node`, one of `ops`, applies to `left`; else None."""
    if node.op not in ops:
        return None
    for index in (0, 1):
        value = nodes.constant(node, index)
        if value is None or name_of(node.input[1 - index]) != left.name:
            continue
        if value.size in (1, channels) and value.shape[-1:] in ((), (1,), (channels,)):
            return np.broadcast_to(value.reshape(-1), [channels]).astype(np.float32)
    return None


def _absorb(graph_def, nodes, layer, bias, absorbed, channels, outputs) -> tf.GraphDef:
    """`absorbed` (a Mul or a shift behind layer and bias) goes into their constants.

    Where it was an output of the network, the node before it takes its name.
    """
    before = bias if bias is not None else layer
    vector = _vector(nodes, absorbed, ("Mul",) + SHIFTS, before, channels)
    replaced = {}
    if absorbed.op == "Mul":
        weights = nodes.constant(layer, 1)
        replaced[layer.name] = weights * vector.reshape(_channel_axes(layer, weights))
    if bias is not None:
        old = _vector(nodes, bias, SHIFTS, layer, channels)
        replaced[bias.name] = old * vector if absorbed.op == "Mul" else old + vector
    built = _rebuild(graph_def, nodes, replaced, {absorbed.name: before.name})
    if absorbed.name in outputs:
        for node in built.node:
            node.name = absorbed.name if node.name == before.name else node.name
            for index, reference in enumerate(node.input):
                if name_of(reference) == before.name:
                    node.input[index] = absorbed.name
    return built


def _as_bias(graph_def, nodes, layer, shift, channels) -> tf.GraphDef:
    """An Add of a constant per channel is written as the BiasAdd that it is."""
    value = _vector(nodes, shift, SHIFTS, layer, channels)
    return _rebuild(graph_def, nodes, {shift.name: value}, {})


def _rebuild(graph_def, nodes, replaced, renamed) -> tf.GraphDef:
    """A copy with new constants for some nodes, and readers of renamed nodes led elsewhere."""
    built, values = tf.GraphDef(versions=graph_def.versions), {}
    for node in graph_def.node:
        if node.name in renamed:
            continue
        copy = built.node.add()
        copy.CopyFrom(node)
        for index, reference in enumerate(copy.input):
            if name_of(reference) in renamed:
                copy.input[index] = renamed[name_of(reference)]
        if node.name not in replaced:
            continue
        name = node.name + "/folded"
        values[name] = np.ascontiguousarray(replaced[node.name], np.float32)
        if node.op in SHIFTS:
            data = next(reference for index, reference in enumerate(copy.input)
                        if nodes.constant(node, index) is None)
            copy.Clear()
            copy.name, copy.op = node.name, "BiasAdd"
            copy.input.extend([data, name])
            copy.attr["T"].type = tf.float32.as_datatype_enum
            copy.attr["data_format"].s = b"NHWC"
        else:
            copy.input[1] = name
    for name, value in values.items():
        _set_constant(built, name, value)
    return built


def _set_constant(graph_def: tf.GraphDef, name: str, value: np.ndarray) -> None:
    for node in graph_def.node:
        if node.name == name:
            node.CopyFrom(constant(name, value))
            return
    graph_def.node.add().CopyFrom(constant(name, value))
