"""The ranges of activations, as variables of a training or an evaluation graph.

Each run of a training graph moves a range towards the range of its batch:

    range <- range + momentum * (range of the batch - range)

`momentum` is fed: 1 / (k + 1) for batch k of a calibration, which gives the mean over its batches; 1 / n in training,
which gives a moving average over about n steps. Its default of 0 leaves every range unchanged.
"""

import functools
import math
from typing import Dict, List, Mapping, NamedTuple, Sequence, Tuple

import tensorflow as tf

from octet.quantization import STEPS
from tasks.graph import variables
from tasks.graph.deferred import Deferred, greatest_of, least_of, maximum, minimum, number, where
from tasks.quantize.kernels.uint8_kernels import RELUS

MOMENTUM = "octet/range_momentum"
# The least width of a range, for tensors that are always 0, or nearly. The kernels shift by the quotient of two scales,
# and a shift of 32 bits is wrong: a SUB of operands with the scale 4e-8, to the scale 5e-4, gave 255 in place of 0.
LEAST_WIDTH = 1e-3
LEAST_WEIGHTS_WIDTH = 1e-4
CODES = float(STEPS)
CUT = 2.0 ** 20
"""The ends of a clamp's input range are at most this multiple of the clamp's bounds, so that its codes fit 32 bits."""

Limits = Tuple[float, float]
ANYTHING = (-math.inf, math.inf)


class Range(NamedTuple):
    """The real numbers of codes 0 and 255; `low` <= 0 <= `high`."""

    low: Deferred
    high: Deferred

    @property
    def scale(self) -> Deferred:
        return (self.high - self.low) / number(CODES)


class Ends(NamedTuple):
    """The ends of a range in a graph, scalar float32 tensors."""

    low: tf.Tensor
    high: tf.Tensor


class Trained(NamedTuple):
    """A moving-average range in a graph. tensor: the name of the tensor that has it.

    ends: its two variables. moved: their values after the update in a run of the graph. range: `moved`, widened or cut
    for the kernels. observed: the tensors whose values it must contain; an empty list in an evaluation graph if several
    tensors share the range.
    """

    tensor: str
    ends: Ends
    moved: Ends
    range: Ends
    observed: List[tf.Tensor]


class MovingRange(NamedTuple):
    """A `Trained` range, with the same fields, before it is added to its graph."""

    tensor: str
    variables: Tuple[variables.Scalar, variables.Scalar]
    moved: Range
    range: Range
    observed: List[tf.Tensor]

    @property
    def ends(self) -> Range:
        """The values of its variables."""
        return Range(*(each.value for each in self.variables))

    def wanted(self) -> Dict[str, Deferred]:
        """{name: each variable and tensor of it that must be added to the graph}."""
        found = {each.name: each for variable in self.variables for each in variable}
        for variable, moved, made in zip(self.variables, self.moved, self.range):
            found[variable.variable.name + "/moved"] = moved
            found[variable.variable.name + "/made"] = made
        return found

    def trained(self, made: Mapping[Deferred, tf.Tensor]) -> Trained:
        """The range in the current graph, to which it was added. made: {what was added: its tensor}."""
        return Trained(self.tensor, Ends(*(variables.imported(made[each.variable].op.name, False)
                                           for each in self.variables)),
                       Ends(*(made[end] for end in self.moved)), Ends(*(made[end] for end in self.range)),
                       self.observed)


def momentum(graph: tf.Graph) -> tf.Tensor:
    """The momentum of all ranges of the graph, a scalar float32 placeholder with 0 as default."""
    try:
        return graph.get_tensor_by_name(MOMENTUM + ":0")
    except KeyError:
        with graph.as_default(), tf.name_scope(None):
            return tf.placeholder_with_default(tf.constant(0.0), [], MOMENTUM)


def fixed(low: float, high: float) -> Range:
    return Range(number(low), number(high))


def moving(tensor: tf.Tensor, observed: Sequence[tf.Tensor], least_scales: Sequence[Deferred],
           training: bool, limits: Limits = ANYTHING, most_scales: Sequence[Deferred] = (),
           within: Sequence[Range] = ()) -> MovingRange:
    """A moving average of the range of the `observed` tensors' values and 0, for the tensor.

    Its scale is at least each of `least_scales`, as far as `limits` and `within` permit, because a multiplier of a
    kernel must not exceed 1 (MUL aborts the interpreter's process, convolutions are off by 2 LSB). Its scale is at most
    each of `most_scales`. It stays inside `limits`, low <= 0 <= high, since its ends do the work of that clamp, and
    inside each of `within`, since the tensor's readers clamp values outside anyway.
    """
    name = tensor.graph.unique_name("ranges/" + tensor.op.name)
    low, high = variables.scalar(name + "/min"), variables.scalar(name + "/max")
    moved = Range(low.value, high.value)
    if training:
        rate = momentum(tensor.graph)
        signed = [each for each in observed if each.op.type not in RELUS]  # a ReLU gives nothing below 0
        lows = functools.reduce(minimum, map(least_of, signed), number(0.0))
        highs = functools.reduce(maximum, map(greatest_of, observed), number(0.0))
        moved = Range(*(Deferred("AssignAdd", end.variable, Deferred("Mul", rate, seen - end.value))
                        for end, seen in ((low, lows), (high, highs))))
    least = _least(least_scales, LEAST_WIDTH)
    wide = _cut(_widened(moved, least, LEAST_WIDTH, upwards=limits[1] > 0), limits, least)
    for far in within:
        wide = Range(maximum(wide.low, far.low), minimum(wide.high, far.high))
    if most_scales:
        share = minimum(number(1.0), functools.reduce(minimum, most_scales) / wide.scale)
        wide = Range(wide.low * share, wide.high * share)
    return MovingRange(tensor.op.name, (low, high), moved, _not_trained(wide), list(observed))


def _not_trained(found: Range) -> Range:
    """The range without a gradient: it is a moving average, and is not trained by the loss."""
    return Range(Deferred("StopGradient", found.low), Deferred("StopGradient", found.high))


def _cut(wide: Range, limits: Limits, least: Deferred) -> Range:
    """The range, cut at the limits. If only one end is limited, the other end keeps the width at `least`."""
    low, high = wide
    if limits == ANYTHING:
        return wide
    if limits[0] > -math.inf:
        low = maximum(low, number(limits[0]))
    if limits[1] < math.inf:
        high = minimum(high, number(limits[1]))
    if limits[1] == math.inf:
        high = maximum(high, low + least)
    elif limits[0] == -math.inf:
        low = minimum(low, high - least)
    return Range(low, high)


def _widened(found: Range, least: Deferred, least_width: float, upwards: bool = True) -> Range:
    """The range, widened to `least`, which is at least `least_width`."""
    width = found.high - found.low
    nothing = number(least_width * 1e-6)
    is_nothing = Deferred("LessEqual", width, nothing)
    factor = maximum(number(1.0), least / maximum(width, nothing))
    low, high = found.low * factor, found.high * factor
    # A range of width 0 is widened upwards, because most activations are positive, or downwards if `upwards` is false.
    if upwards:
        high = where(is_nothing, least, high)
    else:
        low = where(is_nothing, -least, low)
    return Range(low, high)


def _least(scales: Sequence[Deferred], width: float) -> Deferred:
    """The least width whose scale is at least each of the scales; at least `width`."""
    return functools.reduce(maximum, [number(CODES) * scale for scale in scales], number(width))


def of_weights(weights: tf.Tensor, least_scales: Sequence[Deferred]) -> Range:
    """The range of a layer's current weights and 0. Its scale is at least each of `least_scales`."""
    nothing = number(0.0)
    found = Range(minimum(least_of(weights), nothing), maximum(greatest_of(weights), nothing))
    return _not_trained(_widened(found, _least(least_scales, LEAST_WEIGHTS_WIDTH), LEAST_WEIGHTS_WIDTH))


def of_weights_reaching(found: Range, least_scale: Deferred) -> Range:
    """A range of weights, widened so that its scale is at least `least_scale`."""
    return _not_trained(_widened(found, _least([least_scale], LEAST_WEIGHTS_WIDTH), LEAST_WEIGHTS_WIDTH))
