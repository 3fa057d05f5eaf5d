"""Replaces moves of data without a uint8 kernel by moves that have one.

    tile(x)                 concat(x, x)                        `Unimplemented: ... operator of type Tile`
    pad(x, REFLECT)         concat of slices                    likewise MirrorPad
    split_v(x)              slices                              likewise SplitV
    broadcast_to(x, s)      concat(x, x)                        likewise BroadcastTo
    reverse(x)              x[:, ::-1]                          likewise ReverseV2
    roll(x)                 concat of two slices                likewise Roll
    conv(x, [[0, 0], [1, 0], ...])      conv(pad(x), VALID)     `Bad padding (only SAME and VALID are supported)`
    x[..., None, 1:3]       x[:, :, 1:3], reshaped              STRIDED_SLICE fails on ellipsis and new axes
    depth_to_space(x)       transposed convolution by 0 and 1   toco writes a custom operator
"""

from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np
import tensorflow as tf

from tasks.quantize.ir.build import FLOAT, INT, RESHAPES, joined, part, reshape
from tasks.quantize.ir.change import Change
from tasks.quantize.ir.editable_graph import EditableGraph
from tasks.quantize.ir.nodes import REQUANTIZE, Node


def replace_moves(graph: EditableGraph) -> List[Change]:
    """Replaces moves of data without a uint8 kernel, where they can be composed of moves that have one."""
    changes = []
    for node in graph.of_type(*_BY_OP):
        shape = graph.shapes[node.inputs[0]]
        if FLOAT not in (node.get("T"), node.get("Tparams")) or not shape or None in shape[1:]:
            continue
        tensor = _BY_OP[node.op](graph, node)
        if tensor is not None and tensor != node.name:
            graph.replace(node.name, tensor)
        if tensor is not None or not graph.is_read(node):  # the outputs of a SplitV are replaced already
            changes.append(Change(node.name, "{} of {{layer}} becomes {}".format(node.op, _BECOMES[node.op])))
    return changes


def _tile(graph: EditableGraph, node: Node) -> Optional[str]:
    times = graph.value(node.inputs[1])
    if times is None or times[0] != 1:
        return None
    tensor = node.inputs[0]
    for axis, count in enumerate(times):
        tensor = joined(graph, [tensor] * int(count), axis, node)
    return tensor


def _broadcast_to(graph: EditableGraph, node: Node) -> Optional[str]:
    tensor, shape = node.inputs[0], graph.shapes[node.name]
    if not shape or None in shape[1:] or len(shape) != len(graph.known_shape(tensor)) or (
            graph.known_shape(tensor)[0] is not None):
        return None
    for axis, size in enumerate(graph.known_shape(node.name)[1:], 1):
        if graph.known_shape(tensor)[axis] != size:
            tensor = joined(graph, [tensor] * size, axis, node)
    return tensor


def _reverse(graph: EditableGraph, node: Node) -> Optional[str]:
    axes, rank = graph.value(node.inputs[1]), len(graph.known_shape(node.name))
    if axes is None or 0 in axes % rank:
        return None
    steps = [-1 if axis in axes % rank else 1 for axis in range(rank)]
    names = [graph.constant("{}/{}".format(node.name, what), value, np.int32)
             for what, value in (("begin", [0] * rank), ("end", [0] * rank), ("strides", steps))]
    everything = tf.AttrValue(i=(1 << rank) - 1)
    return graph.add(Node(graph.free(node.name + "/backwards"), "StridedSlice", node.inputs[:1] + names,
                          {"T": FLOAT, "Index": INT, "begin_mask": everything, "end_mask": everything},
                          layer=node.layer), graph.shapes[node.name]).name


def _roll(graph: EditableGraph, node: Node) -> Optional[str]:
    shifts, axes = graph.value(node.inputs[1]), graph.value(node.inputs[2])
    if shifts is None or axes is None:
        return None
    tensor, shape = node.inputs[0], graph.known_shape(node.name)
    for shift, axis in zip(shifts.reshape(-1), axes.reshape(-1) % len(shape)):
        size = shape[axis]
        if axis == 0:
            return None
        if shift % size:
            first = int(size - shift % size)
            tensor = joined(graph, [part(graph, tensor, int(axis), first, int(size - first), node),
                                    part(graph, tensor, int(axis), 0, first, node)], int(axis), node)
    return tensor


def _explicitly_padded(graph: EditableGraph, node: Node) -> Optional[str]:
    """A convolution with padding="EXPLICIT" becomes a Pad and a convolution without padding."""
    if node.get("padding").s != b"EXPLICIT" or node.get("data_format").s == b"NCHW":
        return None
    edges, shape = np.reshape(node.get("explicit_paddings").list.i, [4, 2]), graph.known_shape(node.inputs[0])
    pads = graph.constant(node.name + "/pads", edges, np.int32)
    padded = graph.add(Node(graph.free(node.name + "/pad"), "Pad", [node.inputs[0], pads],
                            {"T": FLOAT, "Tpaddings": INT}, layer=node.layer),
                       shape[:1] + tuple(int(size + sum(edge)) for size, edge in zip(shape[1:], edges[1:])))
    attr = {key: value for key, value in node.attr.items() if key != "explicit_paddings"}
    return graph.add(Node(graph.free(node.name + "/valid"), node.op, [padded.name, node.inputs[1]],
                          dict(attr, padding=tf.AttrValue(s=b"VALID")), layer=node.layer), graph.shapes[node.name]).name


def _mirror_pad(graph: EditableGraph, node: Node) -> Optional[str]:
    pads = graph.value(node.inputs[1])
    if pads is None or pads[0].any():
        return None
    inset = 1 if node.get("mode").s == b"REFLECT" else 0
    tensor = node.inputs[0]
    for axis in np.flatnonzero(pads.any(1)):
        axis, size = int(axis), graph.known_shape(tensor)[axis]
        before = [part(graph, tensor, axis, inset + number, 1, node) for number in reversed(range(pads[axis, 0]))]
        after = [part(graph, tensor, axis, size - 1 - inset - number, 1, node) for number in range(pads[axis, 1])]
        tensor = joined(graph, before + [tensor] + after, axis, node)
    return tensor


def _split_v(graph: EditableGraph, node: Node) -> Optional[str]:
    sizes, axis = graph.value(node.inputs[1]), graph.value(node.inputs[2])
    if sizes is None or axis is None:
        return None
    shape = graph.known_shape(node.inputs[0])
    axis, begin = int(axis) % len(shape), 0
    if axis == 0:
        return None
    sizes = np.where(sizes < 0, shape[axis] - sizes[sizes >= 0].sum(), sizes)
    for number, size in enumerate(sizes):
        old = node.name if number == 0 else "{}:{}".format(node.name, number)
        graph.replace(old, part(graph, node.inputs[0], axis, begin, int(size), node))
        begin += int(size)
    return None


def _strided_slice(graph: EditableGraph, node: Node) -> Optional[str]:
    ellipsis, new_axis = node.get("ellipsis_mask").i, node.get("new_axis_mask").i
    operands: List[Any] = [graph.value(name) for name in node.inputs[1:]]
    if not (ellipsis or new_axis) or any(value is None for value in operands):
        return None
    rank, given = len(graph.known_shape(node.inputs[0])), len(operands[0])
    spelled: List[List[int]] = [[], [], []]
    masks = {"begin_mask": 0, "end_mask": 0, "shrink_axis_mask": 0}

    def axis(values: Sequence[int], **bits: int) -> None:
        for operand, value in zip(spelled, values):
            operand.append(int(value))
        for name, bit in bits.items():
            masks[name] |= int(bool(bit)) << (len(spelled[0]) - 1)

    for index in range(given):
        if ellipsis >> index & 1:
            taken = sum(1 for other in range(given) if other != index and not new_axis >> other & 1)
            for _ in range(rank - taken):
                axis((0, 0, 1), begin_mask=1, end_mask=1)
        elif not new_axis >> index & 1:
            axis([operand[index] for operand in operands],
                 **{name: node.get(name).i >> index & 1 for name in masks})
    names = [graph.constant("{}/operand_{}".format(node.name, number), value, np.int32)
             for number, value in enumerate(spelled)]
    attr = dict(node.attr, ellipsis_mask=tf.AttrValue(i=0), new_axis_mask=tf.AttrValue(i=0), Index=INT,
                **{name: tf.AttrValue(i=value) for name, value in masks.items()})
    plain = Node(graph.free(node.name + "/plain"), "StridedSlice", node.inputs[:1] + names, attr, layer=node.layer)
    shape = graph.known_shape(node.name)
    graph.add(plain, _sliced_shape(graph.known_shape(node.inputs[0]), spelled, masks))
    return reshape(graph, plain.name, shape[1:], node, "axes") if new_axis else plain.name


def _sliced_shape(shape: Sequence[Optional[int]], spelled: List[List[int]], masks: Dict[str, int]
                  ) -> Tuple[Optional[int], ...]:
    """The shape of a strided slice. spelled: begin, end and stride of each axis."""
    sizes: List[Optional[int]] = []
    for number, size in enumerate(shape):
        if number >= len(spelled[0]) or size is None:
            sizes.append(size)
        elif not masks["shrink_axis_mask"] >> number & 1:
            begin, end = (None if masks[name] >> number & 1 else operand[number]
                          for name, operand in (("begin_mask", spelled[0]), ("end_mask", spelled[1])))
            sizes.append(len(range(size)[begin:end:spelled[2][number]]))
    return tuple(sizes)


def _gather(graph: EditableGraph, node: Node) -> Optional[str]:
    """Counts the axis from the front: toco mistakes a negative axis for the batch axis."""
    axis = graph.value(node.inputs[2])
    if axis is not None and axis < 0:
        from_front = axis % len(graph.known_shape(node.inputs[0]))
        graph.set_input(node, 2, graph.constant(node.name + "/axis", from_front, np.int32))
        return node.name  # changed in place
    return None


def _depth_to_space(graph: EditableGraph, node: Node) -> Optional[str]:
    """A transposed convolution with weights 0 and 1, which writes each channel of a block to its pixel."""
    block = node.get("block_size").i
    depth, channels = graph.known_shape(node.inputs[0])[3], graph.known_shape(node.name)[3]
    if node.get("data_format").s == b"NCHW":
        return None
    picks = np.zeros([block, block, channels, depth], np.float32)
    for row in range(block):
        for column in range(block):
            for channel in range(channels):
                picks[row, column, channel, (row * block + column) * channels + channel] = 1
    sizes = _sizes(graph, node)
    strides = tf.AttrValue(list=tf.AttrValue.ListValue(i=[1, block, block, 1]))
    ones = tf.AttrValue(list=tf.AttrValue.ListValue(i=[1, 1, 1, 1]))
    return graph.add(Node(graph.free(node.name + "/transposed"), "Conv2DBackpropInput",
                          [sizes, graph.constant(node.name + "/picks", picks), node.inputs[0]],
                          {"T": FLOAT, "strides": strides, "dilations": ones, "padding": tf.AttrValue(s=b"VALID"),
                           "data_format": tf.AttrValue(s=b"NHWC")}, layer=node.layer, mark=REQUANTIZE),
                     graph.shapes[node.name]).name


def _sizes(graph: EditableGraph, node: Node) -> str:
    """The name of a new tensor with the shape of the node's output. The batch size is read from the network's input."""
    image = graph.inputs[0]
    shape = graph.add(Node(graph.free(node.name + "/image_shape"), "Shape", [image], {"T": FLOAT, "out_type": INT}),
                      (len(graph.known_shape(image)),)).name
    ends = [graph.constant("{}/batch_{}".format(node.name, what), [value], np.int32)
            for what, value in (("begin", 0), ("end", 1), ("stride", 1))]
    batch = graph.add(Node(graph.free(node.name + "/batch"), "StridedSlice", [shape] + ends,
                           {"T": INT, "Index": INT, "shrink_axis_mask": tf.AttrValue(i=1)}), ()).name
    rest = [graph.constant(node.name + "/size", size, np.int32) for size in graph.known_shape(node.name)[1:]]
    return graph.add(Node(graph.free(node.name + "/sizes"), "Pack", [batch] + rest,
                          {"T": INT, "N": tf.AttrValue(i=1 + len(rest))}), (1 + len(rest),)).name


def _sequence_as_image(graph: EditableGraph, node: Node) -> Optional[str]:
    """SpaceToBatchND or BatchToSpaceND of a sequence becomes one of an image of height 1: the kernel needs an image."""
    shape = graph.known_shape(node.inputs[0])
    blocks, edges = graph.value(node.inputs[1]), graph.value(node.inputs[2])
    if len(shape) != 3 or blocks is None or edges is None or blocks.size != 1:
        return None
    operands = [graph.constant(node.name + "/blocks", [1, blocks[0]], np.int32),
                graph.constant(node.name + "/edges", [[0, 0], edges[0]], np.int32)]
    result = graph.known_shape(node.name)
    image = graph.add(Node(graph.free(node.name + "/image"), node.op,
                           [reshape(graph, node.inputs[0], (1,) + shape[1:], node, "to_image")] + operands,
                           dict(node.attr, Tblock_shape=INT, Tpaddings=INT) if node.op == "SpaceToBatchND" else
                           dict(node.attr, Tblock_shape=INT, Tcrops=INT), layer=node.layer),
                      (None, 1) + result[1:]).name
    return reshape(graph, image, result[1:], node, "from_image")


def drop_inverse_reshapes(graph: EditableGraph) -> List[Change]:
    """Removes pairs of reshapes that undo each other."""
    changes = []
    for node in graph.of_type(*RESHAPES):
        before = graph.producer(node.inputs[0])
        if before.op in RESHAPES and None not in (graph.shapes[node.name] or (None, None))[
                1:] and graph.shapes[before.inputs[0]] == graph.shapes[node.name]:
            graph.replace(node.name, before.inputs[0])
            changes.append(Change(node.name, "two reshapes of {layer} that undo each other are removed"))
    return changes


_BY_OP = {"SpaceToBatchND": _sequence_as_image, "BatchToSpaceND": _sequence_as_image, "Tile": _tile,
          "MirrorPad": _mirror_pad, "SplitV": _split_v, "StridedSlice": _strided_slice, "DepthToSpace": _depth_to_space,
          "GatherV2": _gather, "BroadcastTo": _broadcast_to, "ReverseV2": _reverse, "Roll": _roll,
          "Conv2D": _explicitly_padded}
_BECOMES = {"SpaceToBatchND": "one of an image of height 1", "BatchToSpaceND": "one of an image of height 1",
            "Tile": "a concatenation", "MirrorPad": "a concatenation of slices", "SplitV": "slices",
            "StridedSlice": "one without ellipsis and new axes", "DepthToSpace": "a transposed convolution",
            "GatherV2": "one with its axis counted from the front", "BroadcastTo": "a concatenation",
            "ReverseV2": "a strided slice", "Roll": "a concatenation of slices",
            "Conv2D": "a pad and a convolution without padding"}
