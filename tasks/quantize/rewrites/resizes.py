"""Bilinear resizes by kernels that round.

    resize_bilinear(x), to twice the height and width     average of 2x2 pixels of resize_nearest_neighbor(x)

RESIZE_BILINEAR truncates: half a code too little wherever it lies between two, which a layer behind it adds up, and
which later runtimes do not do. The average over what is there of a window that hangs over the lower and right edges is
what the resize makes of the last pixels. To four times the size is twice to twice the size.
"""

from typing import List, Optional

import numpy as np
import tensorflow as tf

from tasks.quantize.net import Net, Node
from tasks.quantize.rewrites.arithmetic import FLOAT


def bilinear(net: Net) -> List[str]:
    """No ResizeBilinear is left that makes height and width 1, 2, 4, 8 ... times as large, by pixels' corners."""
    found = []
    for node in net.of_type("ResizeBilinear"):
        times = _times(net, node)
        if times is None:
            continue
        tensor = node.inputs[0]
        while max(times) > 1:
            step = [min(each, 2) for each in times]
            tensor = _doubled(net, node, tensor, step)
            times = [each // done for each, done in zip(times, step)]
        net.replace(node.name, tensor)
        found.append(node.name)
    return found


def _times(net: Net, node: Node) -> Optional[List[int]]:
    """How many times as large the height and width become, if both are powers of 2 and one is more than 1."""
    size, shape = net.value(node.inputs[1]), net.shapes[node.inputs[0]]
    if size is None or not shape or None in shape[1:] or node.get("T") != FLOAT or any(
            node.attr[name].b for name in ("align_corners", "half_pixel_centers") if name in node.attr):
        return None
    times = [int(after) // before for after, before in zip(size, shape[1:3])]
    whole = all(before * each == after for before, each, after in zip(shape[1:3], times, size))
    return times if whole and max(times) > 1 and all(each & (each - 1) == 0 for each in times) else None


def _doubled(net: Net, node: Node, tensor: str, step: List[int]) -> str:
    samples, height, width, channels = net.shapes[tensor]
    shape = (samples, height * step[0], width * step[1], channels)
    size = net.constant(node.name + "/size", shape[1:3], np.int32)
    nearest = net.add(Node(net.free(node.name + "/nearest"), "ResizeNearestNeighbor", [tensor, size],
                           {"T": FLOAT, "align_corners": tf.AttrValue(b=False)}, layer=node.layer), shape)
    window, ones = (tf.AttrValue(list=tf.AttrValue.ListValue(i=each)) for each in ([1, *step, 1], [1, 1, 1, 1]))
    return net.add(Node(net.free(node.name + "/average"), "AvgPool", [nearest.name],
                        {"T": FLOAT, "ksize": window, "strides": ones, "padding": tf.AttrValue(s=b"SAME"),
                         "data_format": tf.AttrValue(s=b"NHWC")}, layer=node.layer), shape).name
