"""Computes the memory that the activations of a .tflite file need, and the arena that holds them."""

from typing import Dict, List, NamedTuple, Tuple

import numpy as np

from tasks.tflite.model_file import Contents, Tensor

ALIGNMENT = 16
MICRO_KEEPS, MICRO_KEEPS_OF_OPERATOR, MICRO_KEEPS_OF_CHANNEL = 2048, 256, 16  # bytes
MICRO_CHANNELS = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3, "TRANSPOSE_CONV": 0}  # the axis of channels in the weights


class Lifetime(NamedTuple):
    """first: the number of the operator that computes the tensor, -1 for an input of the file. last: the number of the
    operator that reads it last."""

    first: int
    last: int
    size_bytes: int


def lifetimes(contents: Contents) -> Dict[int, Lifetime]:
    """{tensor: lifetime} of the file's inputs and all computed tensors. An output lives to the end."""
    last: Dict[int, int] = {index: len(contents.operators) for index in contents.outputs}
    first: Dict[int, int] = {index: -1 for index in contents.inputs}
    for number, operator in enumerate(contents.operators):
        for index in operator.inputs:
            if index >= 0:
                last[index] = max(number, last.get(index, -1))
        for index in operator.outputs:
            first.setdefault(index, number)
    return {index: Lifetime(start, last.get(index, start), _bytes(contents.tensors[index]))
            for index, start in first.items()}


def alive_bytes(contents: Contents) -> List[int]:
    """For each operator, the bytes of the tensors that are alive while it runs: computed by then, and read by it or
    later."""
    every = lifetimes(contents).values()
    return [sum(each.size_bytes for each in every if each.first <= number <= each.last)
            for number in range(len(contents.operators))]


def peak_bytes(contents: Contents) -> int:
    """The most bytes of tensors that are alive at once. No interpreter needs less, unless it computes in place."""
    return max(alive_bytes(contents), default=0)


def arena_bytes(contents: Contents) -> int:
    """The size of an arena in which activations that are alive at the same time do not overlap."""
    return max((start + _aligned(each.size_bytes) for each, start in placed(contents).values()), default=0)


def micro_arena_bytes(contents: Contents) -> int:
    """The size of an arena that is large enough for TensorFlow Lite for Microcontrollers with its reference kernels on
    a 64-bit machine: that of the activations, plus the interpreter's data for operators, tensors and channels.

    The constants were measured with tflite-micro 0.dev20261023 (tests/export/test_fragments.py): in addition to the
    activations, networks of 5 to 12 operators needed 1.8 to 4.8 kB."""
    kept = MICRO_KEEPS + MICRO_KEEPS_OF_OPERATOR * len(contents.operators)
    for operator in contents.operators:
        if operator.kind in MICRO_CHANNELS:
            kept += MICRO_KEEPS_OF_CHANNEL * contents.tensors[operator.inputs[1]].shape[MICRO_CHANNELS[operator.kind]]
        if operator.kind == "TRANSPOSE_CONV":  # its sums, in int32
            kept += 4 * int(np.prod(contents.tensors[operator.outputs[0]].shape))
    return arena_bytes(contents) + _aligned(kept)


def placed(contents: Contents) -> Dict[int, Tuple[Lifetime, int]]:
    """{tensor: (lifetime, offset in the arena)}. Tensors are placed by descending size, each in the first gap that is
    large enough, like TensorFlow Lite for Microcontrollers does
    (tensorflow/lite/micro/memory_planner/greedy_memory_planner.h)."""
    offsets: Dict[int, Tuple[Lifetime, int]] = {}
    for index, each in sorted(lifetimes(contents).items(), key=lambda one: (-one[1].size_bytes, one[1].first, one[0])):
        start = 0
        for other, at in sorted(offsets.values(), key=lambda one: one[1]):
            if other.first <= each.last and each.first <= other.last:
                if at - start >= _aligned(each.size_bytes):
                    break
                start = max(start, at + _aligned(other.size_bytes))
        offsets[index] = each, start
    return offsets


def _aligned(size_bytes: int) -> int:
    return -(-size_bytes // ALIGNMENT) * ALIGNMENT


def _bytes(tensor: Tensor) -> int:
    return int(np.prod(tensor.shape)) * np.dtype(tensor.dtype).itemsize
