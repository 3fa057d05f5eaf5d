"""The memory that the activations of a .tflite file need."""

from typing import Dict

import numpy as np

from tasks.tflite.model_file import Contents, Tensor


def peak_bytes(contents: Contents) -> int:
    """The most bytes of activations that exist at the same time. A tensor exists from the operator that computes it to
    the last operator that reads it. Only an interpreter that computes in place needs less."""
    last: Dict[int, int] = {index: len(contents.operators) for index in contents.outputs}
    first: Dict[int, int] = {index: -1 for index in contents.inputs}
    for number, operator in enumerate(contents.operators):
        for index in operator.inputs:
            if index >= 0:
                last[index] = max(number, last.get(index, -1))
        for index in operator.outputs:
            first.setdefault(index, number)
    sums = [sum(_bytes(contents.tensors[index]) for index, start in first.items()
                if start <= number <= last.get(index, start)) for number in range(len(contents.operators))]
    return max(sums, default=0)


def _bytes(tensor: Tensor) -> int:
    return int(np.prod(tensor.shape)) * np.dtype(tensor.dtype).itemsize
