"""The ranges of activations, as variables of a training or an evaluation graph.

Each run of a training graph moves a range towards what it sees:

    range <- range + momentum * (range of the batch - range)

`momentum` is fed: 1 / (k + 1) for batch k of a calibration, which makes the mean over its batches; 1 / n in
training, a moving average that remembers n steps; 0, its default, leaves every range as it is.
"""

import functools
import math
from typing import List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
import tensorflow as tf

from octet.quantization import STEPS

MOMENTUM = "octet/range_momentum"
# Of a tensor that is always 0, or nearly. The kernels shift by the quotient of scales, and go wrong at 32 bits:
# a SUB from 4e-8 to 5e-4 gave 255 for 0.
LEAST_WIDTH = 1e-3
LEAST_WEIGHTS_WIDTH = 1e-4
CODES = float(STEPS)
CUT = 2.0 ** 20
"""How many times each of a clamp's ends away its input may be: 32 bits hold so many codes of a range with that end."""

Limits = Tuple[float, float]
ANYTHING = (-math.inf, math.inf)


class Range(NamedTuple):
    """Reals between which codes 0..255 lie; scalar float32 tensors, `low` <= 0 <= `high`."""

    low: tf.Tensor
    high: tf.Tensor

    @property
    def scale(self) -> tf.Tensor:
        return (self.high - self.low) / number(CODES)


class Trained(NamedTuple):
    """A moving-average range, after the tensor that it is for.

    ends: the two variables, scalar float32, as they were trained. moved: their values after a run of the graph has
    moved them. range: what those are made into, for the kernels' sake. observed: what it must hold; none in an
    evaluation graph of what several tensors share.
    """

    tensor: str
    ends: Range
    moved: Range
    range: Range
    observed: List[tf.Tensor]


def momentum(graph: tf.Graph) -> tf.Tensor:
    """The graph's one momentum, a scalar float32 placeholder with 0 as default."""
    try:
        return graph.get_tensor_by_name(MOMENTUM + ":0")
    except KeyError:
        with graph.as_default(), tf.name_scope(None):
            return tf.placeholder_with_default(tf.constant(0.0), [], MOMENTUM)


def number(value: float) -> tf.Tensor:
    """The current graph's one constant of this value, a scalar float32.

    The arithmetic of a large network's ranges would have thousands of constants, each as dear to make as the sum that
    reads it."""
    graph, name = tf.get_default_graph(), "octet/number/{!r}".format(float(value)).replace("+", "")
    try:
        return graph.get_tensor_by_name(name + ":0")
    except KeyError:
        with tf.name_scope(None), tf.control_dependencies(None):
            return tf.constant(value, tf.float32, name=name)


def least_of(tensor: tf.Tensor) -> tf.Tensor:
    """The least of all values, a scalar."""
    return tf.reduce_min(tensor, _axes(tensor))


def greatest_of(tensor: tf.Tensor) -> tf.Tensor:
    """The greatest of all values, a scalar."""
    return tf.reduce_max(tensor, _axes(tensor))


def _axes(tensor: tf.Tensor) -> Optional[tf.Tensor]:
    """All axes of the tensor: the graph's one constant of so many. None where their number is unknown."""
    if tensor.shape.ndims is None:
        return None
    name = "octet/axes/{}".format(tensor.shape.ndims)
    try:
        return tensor.graph.get_tensor_by_name(name + ":0")
    except KeyError:
        with tf.name_scope(None), tf.control_dependencies(None):
            return tf.constant(np.arange(tensor.shape.ndims), tf.int32, name=name)


def fixed(low: float, high: float) -> Range:
    return Range(number(low), number(high))


def trained(name: str, observed: Sequence[tf.Tensor], least_scales: Sequence[tf.Tensor],
            training: bool, limits: Limits = ANYTHING, most_scales: Sequence[tf.Tensor] = (),
            within: Sequence[Range] = ()) -> Trained:
    """A moving-average range `name` over all that the tensors hold, 0 included.

    It is wide enough for its scale to reach each of `least_scales`, as far as `limits` and `within` let it: the
    kernels' multipliers may not exceed 1 (MUL aborts the interpreter's process, convolutions are off by 2 LSB). Its
    scale is never more than each of `most_scales`. It never leaves `limits`, low <= 0 <= high, whose clamp it does by
    its ends, nor each of `within`, beyond which what reads it makes no difference.
    """
    with tf.variable_scope(None, default_name="ranges/" + name):
        low, high = (tf.get_variable(end, [], tf.float32, tf.zeros_initializer(), trainable=False)
                     for end in ("min", "max"))
    # A variable alone in its scope's name scope: what computes from it must not take its name.
    with tf.name_scope("ranges/" + name + "/width"):
        if training:
            rate = momentum(low.graph)
            lows = functools.reduce(tf.minimum, map(least_of, observed), number(0.0))
            highs = functools.reduce(tf.maximum, map(greatest_of, observed), number(0.0))
            moved = Range(tf.assign_add(low, rate * (lows - low)), tf.assign_add(high, rate * (highs - high)))
        else:
            moved = Range(tf.identity(low), tf.identity(high))
        least = _least(least_scales, LEAST_WIDTH)
        wide = _cut(_widened(moved, least, LEAST_WIDTH, upwards=limits[1] > 0), limits, least)
        for far in within:
            wide = Range(tf.maximum(wide.low, far.low), tf.minimum(wide.high, far.high))
        if most_scales:
            share = tf.minimum(number(1.0), functools.reduce(tf.minimum, most_scales) / wide.scale)
            wide = Range(wide.low * share, wide.high * share)
        return Trained(name, Range(low, high), moved, _not_trained(wide), list(observed))


def _not_trained(found: Range) -> Range:
    """The range, through which no gradient comes: it moves by what it sees."""
    return Range(tf.stop_gradient(found.low), tf.stop_gradient(found.high))


def _cut(wide: Range, limits: Limits, least: tf.Tensor) -> Range:
    """The range within the limits. Where they leave one end free, that makes up for what they cut off the other."""
    low, high = wide
    if limits == ANYTHING:
        return wide
    if limits[0] > -math.inf:
        low = tf.maximum(low, number(limits[0]))
    if limits[1] < math.inf:
        high = tf.minimum(high, number(limits[1]))
    if limits[1] == math.inf:
        high = tf.maximum(high, low + least)
    elif limits[0] == -math.inf:
        low = tf.minimum(low, high - least)
    return Range(low, high)


def _widened(found: Range, least: tf.Tensor, least_width: float, upwards: bool = True) -> Range:
    """The range, at least as wide as `least`, which is no less than `least_width`."""
    width = found.high - found.low
    nothing = number(least_width * 1e-6)
    factor = tf.maximum(number(1.0), least / tf.maximum(width, nothing))
    low, high = found.low * factor, found.high * factor
    # A range of no width is widened upwards, where most activations are, or else to where it may be.
    if upwards:
        high = tf.where(width <= nothing, least, high)
    else:
        low = tf.where(width <= nothing, -least, low)
    return Range(low, high)


def _least(scales: Sequence[tf.Tensor], width: float) -> tf.Tensor:
    """The least width that reaches each of the scales and is no less than `width`."""
    return functools.reduce(tf.maximum, [number(CODES) * scale for scale in scales], number(width))


def of_weights(weights: tf.Tensor, least_scales: Sequence[tf.Tensor]) -> Range:
    """The range of a layer's weights as they are, 0 included; its scale reaches each of `least_scales`."""
    nothing = number(0.0)
    found = Range(tf.minimum(least_of(weights), nothing), tf.maximum(greatest_of(weights), nothing))
    return _not_trained(_widened(found, _least(least_scales, LEAST_WEIGHTS_WIDTH), LEAST_WEIGHTS_WIDTH))


def of_weights_reaching(found: Range, least_scale: tf.Tensor) -> Range:
    """A range of weights, widened until its scale reaches that."""
    return _not_trained(_widened(found, _least([least_scale], LEAST_WEIGHTS_WIDTH), LEAST_WEIGHTS_WIDTH))
