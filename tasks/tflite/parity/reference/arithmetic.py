"""The float arithmetic of elementwise operators, and of operators that reduce or normalize over axes."""

from typing import Any, Callable, Dict

import numpy as np

from tasks.tflite.parity.reference.kernel_types import Inputs, Kernel, Options, Outputs, Shapes


def _each(function: Callable[..., Any]) -> Kernel:
    """The kernel whose only output is `function` of its inputs."""
    return lambda options, inputs, shapes: [function(*inputs)]


def _leaky_relu(options: Options, inputs: Inputs, shapes: Shapes) -> Outputs:
    return [np.where(inputs[0] < 0, inputs[0] * options["alpha"], inputs[0])]


def _softmax(options: Options, inputs: Inputs, shapes: Shapes) -> Outputs:
    powers = np.exp(options["beta"] * (inputs[0] - inputs[0].max(-1, keepdims=True)))
    return [powers / powers.sum(-1, keepdims=True)]


def _log_softmax(values: np.ndarray) -> np.ndarray:
    shifted = values - values.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def _l2_normalized(values: np.ndarray) -> np.ndarray:
    length = np.sqrt((values ** 2).sum(-1, keepdims=True))
    return np.divide(values, length, out=np.zeros_like(values), where=length > 0)


def _reduced(function: Callable[..., Any]) -> Kernel:
    def kernel(options: Options, inputs: Inputs, shapes: Shapes) -> Outputs:
        axes = tuple(int(axis) for axis in np.ravel(inputs[1]))
        return [function(inputs[0], axis=axes).reshape(shapes[0])]
    return kernel


def _index_of(function: Callable[..., Any]) -> Kernel:
    def kernel(options: Options, inputs: Inputs, shapes: Shapes) -> Outputs:
        return [function(inputs[0], axis=int(inputs[1])).reshape(shapes[0])]
    return kernel


KERNELS: Dict[str, Kernel] = {
    "ADD": _each(np.add),
    "SUB": _each(np.subtract),
    "MUL": _each(np.multiply),
    "MAXIMUM": _each(np.maximum),
    "MINIMUM": _each(np.minimum),
    "GREATER": _each(np.greater),
    "GREATER_EQUAL": _each(np.greater_equal),
    "LESS": _each(np.less),
    "LESS_EQUAL": _each(np.less_equal),
    "EQUAL": _each(np.equal),
    "NOT_EQUAL": _each(np.not_equal),
    "SELECT": _each(np.where),
    "RELU": _each(lambda x: np.maximum(x, 0.0)),
    "RELU6": _each(lambda x: np.clip(x, 0.0, 6.0)),
    "RELU_N1_TO_1": _each(lambda x: np.clip(x, -1.0, 1.0)),
    "LEAKY_RELU": _leaky_relu,
    "PRELU": _each(lambda x, slope: np.where(x < 0, x * slope, x)),
    "LOGISTIC": _each(lambda x: (1 + np.tanh(x / 2)) / 2),
    "TANH": _each(np.tanh),
    "SOFTMAX": _softmax,
    "LOG_SOFTMAX": _each(_log_softmax),
    "L2_NORMALIZATION": _each(_l2_normalized),
    "MEAN": _reduced(np.mean),
    "SUM": _reduced(np.sum),
    "REDUCE_MAX": _reduced(np.max),
    "REDUCE_MIN": _reduced(np.min),
    "ARG_MAX": _index_of(np.argmax),
    "ARG_MIN": _index_of(np.argmin),
}
