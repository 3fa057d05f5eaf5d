"""Between which scales each kernel is right: what its integer arithmetic can hold.

A kernel multiplies sums of codes by (scales of its operands / scale of its output). The multiplier may not pass 1,
but where a clamp cuts the output short; nor be so small, or what is cut so large, that 32 bits do not hold it.
"""

import collections
import math
from typing import Callable, Dict, List, Optional, Tuple

import tensorflow as tf

from tasks.quantize import kernels, ranges
from tasks.quantize.groups import Path, data, kernel, mark, source
from tasks.quantize.net import SATURATE
from tasks.quantize.ranges import Limits, Range
from tasks.quantize.rewrites.affine import LAYERS
from tasks.quantize.shared import Group, origin

LAYER_ROOM = 1.001  # a layer's multiplier stays below 1, float rounding included
# MUL, ADD and SUB wrap when their result is 32,768 codes or more from the zero point: 255 * 255 codes by half
# are less, and so are the two ranges of a sum by a hundred.
PRODUCT_ROOM = 2.1
SUM_ROOM = 0.01
BIAS_CODES = 2.0 ** 29  # a bias is int32 in units of input scale * weight scale
# A multiplier above 1 shifts the sum to the left: what a clamp cuts off is no more than so many codes of its range.
CUT_CODES = 2.0 ** 29
LEAST_MULTIPLIER = 2.0 ** -28  # below 2^-32 is a shift of 32 bits, which is undefined: FULLY_CONNECTED gave 255 for 0


class Scales:
    """The bounds of each tensor's scale, as scalar float32 tensors. `range_of` gives the range of a tensor before."""

    def __init__(self, path: Path, range_of: Callable[[tf.Tensor], Range]) -> None:
        self.path, self.range_of = path, range_of
        self._coarsest: Dict[tf.Tensor, List[tf.Tensor]] = {}
        self._weighed: Dict[tf.Operation, tf.Tensor] = {}  # the scale of the weights behind each fake-quant
        # For each tensor, between which scales the kernels that read it are right; the sums that are made of it; the
        # layers with a clamp that read it, and the least that the clamp leaves.
        self._between: Dict[tf.Tensor, List[Limits]] = collections.defaultdict(list)
        self._summed: Dict[tf.Tensor, List[tf.Tensor]] = collections.defaultdict(list)
        self._cut: Dict[tf.Tensor, List[Tuple[tf.Operation, float]]] = collections.defaultdict(list)
        for operation in (one for one in path.operations if not path.fused(one)):
            for tensor in dict.fromkeys(map(origin, self._read(operation))):
                self._note(tensor, operation)

    def _note(self, tensor: tf.Tensor, operation: tf.Operation) -> None:
        """The kernel that the operation ends reads the tensor."""
        first, layer = self.path.group(operation)[0], self._layer(operation)
        bounds = [abs(bound) for bound in limits(self.path, operation) if bound and math.isfinite(bound)]
        if kernel(operation).scales:
            self._between[tensor].append(kernel(operation).scales)
        if first.type in kernels.SUMS:
            self._summed[tensor].append(operation.outputs[0])
        if bounds and layer is not None:
            self._cut[tensor].append((layer, min(bounds)))

    def least(self, operation: tf.Operation, group: Optional[Group] = None) -> List[tf.Tensor]:
        """The scales that the operation's output may not be finer than: see ranges.trained. Its weights have their
        range on return."""
        layer, read = self._layer(operation), self._read(operation)
        if group is not None and any(origin(tensor) in group.tensors for tensor in read):
            # alpha * x with alpha in 0..1 is finer than x by the scale of its weights, whatever the range.
            self._weights(layer, tf.constant(1.0), None)
            return []
        incoming = [self.range_of(tensor).scale for tensor in read]
        chain = self.path.group(operation)
        if layer is not None:
            bias = next((member.inputs[1] for member in chain if member.type == "BiasAdd"), None)
            return [LAYER_ROOM * incoming[0] * self._weights(layer, incoming[0], bias)]
        if chain[0].type == "Mul":
            return [PRODUCT_ROOM * incoming[0] * incoming[1]]
        if chain[0].type in kernels.SUMS:
            return [SUM_ROOM * (incoming[0] + incoming[1])]
        return []

    def finest(self, tensor: tf.Tensor) -> List[tf.Tensor]:
        """The finest scales that the kernels which read the tensor are right at."""
        return [tf.constant(least) for least, _ in self._between[tensor]]

    def coarsest(self, tensor: tf.Tensor) -> List[tf.Tensor]:
        """The coarsest scales that the kernels which read the tensor are right at, or what a sum makes of it."""
        if tensor in self._coarsest:
            return self._coarsest[tensor]
        found = [tf.constant(most) for _, most in self._between[tensor] if math.isfinite(most)]
        for made in self._summed[tensor]:
            found += [scale / (2 * SUM_ROOM) for scale in self.coarsest(made)]
        for layer, bound in self._cut[tensor]:
            axes, index = LAYERS[layer.type]
            weights = source(layer.inputs[index])
            sums = tf.reduce_sum(tf.abs(weights), [axis for axis in range(weights.shape.ndims) if axis not in axes])
            found.append(CUT_CODES * bound / (ranges.CODES ** 2 * tf.maximum(
                tf.reduce_max(sums), ranges.LEAST_WEIGHTS_WIDTH)))
        if self.path.group(tensor.op)[0].type == "Mul":  # a multiplier above 1 would end the process
            found = [tf.maximum(scale, least) for scale in found for least in self.least(tensor.op)]
        self._coarsest[tensor] = found
        return found

    def reach(self, operation: tf.Operation, ends_of: Callable[[tf.Tensor], Range]) -> None:
        """The weights of the operation, if it is a layer, are not too fine for the range that it was tied to."""
        layer = self._layer(operation)
        if layer is None:
            return
        made, incoming = (ends_of(tensor).scale for tensor in (operation.outputs[0], self._read(operation)[0]))
        least = LEAST_MULTIPLIER * made / tf.maximum(incoming, ranges.LEAST_WIDTH / ranges.CODES)
        seen = layer.inputs[kernel(layer).weights].op
        wide = ranges.of_weights_reaching(Range(*seen.inputs[1:3]), least)
        seen._update_input(1, wide.low)
        seen._update_input(2, wide.high)
        if seen in self._weighed:
            self._weighed[seen] = _weights_scale(wide)

    def _layer(self, operation: tf.Operation) -> Optional[tf.Operation]:
        """The layer in the kernel that the operation ends, if there is one."""
        return next((member for member in self.path.group(operation) if kernel(member) is not None
                     and kernel(member).kind == kernels.LAYER), None)

    def _read(self, operation: tf.Operation) -> List[tf.Tensor]:
        """What the kernel that the operation ends reads."""
        return data(self.path.group(operation)[0])

    def _weights(self, layer: tf.Operation, incoming: tf.Tensor, bias: Optional[tf.Tensor]) -> tf.Tensor:
        """The scale of a layer's weights, which have their fake-quant on return."""
        index = kernel(layer).weights
        seen = layer.inputs[index]
        if seen.op in self._weighed:  # a layer that is used again, perhaps on what it has made itself
            return self._weighed[seen.op]
        weights = source(seen)
        least = [] if bias is None else [tf.reduce_max(tf.abs(bias)) / (BIAS_CODES * incoming)]
        found = ranges.of_weights(weights, least)
        if seen is weights:
            seen = tf.fake_quant_with_min_max_vars(weights, *found, narrow_range=True,
                                                   name=layer.name + "/octet_weights")
            layer._update_input(index, seen)
        else:
            seen.op._update_input(1, found.low)
            seen.op._update_input(2, found.high)
            self._weighed[seen.op] = _weights_scale(found)
        return _weights_scale(found)


def limits(path: Path, operation: tf.Operation) -> Limits:
    """Between which reals the clamps that the operation ends leave its tensor."""
    low, high = -math.inf, math.inf
    for member in path.group(operation):
        if mark(member) == SATURATE:
            bound = float(tf.get_static_value(member.inputs[1]))
            low, high = (max(low, bound), high) if member.type == "Maximum" else (low, min(high, bound))
    return low, high


def _weights_scale(found: Range) -> tf.Tensor:
    return (found.high - found.low) / 254.0
