"""Gives every tensor a range, also the tensors that tf.contrib.quantize leaves without one.

A float tensor inside a fused kernel needs no range. Every other float tensor between the inputs and the outputs has a
range of one of these kinds:

- *its own*:  a trained moving average, at its fake-quant;
- *follows*:  the range of the tensor from which it is computed (pool, reshape), or the kernel's fixed range (softmax);
- *tied*:     a range that several tensors share (all inputs and outputs of a maximum).

Where tf.contrib.quantize has inserted a fake-quant, its range is replaced. Where it has none, a fake-quant is
inserted. An operation without a uint8 kernel is refused by name.
"""

from typing import Dict, List, Optional, Sequence, Tuple

import tensorflow as tf

from octet.quantization import STEPS, to_real
from tasks.graph import contrib, deferred
from tasks.graph.deferred import Deferred, number, where
from tasks.quantize.ir.kernel_groups import KernelGroups, data, known_kernel, layer_of, mark
from tasks.quantize.ir.nodes import FLOOR, SATURATE
from tasks.quantize.kernels import uint8_kernels
from tasks.quantize.ranges import coverage, fake_quants, kernel_limits, trained_range, unsupported
from tasks.quantize.ranges.kernel_limits import Scales
from tasks.quantize.ranges.shared import Group, groups, origin
from tasks.quantize.ranges.trained_range import MovingRange, Range, Trained


class InputRange:
    """An input of the network, and its range in real numbers, (code - zero_point) * scale of codes 0 and 255."""

    def __init__(self, name: str, scale: float, zero_point: int) -> None:
        self.name = name
        self.low, self.high = to_real(0, scale, zero_point), to_real(STEPS, scale, zero_point)


def assign_ranges(graph: tf.Graph, inputs: Sequence[InputRange], outputs: Sequence[str],
                  training: bool) -> Tuple[List[tf.Tensor], List[coverage.RangeSource], List[Trained]]:
    """Gives every tensor its range. Returns (the outputs, the source of each range, the trained ranges).

    A returned output is the fake-quant of the output named in `outputs`, if it has one. Raises QuantizeError, which
    names all operations that have no uint8 kernel.
    """
    kernel_groups = KernelGroups(graph, [end.name for end in inputs], outputs)
    unsupported.refuse(kernel_groups)
    with graph.as_default():
        ranged = _Assignment(kernel_groups, training)
        for end in inputs:
            ranged.add_input(graph.get_tensor_by_name(end.name + ":0"), end)
        for operation in kernel_groups.operations:
            ranged.add_operation(operation)
        trained = ranged.make()
    seen = [ranged.seen_by_readers(graph.get_tensor_by_name(name + ":0")) for name in outputs]
    return seen, ranged.report, trained


class _Assignment:
    """Assigns ranges to tensors, in the order of the operations."""

    def __init__(self, kernel_groups: KernelGroups, training: bool) -> None:
        self.kernel_groups, self.training = kernel_groups, training
        self.report: List[coverage.RangeSource] = []
        self._moving: List[MovingRange] = []
        self._quantized: Dict[tf.Operation, Range] = {}  # fake-quants, without those of weights
        self._fillings: Dict[tf.Operation, Deferred] = {}  # the padding values that these fake-quants get
        self._range: Dict[tf.Tensor, Range] = {}
        self._groups: Dict[tf.Tensor, Group] = groups(kernel_groups)
        self._scales = Scales(kernel_groups, self._range_of)
        self._seen: Dict[tf.Tensor, tf.Tensor] = {}

    def add_input(self, tensor: tf.Tensor, end: InputRange) -> None:
        """Assigns the range of an input. An input needs no fake-quant, since every value that is fed is a code's."""
        self._range[tensor] = trained_range.fixed(end.low, end.high)
        self._report(tensor.op, coverage.INPUT)

    def add_operation(self, operation: tf.Operation) -> None:
        """Assigns the ranges of all outputs of an operation."""
        if operation in self.kernel_groups.inputs:
            return
        self._constants(operation)
        if self.kernel_groups.fused(operation):
            self._bypass(operation.outputs[0])
            self._report(operation, coverage.FUSED)
            return
        for tensor in operation.outputs:
            self._add_tensor(operation, tensor)

    def seen_by_readers(self, tensor: tf.Tensor) -> tf.Tensor:
        """The tensor that its readers read now: its fake-quant, or the tensor itself if it has none."""
        return self._seen.get(tensor, tensor)

    def make(self) -> List[Trained]:
        """Adds all ranges to the graph, and returns the trained ones. Must be called once, after all assignments."""
        inputs = {(fake_quant, place): end for found in (self._quantized, self._scales.weights)
                  for fake_quant, ends in found.items() for place, end in enumerate(ends, 1)}
        inputs.update({(fake_quant, 0): filling for fake_quant, filling in self._fillings.items()})
        wanted: Dict[str, Deferred] = {}
        for moving in self._moving:
            wanted.update(moving.wanted())
        wanted.update({"{}/{}".format(fake_quant.name, ("filling", "min", "max")[place]): each
                       for (fake_quant, place), each in inputs.items()})
        made = deferred.make(wanted)
        for (fake_quant, place), each in inputs.items():
            fake_quant._update_input(place, made[each])
        return [moving.trained(made) for moving in self._moving]

    def _add_tensor(self, operation: tf.Operation, tensor: tf.Tensor) -> None:
        found = known_kernel(operation)
        if found.kind == uint8_kernels.FIXED and found.limits is not None:
            self._quantize(tensor, trained_range.fixed(*found.limits))
            self._report(operation, coverage.FIXED)
        elif found.kind == uint8_kernels.FOLLOWS:
            before = data(operation)[0]
            if operation.type == "PadV2":
                filling = self._quantize_input(operation, 2, self._range_of(before))
                if mark(operation) == FLOOR:
                    self._fillings[filling] = _two_codes(self._range_of(before))
            if found.carried:
                self._bypass(tensor)
            else:
                self._quantize(tensor, self._range_of(before))
            self._report(operation, coverage.FOLLOWS, before)
        elif tensor in self._groups:
            self._tie(operation, tensor)
        else:
            where = coverage.CONTRIB if self.kernel_groups.fake_quants(tensor) else coverage.COMPLETED
            least = self._scales.least(operation) + self._scales.finest(tensor)
            own = trained_range.moving(
                tensor, [tensor], least, self.training, kernel_limits.limits(self.kernel_groups, operation),
                self._scales.coarsest(tensor), self._scales.within(tensor))
            self._moving.append(own)
            self._quantize(tensor, own.range)
            self._report(operation, where)

    def _range_of(self, tensor: tf.Tensor) -> Range:
        return self._range[tensor if tensor in self._range else origin(tensor)]

    def _ends_of(self, tensor: tf.Tensor) -> Range:
        """The range of a tensor from the current values of its variables, before a run of the graph updates them."""
        found = self._range_of(tensor)
        return next((moving.ends for moving in self._moving if moving.range is found), found)

    def _tie(self, operation: tf.Operation, tensor: tf.Tensor) -> None:
        """Assigns one range to all tensors of a group, when it is called for the last of them."""
        group = self._groups[tensor]
        self._report(operation, coverage.TIED, group.tensors[-1])
        if tensor is group.tensors[-1]:
            finest = [scale for member in group.tensors for scale in self._scales.finest(member)]
            least = [scale for member in group.produced for scale in self._scales.least(member, group)]
            most = [scale for member in group.tensors for scale in self._scales.coarsest(member)]
            within = [ends for member in group.tensors for ends in self._scales.within(member)]
            shared = trained_range.moving(tensor, group.observed() if self.training else [], least + finest,
                                          self.training, most_scales=most, within=within)
            self._moving.append(shared)
            for member in group.tensors:
                self._quantize(member, shared.range)
            self._scales.reach(group, self._ends_of)

    def _constants(self, operation: tf.Operation) -> None:
        """Gives each constant data input of an operation a fake-quant with its own range."""
        if operation.type not in uint8_kernels.WITH_CONSTANTS:
            return
        for index, tensor in enumerate(operation.inputs):
            if tensor.op.type == "Const" and tensor.dtype == tf.float32:
                value = tf.get_static_value(tensor)
                low, high = min(0.0, float(value.min())), max(0.0, float(value.max()))
                self._range[tensor] = trained_range.fixed(low, high if high > low else low + 1.0)
                self._quantize_input(operation, index, self._range[tensor])

    def _quantize_input(self, operation: tf.Operation, index: int, found: Range) -> tf.Operation:
        """Inserts a fake-quant with this range before the input, and returns it."""
        quantized = fake_quants.insert(operation.inputs[index], "{}/octet_constant_{}".format(operation.name, index))
        operation._update_input(index, quantized)
        self._quantized[quantized.op] = found
        return quantized.op

    def _quantize(self, tensor: tf.Tensor, found: Range) -> None:
        """Makes all readers of the tensor read one fake-quant with this range."""
        readers = self.kernel_groups.readers(tensor)
        self._bypass(tensor)
        there = self.kernel_groups.fake_quants(tensor)
        before = tensor
        while mark(before.op) == SATURATE:  # the ends of the range are the clamp's bounds
            before = before.op.inputs[0]
        if there and before is tensor:
            quantized = there[0].outputs[0]
        else:
            quantized = fake_quants.insert(before, tensor.op.name + "/octet_range")
        self._quantized[quantized.op] = found
        if readers:
            contrib.common.RerouteTensor(quantized, tensor, can_modify=readers)
        # For the readers of the fake-quant, `source` gives `before`.
        self._range[tensor] = self._range[before] = found
        self._seen[tensor] = quantized

    def _bypass(self, tensor: tf.Tensor) -> None:
        """Makes all readers of the tensor read the tensor itself: inside a kernel, or after an operation that only
        moves data, there must be no fake-quant."""
        for fake_quant in self.kernel_groups.fake_quants(tensor):
            contrib.common.RerouteTensor(tensor, fake_quant.outputs[0])

    def _report(self, operation: tf.Operation, where: str, of: Optional[tf.Tensor] = None) -> None:
        self.report.append(coverage.RangeSource(operation.name, operation.type, layer_of(operation), where,
                                                of.op.name if of is not None else ""))


def _two_codes(found: Range) -> Deferred:
    """The real number that is two codes above 0; two codes below 0 if the range ends before that."""
    two = number(2.0) * found.scale
    return where(Deferred("Greater", found.high, two), two, -two)
