"""The bounds of each tensor's scale within which the integer arithmetic of the kernels is correct.

A kernel multiplies a sum of codes by (product of its operands' scales) / (scale of its output). This multiplier must
not exceed 1, except where a clamp limits the output. It must not need a shift of 32 bits or more, and a value before
a clamp must fit 32 bits.
"""

import collections
import functools
import math
from typing import Any, Callable, Dict, List, Optional

import tensorflow as tf

from octet.quantization import NARROW_STEPS
from tasks.graph.deferred import Deferred, greatest_absolute_of, maximum, number
from tasks.quantize.ir.kernel_groups import KernelGroups, data, kernel, known_kernel, mark, source
from tasks.quantize.ir.nodes import REQUANTIZE, SATURATE
from tasks.quantize.ir.toco_rules import is_read_alone
from tasks.quantize.kernels import uint8_kernels
from tasks.quantize.ranges import fake_quants, trained_range
from tasks.quantize.ranges.shared import Group, origin
from tasks.quantize.ranges.trained_range import Limits, Range

LAYER_ROOM = 1.001  # keeps a layer's multiplier below 1 in spite of float rounding
# MUL, ADD and SUB overflow if their result is 32,768 codes or more from the zero point. With an output scale of at
# least PRODUCT_ROOM * (product of the operands' scales), a product is at most 255 * 255 / 2.1 codes. With one of at
# least SUM_ROOM * (sum of the operands' scales), a sum is at most 255 / 0.01 codes.
PRODUCT_ROOM = 2.1
SUM_ROOM = 0.01
BIAS_CODES = 2.0 ** 29  # the largest bias, an int32 in units of input scale * weight scale
# The largest value before a clamp, in codes of the clamp's range: a multiplier above 1 shifts the sum to the left.
CUT_CODES = 2.0 ** 29
MOST_MULTIPLIER = CUT_CODES / trained_range.CODES ** 2  # of a clamp of x * 1, whose sum is at most 255 * 254
LEAST_MULTIPLIER = 2.0 ** -30  # below 2^-32, the shift of 32 bits is undefined: FULLY_CONNECTED gave 255 in place of 0

WeightsScale = Callable[[tf.Operation, Deferred, Optional[tf.Tensor]], Deferred]
"""(a layer, the scale of its input, its bias or None) -> the scale of its weights."""


class Scales:
    """The bounds of each tensor's scale.

    range_of: gives the range of a tensor that already has one. weights: {fake-quant of a layer's weights: its
    range}."""

    def __init__(self, kernel_groups: KernelGroups, range_of: Callable[[tf.Tensor], Range]) -> None:
        self.kernel_groups, self.range_of = kernel_groups, range_of
        self.weights: Dict[tf.Operation, Range] = {}
        self._scales: Dict[Range, Deferred] = {}
        # (least, most) scale of each tensor at which a kernel that reads it is correct.
        self._between: Dict[tf.Tensor, List[Limits]] = collections.defaultdict(list)
        self._clamped: Dict[tf.Tensor, Limits] = {}  # the bounds of tensors that only a clamp reads
        for operation in (one for one in kernel_groups.operations if not kernel_groups.fused(one)):
            for tensor in map(origin, self._read(operation)):
                scales = known_kernel(operation).scales
                if scales is not None:
                    self._between[tensor].append(scales)
            if self._is_cut(operation):
                self._clamped[origin(self._read(operation)[0])] = limits(kernel_groups, operation)

    def least(self, operation: tf.Operation, group: Optional[Group] = None) -> List[Deferred]:
        """The least scales of the operation's output, for `trained_range.moving`. Also gives the operation's weights
        their range. group: the tensors that share a range with the output, if any."""
        if group is not None and self._is_alpha(operation, group):
            # alpha * x, with alpha in 0..1, has the range of x, so its multiplier is the scale of alpha: below 1.
            self._weights(self._layer(operation), number(1.0), None)
            return []
        return self._least(operation, self.range_of, self._weights)

    def finest(self, tensor: tf.Tensor) -> List[Deferred]:
        """The least scales of the tensor at which the kernels that read it are correct."""
        return [number(least) for least, _ in self._between[tensor] if least]

    def coarsest(self, tensor: tf.Tensor) -> List[Deferred]:
        """The largest scales of the tensor at which the kernels that read it are correct."""
        return [maximum(number(most), self._least_of_a_product(tensor))
                for _, most in self._between[tensor] if math.isfinite(most)]

    def within(self, tensor: tf.Tensor) -> List[Range]:
        """The largest range of a tensor that only a clamp reads, in a list, so that the clamp's input fits 32 bits. An
        empty list for any other tensor.

        Each end has its own bound, a multiple of the clamp's bound on that side, because the clamp's bounds may differ
        much and the data may reach the smaller one only. Where the clamp's bound is 0, the other one is used. A product
        keeps at least the range that its kernel needs.
        """
        if tensor not in self._clamped:
            return []
        ends = [abs(end) for end in self._clamped[tensor]]
        low, high = (maximum(number(trained_range.CUT * (end or max(ends))),
                                number(trained_range.CODES) * self._least_of_a_product(tensor)) for end in ends)
        return [Range(-low, high)]

    def reach(self, group: Group, ends_of: Callable[[tf.Tensor], Range]) -> None:
        """Widens the ranges of weights whose layers are tied to others, so that no multiplier is below
        LEAST_MULTIPLIER with the shared range.

        ends_of: gives the range of a tensor from its variables, because an observed range may depend on these weights.
        """
        tied = [operation for operation in group.produced if not self._is_alpha(operation, group)]
        if len(tied) == 1:  # the range is that of its own output, so the multiplier is not so small
            return
        made = functools.reduce(maximum, [
            ends_of(group.tensors[-1]).scale,
            *(scale for tensor in group.tensors for scale in self.finest(tensor)),
            *(scale for operation in tied for scale in self._least(operation, ends_of, _scale_of_weights_alone))])
        for operation in tied:
            layer = self._layer(operation)
            if layer is None:
                continue
            incoming = maximum(ends_of(self._read(operation)[0]).scale,
                                  number(trained_range.LEAST_WIDTH / trained_range.CODES))
            seen = layer.inputs[known_kernel(layer).weights_input].op
            least = number(LEAST_MULTIPLIER) * made / incoming
            self.weights[seen] = trained_range.of_weights_reaching(self.weights[seen], least)

    def _least(self, operation: tf.Operation, range_of: Callable[[tf.Tensor], Range],
               weights_scale: WeightsScale) -> List[Deferred]:
        incoming = [self._scale(range_of(tensor)) for tensor in self._read(operation)]
        chain, layer = self.kernel_groups.group(operation), self._layer(operation)
        if layer is not None:
            bias = next((member.inputs[1] for member in chain if member.type == "BiasAdd"), None)
            multiplied = incoming[0] * weights_scale(layer, incoming[0], bias)
            return [multiplied / number(MOST_MULTIPLIER) if self._only_clamps(operation) else
                    number(LAYER_ROOM) * multiplied]
        if chain[0].type == "Mul":
            return [number(PRODUCT_ROOM) * incoming[0] * incoming[1]]
        if chain[0].type in uint8_kernels.SUMS:
            return [number(SUM_ROOM) * (incoming[0] + incoming[1])]
        return []

    def _scale(self, found: Range) -> Deferred:
        if found not in self._scales:
            self._scales[found] = found.scale
        return self._scales[found]

    def _least_of_a_product(self, tensor: tf.Tensor) -> Deferred:
        """The least scale of a product (a multiplier above 1 ends the process); 0 for other tensors."""
        is_product = self.kernel_groups.group(tensor.op)[0].type == "Mul"
        return self.least(tensor.op)[0] if is_product else number(0.0)

    def _is_cut(self, operation: tf.Operation) -> bool:
        """Whether the range of the operation's input may be limited: the operation clamps it on both sides, and no
        other operation reads it."""
        low, high = limits(self.kernel_groups, operation)
        return (math.isfinite(high - low) and self._only_clamps(operation)
                and is_read_alone(self.kernel_groups, self._read(operation)[0]))

    def _only_clamps(self, operation: tf.Operation) -> bool:
        """Whether the kernel that ends with this operation computes only a clamp of x * 1."""
        return mark(operation) == SATURATE and mark(self.kernel_groups.group(operation)[0]) == REQUANTIZE

    def _is_alpha(self, operation: tf.Operation, group: Group) -> bool:
        """Whether the operation is the alpha * x of max(x, alpha * x): it reads a tensor of its own group."""
        return any(origin(tensor) in group.tensors for tensor in self._read(operation))

    def _layer(self, operation: tf.Operation) -> Optional[tf.Operation]:
        """The layer in the kernel that ends with this operation, or None."""
        for member in self.kernel_groups.group(operation):
            found = kernel(member)
            if found is not None and found.kind == uint8_kernels.LAYER:
                return member
        return None

    def _read(self, operation: tf.Operation) -> List[tf.Tensor]:
        """The data inputs of the kernel that ends with this operation."""
        return data(self.kernel_groups.group(operation)[0])

    def _weights(self, layer: tf.Operation, incoming: Deferred, bias: Optional[tf.Tensor]) -> Deferred:
        """Inserts a fake-quant after a layer's weights, unless it has one, gives it a range, and returns its scale."""
        index = known_kernel(layer).weights_input
        seen = layer.inputs[index]
        if seen.op not in self.weights:  # otherwise the layer is applied again, perhaps to its own output
            weights = source(seen)
            least = [] if bias is None else [greatest_absolute_of(bias) / (number(BIAS_CODES) * incoming)]
            if seen is weights:
                seen = fake_quants.insert(weights, layer.name + "/octet_weights", narrow_range=True)
                layer._update_input(index, seen)
            self.weights[seen.op] = trained_range.of_weights(weights, least)
        return _weights_scale(self.weights[seen.op])


def limits(kernel_groups: KernelGroups, operation: tf.Operation) -> Limits:
    """(low, high): the bounds of the clamps in the kernel that ends with this operation."""
    low, high = trained_range.ANYTHING
    if mark(operation) != SATURATE:
        return low, high
    for member in kernel_groups.group(operation):
        if mark(member) == SATURATE:
            bound = float(tf.get_static_value(member.inputs[1]))
            low, high = (max(low, bound), high) if member.type == "Maximum" else (low, min(high, bound))
    return low, high


def _scale_of_weights_alone(layer: tf.Operation, *_: Any) -> Deferred:
    return _weights_scale(trained_range.of_weights(source(layer.inputs[known_kernel(layer).weights_input]), []))


def _weights_scale(found: Range) -> Deferred:
    return (found.high - found.low) / number(NARROW_STEPS)
