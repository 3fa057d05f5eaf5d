"""Bilinear resizes become kernels that round.

    resize_bilinear(x), height and width times n / d     average of n x n pixels, d apart, of
                                                         resize_nearest_neighbor(x) to n times the size

RESIZE_BILINEAR truncates: on average a fifth to a third of a code too little, which a layer behind it adds up, and
which neither the fake-quantized graph nor later runtimes do. A window that hangs over the lower or right edge averages
what is there, which is what the resize gives the last pixels; one that hung over the upper or left edge would not, so d
is at least n - 1. To four times the size could be done by twice to twice the size, but that rounds twice: on a random
picture it was hardly nearer to the exact values than RESIZE_BILINEAR is, and to eight times the size farther.
"""

from fractions import Fraction
from typing import List, Optional

import numpy as np
import tensorflow as tf

from tasks.quantize.ir.build import FLOAT
from tasks.quantize.ir.change import Change
from tasks.quantize.ir.editable_graph import EditableGraph
from tasks.quantize.ir.nodes import Node

LARGEST = 3  # n and d: the nearest resize makes n * n times as many values as come in, and d * d times what comes out


def replace_bilinear_resizes(graph: EditableGraph) -> List[Change]:
    """No ResizeBilinear is left, by pixels' corners, whose values lie half way or by thirds between two pixels.

    That is: the height and the width become each 2, 3/2, 1, 2/3, 1/2 or 1/3 times what they were, and one of them not
    by whole pixels.
    """
    found = []
    for node in graph.of_type("ResizeBilinear"):
        times = _times(graph, node)
        if times is not None:
            graph.replace(node.name, _averaged(graph, node, times))
            found.append(Change(
                node.name, "the bilinear resize of {layer} becomes a nearest resize and an average pool"))
    return found


def _times(graph: EditableGraph, node: Node) -> Optional[List[Fraction]]:
    """How many times as large the height and width become, where that is known and averages of pixels can do it."""
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
    window, apart = (tf.AttrValue(list=tf.AttrValue.ListValue(i=[1, *sides, 1])) for sides in (
        [factor.numerator for factor in times], [factor.denominator for factor in times]))
    return graph.add(Node(graph.free(node.name + "/average"), "AvgPool", [nearest.name],
                          {"T": FLOAT, "ksize": window, "strides": apart, "padding": tf.AttrValue(s=b"SAME"),
                           "data_format": tf.AttrValue(s=b"NHWC")}, layer=node.layer), graph.shapes[node.name]).name
