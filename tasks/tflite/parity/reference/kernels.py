"""The expected output of a uint8 operator: its arithmetic in float64, then the quantization of the output.

A kernel is a function for one sample (`kernel_types.py`). Fused activations are applied here, for all operators.

A layer with constant weights is computed with integers, codes minus zero points, which takes half the time. They are
float32 numbers where no sum can exceed 24 bits, so that sums are exact.
"""

from typing import Any, Dict, Iterator, List, Optional, Sequence

import numpy as np

from octet.quantization import to_real
from tasks.tflite.model_file import Contents, Operator, Tensor
from tasks.tflite.parity.reference import arithmetic, moves, windows
from tasks.tflite.parity.reference.kernel_types import Kernel, Shapes

KERNELS: Dict[str, Kernel] = {**arithmetic.KERNELS, **windows.KERNELS, **moves.KERNELS}

AT_ONCE = 1 << 15
"""The number of values that are quantized together, unless one sample has more: they fit into a processor's cache."""

NONE, RELU, RELU_N1_TO_1, RELU6 = range(4)
ACTIVATIONS = {NONE: (-np.inf, np.inf), RELU: (0.0, np.inf), RELU_N1_TO_1: (-1.0, 1.0), RELU6: (0.0, 6.0)}


def is_known(operator: Operator) -> bool:
    """Whether the operator's float arithmetic is known."""
    return (operator.kind in KERNELS
            and operator.options.get("fused_activation_function", NONE) in ACTIVATIONS)


def expected(contents: Contents, operator: Operator,
             codes: Dict[int, np.ndarray]) -> Iterator[List[np.ndarray]]:
    """Yields the expected codes [n, *shape] of each output for the next n samples, up to the last one. codes: {index of
    a variable input: its codes [N, *shape]}.

    A kernel is called for each sample, but the outputs of several samples are quantized at once."""
    made = [contents.tensors[index] for index in operator.outputs]
    shapes = [tensor.shape for tensor in made]
    constants = {index: real(contents.tensors[index], contents.tensors[index].value)
                 for index in operator.inputs if index >= 0 and index not in codes}
    activation: Any = operator.options.get("fused_activation_function", NONE)
    low, high = ACTIVATIONS[activation]
    layer = _Layer.of(contents, operator, codes)

    def of_sample(sample: int) -> Sequence[np.ndarray]:
        if layer is not None:
            return [layer.made(codes[layer.data.index][sample], constants, shapes)]
        inputs = [real(contents.tensors[index], codes[index][sample]) if index in codes else constants[index]
                  for index in operator.inputs if index >= 0]
        return KERNELS[operator.kind](operator.options, inputs, shapes)

    samples = len(next(iter(codes.values()))) if codes else 1
    together = max(1, AT_ONCE // max(1, sum(int(np.prod(shape)) for shape in shapes)))
    for first in range(0, samples, together):
        of_samples = [of_sample(sample) for sample in range(first, min(samples, first + together))]
        outputs = [np.stack(values) for values in zip(*of_samples)]
        yield [quantized(tensor, _clipped(values, low, high) if tensor.scale else values)
               for tensor, values in zip(made, outputs)]


def _clipped(values: np.ndarray, low: float, high: float) -> np.ndarray:
    return values if (low, high) == ACTIVATIONS[NONE] else np.clip(values, low, high)


class _Layer:
    """A layer with constant weights, computed as sums of integers times the product of two scales."""

    PLACES = {"CONV_2D": (0, 1), "DEPTHWISE_CONV_2D": (0, 1), "FULLY_CONNECTED": (0, 1), "TRANSPOSE_CONV": (2, 1)}
    """{kind: (index of the data, index of the weights)}. The next input after both is the bias."""
    EXACT = {np.float32: 2 ** 24, np.float64: 2 ** 53}
    """{dtype: the magnitude up to which it represents every integer}."""

    def __init__(self, operator: Operator, data: Tensor, weights: Tensor) -> None:
        self.operator, self.data = operator, data
        codes: Any = weights.value
        integers = codes.astype(np.int64) - weights.zero_point
        channels = (3,) if operator.kind == "DEPTHWISE_CONV_2D" else (0,)
        axes = tuple(axis for axis in range(integers.ndim) if axis not in channels)
        most = int(np.abs(integers).sum(axis=axes).max()) * max(data.zero_point, 255 - data.zero_point)
        self.dtype = next((dtype for dtype, bound in self.EXACT.items() if most < bound), np.float64)
        self.weights, self.scale = integers.astype(self.dtype), data.scale * weights.scale

    @classmethod
    def of(cls, contents: Contents, operator: Operator, codes: Dict[int, np.ndarray]) -> "Optional[_Layer]":
        """The layer of the operator; None for an operator that is no layer with constant uint8 weights."""
        places = cls.PLACES.get(operator.kind)
        if places is None or any(index < 0 for index in operator.inputs[:max(places) + 1]):
            return None
        data, weights = (contents.tensors[operator.inputs[place]] for place in places)
        if data.index not in codes or weights.value is None or not (
                data.scale and weights.scale and data.dtype == weights.dtype == "uint8"):
            return None
        return cls(operator, data, weights)

    def made(self, codes: np.ndarray, constants: Dict[int, np.ndarray], shapes: Shapes) -> np.ndarray:
        """The real values of the output, for the codes of the data of one sample."""
        data, weights = self.PLACES[self.operator.kind]
        centred = codes.astype(self.dtype) - self.dtype(self.data.zero_point)
        inputs = [constants.get(index) for index in self.operator.inputs[:max(data, weights) + 1]]
        inputs[data], inputs[weights] = centred, self.weights
        sums, = KERNELS[self.operator.kind](self.operator.options, inputs, shapes)
        values = sums.astype(np.float64) * self.scale
        bias = self.operator.inputs[len(inputs):][:1]
        return values + constants[bias[0]] if bias and bias[0] >= 0 else values


def quantized(tensor: Tensor, values: np.ndarray) -> np.ndarray:
    """The codes of real values; halves are rounded away from zero, as the kernels do."""
    if not tensor.scale:
        return values.astype(tensor.dtype)
    steps = values / tensor.scale
    rounded = np.abs(steps)
    rounded += 0.5
    np.floor(rounded, out=rounded)
    np.copysign(rounded, steps, out=rounded)
    rounded += tensor.zero_point
    return np.clip(rounded, 0, 255, out=rounded).astype(tensor.dtype)


def real(tensor: Tensor, values: np.ndarray) -> np.ndarray:
    """The real values of codes; for a tensor without scale, the values themselves."""
    if not tensor.scale:
        return values
    return to_real(values.astype(np.float64), tensor.scale, tensor.zero_point)
