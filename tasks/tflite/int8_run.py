"""Runs the int8 file on samples, with the built-in kernels of tflite-runtime.

Samples and outputs are given as uint8 codes: the int8 code of a real value is its uint8 code minus 128.

TensorFlow 1.14's own interpreter is not used: it has no int8 kernel for five operators (RELU, LEAKY_RELU, SUM,
TRANSPOSE_CONV, QUANTIZE), and its int8 CONV_2D is about 70 times slower than its uint8 CONV_2D. The int8 CONV_2D of
tflite-runtime 2.11 is about 8 times slower than TensorFlow 1.14's uint8 CONV_2D (0.7 billion multiply-accumulates a
second on x86-64).
"""

from typing import Callable, List, Sequence

import numpy as np

from tasks.tflite import cost
from tasks.tflite.interpreter import processes
from tasks.tflite.model_file import Contents

FILE = "model_int8.tflite"
MOST_MACS = 10 ** 10
LEAST_SHARE = 10  # at least a tenth of the samples, which takes about as long as the uint8 file on all of them
SIGN_BIT = np.uint8(0x80)  # flipping it adds or subtracts 128


class _Int8Codes:
    """Some rows of uint8 codes, converted to int8 when they are read, because all rows may not fit into memory."""

    def __init__(self, codes: np.ndarray, rows: np.ndarray) -> None:
        self._codes, self._rows = codes, rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, places: slice) -> np.ndarray:
        return to_int8(np.asarray(self._codes[self._rows[places]]))


def rows(contents: Contents, total: int) -> np.ndarray:
    """The indices, of `total` samples, that the file is measured on: all where this takes at most about 15 CPU seconds;
    else as many as these allow, but at least a tenth, evenly spaced."""
    macs = sum(cost.multiply_accumulates(contents, operator) for operator in contents.operators)
    count = min(total, max(MOST_MACS // max(macs, 1), -(-total // LEAST_SHARE)))
    return np.unique(np.linspace(0, total - 1, count).round().astype(int))


def to_int8(codes: np.ndarray) -> np.ndarray:
    """The int8 codes of the same real values. codes: uint8."""
    return (codes ^ SIGN_BIT).view(np.int8)


def to_uint8(codes: np.ndarray) -> np.ndarray:
    """The uint8 codes of the same real values. codes: int8."""
    return codes.view(np.uint8) ^ SIGN_BIT


def over(content: bytes, contents: Contents, codes: Sequence[np.ndarray], rows: np.ndarray,
         progress: Callable[[float], None]) -> List[np.ndarray]:
    """The uint8 codes [rows, ...] of each output of an int8 file, for these rows of the samples. codes: uint8 [N, ...]
    for each input.

    Raises InterpreterError where the file cannot be run."""
    outputs = processes.over(content, contents, [_Int8Codes(each, rows) for each in codes], progress, "tflite_runtime")
    return [to_uint8(each) for each in outputs]


def runtime() -> str:
    """The name and version of the interpreter that runs the file."""
    import tflite_runtime  # imported by name, so that its version is in the key of each stage that runs an int8 file
    return "tflite-runtime {}, built-in kernels".format(tflite_runtime.__version__)
