"""What a uint8 operator ought to make: its arithmetic in float64, then its output's quantization.

Each kernel is a function (options, inputs, shapes) -> outputs for one sample: `inputs` are real values, or
integers as they are where a tensor has no scale; `shapes` are those of the outputs. A fused activation
is applied here, to whatever operator has one.
"""

from typing import Any, Dict, List, Sequence

import numpy as np

from octet.quantization import to_real
from tasks.tflite.model_file import Contents, Operator, Tensor
from tasks.tflite.parity.reference import arithmetic, moves, windows

KERNELS = {**arithmetic.KERNELS, **windows.KERNELS, **moves.KERNELS}

NONE, RELU, RELU_N1_TO_1, RELU6 = range(4)
ACTIVATIONS = {NONE: (-np.inf, np.inf), RELU: (0.0, np.inf), RELU_N1_TO_1: (-1.0, 1.0), RELU6: (0.0, 6.0)}


def is_known(operator: Operator) -> bool:
    """Whether the operator's arithmetic is written down here."""
    return (operator.kind in KERNELS
            and operator.options.get("fused_activation_function", NONE) in ACTIVATIONS)


def expected(contents: Contents, operator: Operator,
             codes: Dict[int, np.ndarray]) -> List[np.ndarray]:
    """The codes [N, *shape] that each output ought to have, given those of the variable inputs
    [N, *shape] by their tensor's index."""
    made = [contents.tensors[index] for index in operator.outputs]
    samples = len(next(iter(codes.values()))) if codes else 1
    reals = {index: real(contents.tensors[index], values) for index, values in codes.items()}
    constants = {index: real(contents.tensors[index], contents.tensors[index].value)
                 for index in operator.inputs if index >= 0 and index not in codes}
    activation: Any = operator.options.get("fused_activation_function", NONE)
    low, high = ACTIVATIONS[activation]
    results: List[List[np.ndarray]] = [[] for _ in made]
    for sample in range(samples):
        inputs = [reals[index][sample] if index in reals else constants[index]
                  for index in operator.inputs if index >= 0]
        outputs = KERNELS[operator.kind](operator.options, inputs, [tensor.shape for tensor in made])
        for tensor, values, result in zip(made, outputs, results):
            result.append(quantized(tensor, np.clip(values, low, high) if tensor.scale else values))
    return [np.stack(result) for result in results]


def quantized(tensor: Tensor, values: np.ndarray) -> np.ndarray:
    """The codes of real values, halves rounded away from zero as the kernels do."""
    if not tensor.scale:
        return values.astype(tensor.dtype)
    steps = values / tensor.scale
    rounded = np.sign(steps) * np.floor(np.abs(steps) + 0.5)
    return np.clip(rounded + tensor.zero_point, 0, 255).astype(tensor.dtype)


def real(tensor: Tensor, values: np.ndarray) -> np.ndarray:
    """The real values of codes; of a tensor without scale, the values as they are."""
    if not tensor.scale:
        return values
    return to_real(values.astype(np.float64), tensor.scale, tensor.zero_point)


def differences(actual: Sequence[np.ndarray], wanted: Sequence[np.ndarray]) -> np.ndarray:
    """How many LSB each code is off, over all outputs of an operator, [codes]."""
    return np.concatenate([np.abs(one.astype(np.int64) - other.astype(np.int64)).ravel()
                           for one, other in zip(actual, wanted)])
