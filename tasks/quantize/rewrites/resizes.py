"""Bilinear resizes by kernels that round.

    resize_bilinear(x), to twice the height and width     average of 2x2 pixels of resize_nearest_neighbor(x)

RESIZE_BILINEAR truncates: on average a fifth of a code too little, which a layer behind it adds up, and which later
runtimes do not do. A window that hangs over the lower or right edge averages what is there, which is what the resize
gives the last pixels. To four times the size could be done by twice to twice the size, but that rounds twice: on a
random picture it was no nearer to the exact values than RESIZE_BILINEAR is, and to eight times the size farther.
"""

from typing import List, Optional

import tensorflow as tf

from tasks.quantize.net import Net, Node
from tasks.quantize.rewrites.arithmetic import FLOAT


def bilinear(net: Net) -> List[str]:
    """No ResizeBilinear is left that makes height or width, or both, twice as large, by pixels' corners."""
    found = []
    for node in net.of_type("ResizeBilinear"):
        times = _times(net, node)
        if times in ([1, 2], [2, 1], [2, 2]):
            net.replace(node.name, _averaged(net, node, times))
            found.append(node.name)
    return found


def _times(net: Net, node: Node) -> Optional[List[int]]:
    """How many times as large the height and width become, where that is known and whole, by pixels' corners."""
    size, shape = net.value(node.inputs[1]), net.shapes[node.inputs[0]]
    if size is None or not shape or None in shape[1:] or node.get("T") != FLOAT or any(
            node.attr[name].b for name in ("align_corners", "half_pixel_centers") if name in node.attr):
        return None
    if any(after % before for after, before in zip(size, shape[1:3])):
        return None
    return [int(after) // before for after, before in zip(size, shape[1:3])]


def _averaged(net: Net, node: Node, times: List[int]) -> str:
    shape = net.shapes[node.name]
    nearest = net.add(Node(net.free(node.name + "/nearest"), "ResizeNearestNeighbor", node.inputs[:2],
                           {"T": FLOAT, "align_corners": tf.AttrValue(b=False)}, layer=node.layer), shape)
    window, ones = (tf.AttrValue(list=tf.AttrValue.ListValue(i=each)) for each in ([1, *times, 1], [1, 1, 1, 1]))
    return net.add(Node(net.free(node.name + "/average"), "AvgPool", [nearest.name],
                        {"T": FLOAT, "ksize": window, "strides": ones, "padding": tf.AttrValue(s=b"SAME"),
                         "data_format": tf.AttrValue(s=b"NHWC")}, layer=node.layer), shape).name
