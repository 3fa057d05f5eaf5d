"""The ranges of activations, as variables of a training or an evaluation graph.

Each run of a training graph moves a range towards what it sees:

    range <- range + momentum * (range of the batch - range)

`momentum` is fed: 1 / (k + 1) for batch k of a calibration, which makes the mean over its batches; 1 / n in
training, a moving average that remembers n steps; 0, its default, leaves every range as it is.
"""

import functools
import math
from typing import List, NamedTuple, Sequence, Tuple

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
        return (self.high - self.low) / CODES


class Trained(NamedTuple):
    """A moving-average range, after the tensor that it is for.

    ends: the two variables, scalar float32, as they were trained. range: what they were made into, for the
    kernels' sake. observed: what it must hold; none in an evaluation graph of what several tensors share.
    """

    tensor: str
    ends: Range
    range: Range
    observed: List[tf.Tensor]


def momentum(graph: tf.Graph) -> tf.Tensor:
    """The graph's one momentum, a scalar float32 placeholder with 0 as default."""
    try:
        return graph.get_tensor_by_name(MOMENTUM + ":0")
    except KeyError:
        with graph.as_default(), tf.name_scope(None):
            return tf.placeholder_with_default(tf.constant(0.0), [], MOMENTUM)


def fixed(low: float, high: float) -> Range:
    return Range(tf.constant(low, tf.float32), tf.constant(high, tf.float32))


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
            nothing = tf.constant(0.0)
            lows = functools.reduce(tf.minimum, [tf.reduce_min(tensor) for tensor in observed], nothing)
            highs = functools.reduce(tf.maximum, [tf.reduce_max(tensor) for tensor in observed], nothing)
            moved = Range(tf.assign_add(low, rate * (tf.stop_gradient(lows) - low)),
                          tf.assign_add(high, rate * (tf.stop_gradient(highs) - high)))
        else:
            moved = Range(tf.identity(low), tf.identity(high))
        wide = _cut(_widened(moved, least_scales, upwards=limits[1] > 0), limits, least_scales)
        for far in within:
            wide = Range(tf.maximum(wide.low, tf.stop_gradient(far.low)),
                         tf.minimum(wide.high, tf.stop_gradient(far.high)))
        if most_scales:
            share = tf.stop_gradient(tf.minimum(1.0, functools.reduce(tf.minimum, most_scales) / wide.scale))
            wide = Range(wide.low * share, wide.high * share)
        return Trained(name, Range(low, high), wide, list(observed))


def _cut(wide: Range, limits: Limits, least_scales: Sequence[tf.Tensor]) -> Range:
    """The range within the limits. Where they leave one end free, that makes up for what they cut off the other."""
    low, high = wide
    if limits == ANYTHING:
        return wide
    if limits[0] > -math.inf:
        low = tf.maximum(low, limits[0])
    if limits[1] < math.inf:
        high = tf.minimum(high, limits[1])
    least = _least(least_scales, LEAST_WIDTH)
    if limits[1] == math.inf:
        high = tf.maximum(high, low + least)
    elif limits[0] == -math.inf:
        low = tf.minimum(low, high - least)
    return Range(tf.stop_gradient(low), tf.stop_gradient(high))


def _widened(found: Range, least_scales: Sequence[tf.Tensor], least_width: float = LEAST_WIDTH,
             upwards: bool = True) -> Range:
    width = found.high - found.low
    least = _least(least_scales, least_width)
    nothing = tf.constant(least_width * 1e-6)
    factor = tf.maximum(1.0, least / tf.maximum(width, nothing))
    low, high = found.low * factor, found.high * factor
    # A range of no width is widened upwards, where most activations are, or else to where it may be.
    if upwards:
        high = tf.where(width <= nothing, least, high)
    else:
        low = tf.where(width <= nothing, -least, low)
    return Range(tf.stop_gradient(low), tf.stop_gradient(high))


def _least(scales: Sequence[tf.Tensor], width: float) -> tf.Tensor:
    """The least width that reaches each of the scales and is no less than `width`."""
    return functools.reduce(tf.maximum, [CODES * scale for scale in scales], tf.constant(width))


def of_weights(weights: tf.Tensor, least_scales: Sequence[tf.Tensor]) -> Range:
    """The range of a layer's weights as they are, 0 included; its scale reaches each of `least_scales`."""
    nothing = tf.constant(0.0)
    found = Range(tf.minimum(tf.reduce_min(weights), nothing), tf.maximum(tf.reduce_max(weights), nothing))
    return _widened(found, least_scales, LEAST_WEIGHTS_WIDTH)


def of_weights_reaching(found: Range, least_scale: tf.Tensor) -> Range:
    """A range of weights, widened until its scale reaches that."""
    return _widened(found, [least_scale], LEAST_WEIGHTS_WIDTH)
