"""The ranges of activations, as variables of a training or an evaluation graph.

Each run of a training graph moves a range towards what it sees:

    range <- range + momentum * (range of the batch - range)

`momentum` is fed: 1 / (k + 1) for batch k of a calibration, which makes the mean over its batches; 1 / n in
training, a moving average that remembers n steps; 0, its default, leaves every range as it is.
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
    """Reals between which codes 0..255 lie; `low` <= 0 <= `high`."""

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
    """A moving-average range in a graph. tensor: the name of the one that it is for.

    ends: the two variables, as they were trained. moved: their values after a run of the graph has moved them. range:
    what those are made into, for the kernels' sake. observed: what it must hold; none in an evaluation graph of what
    several tensors share.
    """

    tensor: str
    ends: Ends
    moved: Ends
    range: Ends
    observed: List[tf.Tensor]


class MovingRange(NamedTuple):
    """What a `Trained` range of the same fields will be, before it is in its graph."""

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
        """What the graph must have of it, by name."""
        found = {each.name: each for variable in self.variables for each in variable}
        for variable, moved, made in zip(self.variables, self.moved, self.range):
            found[variable.variable.name + "/moved"] = moved
            found[variable.variable.name + "/made"] = made
        return found

    def trained(self, made: Mapping[Deferred, tf.Tensor]) -> Trained:
        """The range as its graph, which is the current one, has it."""
        return Trained(self.tensor, Ends(*(variables.imported(made[each.variable].op.name, False)
                                           for each in self.variables)),
                       Ends(*(made[end] for end in self.moved)), Ends(*(made[end] for end in self.range)),
                       self.observed)


def momentum(graph: tf.Graph) -> tf.Tensor:
    """The graph's one momentum, a scalar float32 placeholder with 0 as default."""
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
    """A moving-average range for the tensor, over all that the tensors `observed` hold, 0 included.

    It is wide enough for its scale to reach each of `least_scales`, as far as `limits` and `within` let it: the
    kernels' multipliers may not exceed 1 (MUL aborts the interpreter's process, convolutions are off by 2 LSB). Its
    scale is never more than each of `most_scales`. It never leaves `limits`, low <= 0 <= high, whose clamp it does by
    its ends, nor each of `within`, beyond which what reads it makes no difference.
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
    """The range, through which no gradient comes: it moves by what it sees."""
    return Range(Deferred("StopGradient", found.low), Deferred("StopGradient", found.high))


def _cut(wide: Range, limits: Limits, least: Deferred) -> Range:
    """The range within the limits. Where they leave one end free, that makes up for what they cut off the other."""
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
    """The range, at least as wide as `least`, which is no less than `least_width`."""
    width = found.high - found.low
    nothing = number(least_width * 1e-6)
    is_nothing = Deferred("LessEqual", width, nothing)
    factor = maximum(number(1.0), least / maximum(width, nothing))
    low, high = found.low * factor, found.high * factor
    # A range of no width is widened upwards, where most activations are, or else to where it may be.
    if upwards:
        high = where(is_nothing, least, high)
    else:
        low = where(is_nothing, -least, low)
    return Range(low, high)


def _least(scales: Sequence[Deferred], width: float) -> Deferred:
    """The least width that reaches each of the scales and is no less than `width`."""
    return functools.reduce(maximum, [number(CODES) * scale for scale in scales], number(width))


def of_weights(weights: tf.Tensor, least_scales: Sequence[Deferred]) -> Range:
    """The range of a layer's weights as they are, 0 included; its scale reaches each of `least_scales`."""
    nothing = number(0.0)
    found = Range(minimum(least_of(weights), nothing), maximum(greatest_of(weights), nothing))
    return _not_trained(_widened(found, _least(least_scales, LEAST_WEIGHTS_WIDTH), LEAST_WEIGHTS_WIDTH))


def of_weights_reaching(found: Range, least_scale: Deferred) -> Range:
    """A range of weights, widened until its scale reaches that."""
    return _not_trained(_widened(found, _least([least_scale], LEAST_WEIGHTS_WIDTH), LEAST_WEIGHTS_WIDTH))
