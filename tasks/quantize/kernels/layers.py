"""The operations with weights: the roles of their inputs, and of the axes of their weights."""

from typing import Dict, List, NamedTuple, Tuple

import numpy as np


class Layer(NamedTuple):
    """One type of operation that multiplies its input by weights.

    data, weights:  the indices of these inputs.
    output_axes:    the axes of the weights that run over the output channels, in order.
    input_axis:     the axis of the weights that runs over the input channels.
    fuses_bias:     whether its kernel adds a bias.
    transposed:     whether toco transposes the weights.
    """

    data: int
    weights: int
    output_axes: Tuple[int, ...]
    input_axis: int
    fuses_bias: bool = True
    transposed: bool = False


LAYERS: Dict[str, Layer] = {
    # weights: [height, width, in, out]
    "Conv2D": Layer(data=0, weights=1, output_axes=(3,), input_axis=2),
    # [height, width, in, multiplier]
    "DepthwiseConv2dNative": Layer(data=0, weights=1, output_axes=(2, 3), input_axis=2),
    # [in, out]
    "MatMul": Layer(data=0, weights=1, output_axes=(1,), input_axis=0, transposed=True),
    # [height, width, out, in]
    "Conv2DBackpropInput": Layer(data=2, weights=1, output_axes=(2,), input_axis=3, fuses_bias=False, transposed=True),
}

BIAS_INPUT = 1
"""The index of the bias among the inputs of a BiasAdd."""


def data_input(op: str) -> int:
    """The index of the data input of a layer, or of an operation with one data input."""
    return LAYERS[op].data if op in LAYERS else 0


def for_outputs(op: str, weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    """`values`, one for each output channel, in a shape that broadcasts with the layer's weights."""
    return values.reshape([size if axis in LAYERS[op].output_axes else 1 for axis, size in enumerate(weights.shape)])


def for_inputs(op: str, weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    """`values`, one for each input channel, in a shape that broadcasts with the layer's weights."""
    return values.reshape([-1 if axis == LAYERS[op].input_axis else 1 for axis in range(weights.ndim)])


def within_outputs(op: str, weights: np.ndarray) -> Tuple[int, ...]:
    """The axes of the weights other than those of the output channels."""
    return _others(weights, list(LAYERS[op].output_axes))


def within_inputs(op: str, weights: np.ndarray) -> Tuple[int, ...]:
    """The axes of the weights other than that of the input channels."""
    return _others(weights, [LAYERS[op].input_axis])


def _others(weights: np.ndarray, axes: List[int]) -> Tuple[int, ...]:
    return tuple(axis for axis in range(weights.ndim) if axis not in axes)
