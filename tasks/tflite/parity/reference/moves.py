"""The operators that only move elements."""

from typing import Dict

import numpy as np

from tasks.tflite.parity.reference.kernel_types import Inputs, Kernel, Options, Outputs, Shapes


def _reshape(options: Options, inputs: Inputs, shapes: Shapes) -> Outputs:
    return [inputs[0].reshape(shapes[0])]


def _concatenation(options: Options, inputs: Inputs, shapes: Shapes) -> Outputs:
    return [np.concatenate(inputs, options["axis"])]


def _pad(options: Options, inputs: Inputs, shapes: Shapes) -> Outputs:
    value = float(np.ravel(inputs[2])[0]) if len(inputs) > 2 else 0.0
    return [np.pad(inputs[0], inputs[1].tolist(), mode="constant", constant_values=value)]


def _mirror_pad(options: Options, inputs: Inputs, shapes: Shapes) -> Outputs:
    return [np.pad(inputs[0], inputs[1].tolist(), mode=("reflect", "symmetric")[options["mode"]])]


def _transpose(options: Options, inputs: Inputs, shapes: Shapes) -> Outputs:
    return [np.transpose(inputs[0], inputs[1].tolist())]


def _slice(options: Options, inputs: Inputs, shapes: Shapes) -> Outputs:
    return [inputs[0][tuple(slice(start, start + size) for start, size in zip(inputs[1], shapes[0]))]]


def _strided_slice(options: Options, inputs: Inputs, shapes: Shapes) -> Outputs:
    chosen = []
    for axis, (begin, end, stride) in enumerate(zip(*(part.tolist() for part in inputs[1:4]))):
        bit = 1 << axis
        if options["shrink_axis_mask"] & bit:
            chosen.append(begin)
        else:
            chosen.append(slice(None if options["begin_mask"] & bit else begin,
                                None if options["end_mask"] & bit else end, stride))
    return [inputs[0][tuple(chosen)].reshape(shapes[0])]


def _split(options: Options, inputs: Inputs, shapes: Shapes) -> Outputs:
    return np.split(inputs[1], len(shapes), int(inputs[0]))


def _split_v(options: Options, inputs: Inputs, shapes: Shapes) -> Outputs:
    axis = int(inputs[2])
    return np.split(inputs[0], np.cumsum([shape[axis] for shape in shapes])[:-1], axis)


def _gather(options: Options, inputs: Inputs, shapes: Shapes) -> Outputs:
    return [np.take(inputs[0], inputs[1], options["axis"])]


def _pack(options: Options, inputs: Inputs, shapes: Shapes) -> Outputs:
    return [np.stack(inputs, options["axis"])]


def _unpack(options: Options, inputs: Inputs, shapes: Shapes) -> Outputs:
    pieces = np.split(inputs[0], len(shapes), options["axis"])
    return [piece.reshape(shape) for piece, shape in zip(pieces, shapes)]


def _tile(options: Options, inputs: Inputs, shapes: Shapes) -> Outputs:
    return [np.tile(inputs[0], inputs[1].tolist())]


def _space_to_batch_nd(options: Options, inputs: Inputs, shapes: Shapes) -> Outputs:
    values, (high, wide), margins = inputs[0], inputs[1].tolist(), inputs[2].tolist()
    values = np.pad(values, [(0, 0)] + margins + [(0, 0)], mode="constant")
    batch, height, width, depth = values.shape
    values = values.reshape(batch, height // high, high, width // wide, wide, depth)
    return [values.transpose(2, 4, 0, 1, 3, 5).reshape(shapes[0])]


def _batch_to_space_nd(options: Options, inputs: Inputs, shapes: Shapes) -> Outputs:
    values, (high, wide), ((top, _), (left, _)) = inputs[0], inputs[1].tolist(), inputs[2].tolist()
    batch, height, width, depth = values.shape
    values = values.reshape(high, wide, batch // (high * wide), height, width, depth)
    values = values.transpose(2, 3, 0, 4, 1, 5).reshape(-1, height * high, width * wide, depth)
    return [values[:, top:top + shapes[0][1], left:left + shapes[0][2]]]


def _space_to_depth(options: Options, inputs: Inputs, shapes: Shapes) -> Outputs:
    size, (batch, height, width) = options["block_size"], shapes[0][:3]
    values = inputs[0].reshape(batch, height, size, width, size, -1)
    return [values.transpose(0, 1, 3, 2, 4, 5).reshape(shapes[0])]


KERNELS: Dict[str, Kernel] = {
    "RESHAPE": _reshape,
    "SQUEEZE": _reshape,
    "EXPAND_DIMS": _reshape,
    "CONCATENATION": _concatenation,
    "PAD": _pad,
    "PADV2": _pad,
    "MIRROR_PAD": _mirror_pad,
    "TRANSPOSE": _transpose,
    "SLICE": _slice,
    "STRIDED_SLICE": _strided_slice,
    "SPLIT": _split,
    "SPLIT_V": _split_v,
    "GATHER": _gather,
    "PACK": _pack,
    "UNPACK": _unpack,
    "TILE": _tile,
    "SPACE_TO_BATCH_ND": _space_to_batch_nd,
    "BATCH_TO_SPACE_ND": _batch_to_space_nd,
    "SPACE_TO_DEPTH": _space_to_depth,
}
