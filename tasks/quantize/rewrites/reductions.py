"""Turns means and sums into convolutions with constant weights.

    mean over height and width       depthwise convolution, weights 1 / (height * width)
    mean over the channels           1x1 convolution to one channel, weights 1 / channels
    sum                              the same, weights 1

The MEAN kernel is right only if its output has the range of its input. A mean over many values uses few codes of that
range, and the kernel truncates. With another output range, its codes wrap (124 became 1), as those of SUM do. A layer
accumulates in int32 and rounds once, into its own range.
"""

from typing import Any, List, Optional, Sequence, Tuple

import numpy as np
import tensorflow as tf

from tasks.quantize.ir.build import FLOAT, reshape
from tasks.quantize.ir.change import Change
from tasks.quantize.ir.editable_graph import EditableGraph
from tasks.quantize.ir.nodes import REQUANTIZE, Node


def reductions_to_convolutions(graph: EditableGraph) -> List[Change]:
    """Replaces each Mean and Sum, except those over the batch."""
    changes = []
    for node in graph.of_type("Mean", "Sum"):
        shape, axes = graph.shapes[node.inputs[0]], graph.value(node.inputs[1])
        if node.mark or shape is None or axes is None or None in shape[1:]:
            continue
        axes = sorted({int(axis) % len(shape) for axis in np.reshape(axes, [-1])})
        if not axes or axes[0] == 0:
            continue
        tensor = node.inputs[0]
        if len(shape) > 4:
            shape, axes = _merged_axes(shape, axes)
            if len(shape) > 4:
                continue
            tensor = reshape(graph, tensor, shape[1:], node, "fewer_axes")
        graph.replace(node.name, _reduced(graph, node, tensor, shape, axes))
        changes.append(Change(node.name, _description(
            node, graph.known_shape(node.inputs[0]), graph.known_value(node.inputs[1]))))
    return changes


def _description(node: Node, shape: Sequence[Optional[int]], axes: np.ndarray) -> str:
    """The text of the change. shape: that of the node's input."""
    reduced = {int(axis) % len(shape) for axis in np.reshape(axes, [-1])}
    made = [kind for kind, there in (("a depthwise convolution", reduced - {len(shape) - 1}),
                                     ("a 1x1 convolution", len(shape) - 1 in reduced)) if there]
    if node.op == "Mean" and len(shape) == 4 and reduced == {1, 2}:
        return "global average pooling of {layer} becomes a depthwise convolution"
    return "{} of {{layer}} over axes {} becomes {}".format(
        node.op, ", ".join(map(str, sorted(reduced))), " and ".join(made))


def _merged_axes(shape: Sequence[Any], axes: Sequence[int]) -> Tuple[Tuple[Any, ...], List[int]]:
    """(shape, axes) after merging neighbouring axes that are both reduced or both kept: a volume becomes an image."""
    sizes: List[int] = []
    reduced: List[bool] = []
    for axis, size in enumerate(shape[1:], 1):
        if sizes and reduced[-1] == (axis in axes):
            sizes[-1] *= size
        else:
            sizes.append(size)
            reduced.append(axis in axes)
    return (None, *sizes), [axis for axis, there in enumerate(reduced, 1) if there]


def _reduced(graph: EditableGraph, node: Node, tensor: str, shape: Tuple[Any, ...], axes: Sequence[int]) -> str:
    # To an image, for any rank: axes of size 1 are inserted after the batch.
    extra = 4 - len(shape)
    image = (None,) + (1,) * extra + shape[1:]
    axes = [axis + extra for axis in axes]
    tensor = tensor if not extra else reshape(graph, tensor, image[1:], node, "to_image")
    window = [image[axis] if axis in axes else 1 for axis in (1, 2)]
    share = (lambda count: 1.0 / count) if node.op == "Mean" else (lambda count: 1.0)
    if window != [1, 1]:
        weights = np.full(window + [image[3], 1], share(np.prod(window)))
        image = (None,) + tuple(1 if axis in axes else image[axis] for axis in (1, 2)) + image[3:]
        tensor = _layer(graph, node, "DepthwiseConv2dNative", tensor, weights, window, image)
    if 3 in axes and image[3] > 1:
        weights = np.full([1, 1, image[3], 1], share(image[3]))
        image = image[:3] + (1,)
        tensor = _layer(graph, node, "Conv2D", tensor, weights, [1, 1], image)
    kept = graph.known_shape(node.name)
    return tensor if kept == image else reshape(graph, tensor, kept[1:], node, "from_image")


def _layer(graph: EditableGraph, node: Node, op: str, tensor: str, weights: np.ndarray, window: Sequence[int],
           shape: Tuple[Any, ...]) -> str:
    name = graph.constant("{}/{}/weights".format(node.name, op), weights)
    # The window is as large as the image, so the stride has no effect.
    ones = tf.AttrValue(list=tf.AttrValue.ListValue(i=[1, 1, 1, 1]))
    layer = graph.add(Node(graph.free("{}/{}".format(node.name, op)), op, [tensor, name],
                           {"T": FLOAT, "strides": ones, "dilations": ones, "padding": tf.AttrValue(s=b"VALID"),
                            "data_format": tf.AttrValue(s=b"NHWC")}, layer=node.layer, mark=REQUANTIZE), shape)
    return layer.name

