"""The memory that the activations of a .tflite file need, and an arena that holds them."""

from typing import Dict, List, NamedTuple, Tuple

import numpy as np

from tasks.tflite.model_file import Contents, Tensor

ALIGNMENT = 16
MICRO_KEEPS, MICRO_KEEPS_OF_OPERATOR, MICRO_KEEPS_OF_CHANNEL = 2048, 256, 16  # bytes
MICRO_CHANNELS = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3, "TRANSPOSE_CONV": 0}  # the axis of channels in the weights


class Lifetime(NamedTuple):
    """first, last: the numbers of the operators that make a tensor and read it last; the file's inputs are there from
    -1 on."""

    first: int
    last: int
    size_bytes: int


def lifetimes(contents: Contents) -> Dict[int, Lifetime]:
    """{tensor: its lifetime} of inputs and of what operators make. An output lives to the end."""
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
    """For each operator, the sum of the tensors that are alive while it runs: that are made by then, and read by it or
    later."""
    every = lifetimes(contents).values()
    return [sum(each.size_bytes for each in every if each.first <= number <= each.last)
            for number in range(len(contents.operators))]


def peak_bytes(contents: Contents) -> int:
    """The largest sum of tensors that are alive at once. No interpreter can do with less, unless it computes in
    place."""
    return max(alive_bytes(contents), default=0)


def arena_bytes(contents: Contents) -> int:
    """The size of an arena in which every activation has a place of its own while it is alive."""
    return max((start + _aligned(each.size_bytes) for each, start in placed(contents).values()), default=0)


def micro_arena_bytes(contents: Contents) -> int:
    """An arena that is large enough for TensorFlow Lite for Microcontrollers and its reference kernels: that of
    the activations, and what the interpreter keeps of operators, tensors and channels, on a machine of 64 bits.

    The terms were measured with tflite-micro 0.dev20261023 (tests/export/test_fragments.py); it took 1.8 to 4.8 kB
    beside the activations of networks of 5 to 12 operators."""
    kept = MICRO_KEEPS + MICRO_KEEPS_OF_OPERATOR * len(contents.operators)
    for operator in contents.operators:
        if operator.kind in MICRO_CHANNELS:
            kept += MICRO_KEEPS_OF_CHANNEL * contents.tensors[operator.inputs[1]].shape[MICRO_CHANNELS[operator.kind]]
        if operator.kind == "TRANSPOSE_CONV":  # its sums, in int32
            kept += 4 * int(np.prod(contents.tensors[operator.outputs[0]].shape))
    return arena_bytes(contents) + _aligned(kept)


def placed(contents: Contents) -> Dict[int, Tuple[Lifetime, int]]:
    """{tensor: (its lifetime, where it lies in the arena)}. The largest are placed first, each in the first gap that is
    wide enough, as TensorFlow Lite for Microcontrollers plans
    (tensorflow/lite/micro/memory_planner/greedy_memory_planner.h)."""
    found: Dict[int, Tuple[Lifetime, int]] = {}
    for index, each in sorted(lifetimes(contents).items(), key=lambda one: (-one[1].size_bytes, one[1].first, one[0])):
        start = 0
        for other, at in sorted(found.values(), key=lambda one: one[1]):
            if other.first <= each.last and each.first <= other.last:
                if at - start >= _aligned(each.size_bytes):
                    break
                start = max(start, at + _aligned(other.size_bytes))
        found[index] = each, start
    return found


def _aligned(size_bytes: int) -> int:
    return -(-size_bytes // ALIGNMENT) * ALIGNMENT


def _bytes(tensor: Tensor) -> int:
    return int(np.prod(tensor.shape)) * np.dtype(tensor.dtype).itemsize
