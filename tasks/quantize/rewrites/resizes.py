"""Replaces bilinear resizes by kernels that round.

    resize_bilinear(x), height and width times n / d     average pool, window n x n, stride d, of
                                                         resize_nearest_neighbor(x) to n times the size

RESIZE_BILINEAR truncates: its results are a fifth to a third of a code too small on average, and the next layer sums
these errors. Neither the fake-quantized graph nor later runtimes truncate. A window that extends beyond the lower or
right edge averages only the pixels inside, which is what the resize computes for the last pixels. At the upper or left
edge this would be wrong, so d is at least n - 1. A resize by 4 could be two resizes by 2, but that rounds twice: on a
random picture, its result was hardly nearer to the exact values than RESIZE_BILINEAR's; for a resize by 8 it was
farther.
"""

from fractions import Fraction
from typing import List, Optional

import numpy as np
import tensorflow as tf

from tasks.quantize.ir.build import FLOAT
from tasks.quantize.ir.change import Change
from tasks.quantize.ir.editable_graph import EditableGraph
from tasks.quantize.ir.nodes import Node

LARGEST = 3  # n and d: the nearest resize has n * n times as many pixels as the input, d * d times those of the output


def replace_bilinear_resizes(graph: EditableGraph) -> List[Change]:
    """Replaces each ResizeBilinear, with neither align_corners nor half_pixel_centers, that scales height and width by
    2, 3/2, 1, 2/3, 1/2 or 1/3, unless it only picks pixels."""
    changes = []
    for node in graph.of_type("ResizeBilinear"):
        times = _times(graph, node)
        if times is not None:
            graph.replace(node.name, _averaged(graph, node, times))
            changes.append(Change(
                node.name, "the bilinear resize of {layer} becomes a nearest resize and an average pool"))
    return changes


def _times(graph: EditableGraph, node: Node) -> Optional[List[Fraction]]:
    """[output / input height, output / input width]; None where this is unknown or the pass does not apply."""
    size, shape = graph.value(node.inputs[1]), graph.shapes[node.inputs[0]]
    if size is None or not shape or None in shape[1:] or node.get("T") != FLOAT or any(
            node.attr[name].b for name in ("align_corners", "half_pixel_centers") if name in node.attr):
        return None
    times = [Fraction(int(after), before) for after, before in zip(size, shape[1:3])]
    near = all(max(factor.numerator, factor.denominator) <= LARGEST and factor.numerator <= factor.denominator + 1
               for factor in times)
    return times if near and max(factor.numerator for factor in times) > 1 else None


def _averaged(graph: EditableGraph, node: Node, times: List[Fraction]) -> str:
    samples, height, width, channels = graph.known_shape(node.inputs[0])
    larger = (samples, height * times[0].numerator, width * times[1].numerator, channels)
    size = graph.constant(node.name + "/size", larger[1:3], np.int32)
    nearest = graph.add(Node(graph.free(node.name + "/nearest"), "ResizeNearestNeighbor", [node.inputs[0], size],
                             {"T": FLOAT, "align_corners": tf.AttrValue(b=False)}, layer=node.layer), larger)
    window, strides = (tf.AttrValue(list=tf.AttrValue.ListValue(i=[1, *sides, 1])) for sides in (
        [factor.numerator for factor in times], [factor.denominator for factor in times]))
    return graph.add(Node(graph.free(node.name + "/average"), "AvgPool", [nearest.name],
                          {"T": FLOAT, "ksize": window, "strides": strides, "padding": tf.AttrValue(s=b"SAME"),
                           "data_format": tf.AttrValue(s=b"NHWC")}, layer=node.layer), graph.shapes[node.name]).name
