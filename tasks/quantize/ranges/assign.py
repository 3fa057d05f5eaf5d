"""Ranges for what tf.contrib.quantize leaves without one, and the proof that none is missing.

Every float tensor between inputs and outputs is inside one kernel, or its range is of one sort:

- *its own*:  a trained moving average, at its fake-quant;
- *follows*:  that of the tensor it is made from (pool, reshape), or the kernel's own (softmax);
- *tied*:     one that several share (all that goes in and out of a maximum).

Where the rewrite has put a fake-quant, its range is taken over; where it has put none, one is added. What
has no uint8 form is refused with its name.
"""

from typing import Dict, List, Sequence, Tuple

import tensorflow as tf
from tensorflow.contrib.quantize.python import common

from octet.quantization import STEPS, to_real
from tasks.quantize.ir.editable_graph import FLOOR, SATURATE
from tasks.quantize.ir.kernel_groups import Path, data, kernel, layer_of, mark
from tasks.quantize.kernels import table
from tasks.quantize.ranges import coverage, kernel_limits, trained_range, unsupported
from tasks.quantize.ranges.kernel_limits import Scales
from tasks.quantize.ranges.shared import Group, groups, origin
from tasks.quantize.ranges.trained_range import Range, Trained


class Ends:
    """An input of the network, and its range: reals (code - zero_point) * scale."""

    def __init__(self, name: str, scale: float, zero_point: int) -> None:
        self.name = name
        self.low, self.high = to_real(0, scale, zero_point), to_real(STEPS, scale, zero_point)


def complete(graph: tf.Graph, inputs: Sequence[Ends], outputs: Sequence[str],
             training: bool) -> Tuple[List[tf.Tensor], List[coverage.Range], List[Trained]]:
    """Every tensor has its range: (the outputs, where each range comes from, those that are trained).

    An output may be another tensor than before: its own fake-quant. Raises QuantizeError naming all
    tensors that cannot have a range.
    """
    path = Path(graph, [end.name for end in inputs], outputs)
    unsupported.refuse(path)
    with graph.as_default():
        ranged = _Completion(path, training)
        for end in inputs:
            ranged.given(graph.get_tensor_by_name(end.name + ":0"), end)
        for operation in path.operations:
            ranged.settle(operation)
    return [ranged.seen(graph.get_tensor_by_name(name + ":0")) for name in outputs], ranged.report, ranged.trained


class _Completion:
    """Ranges given out in the order of the data."""

    def __init__(self, path: Path, training: bool) -> None:
        self.path, self.training = path, training
        self.report: List[coverage.Range] = []
        self.trained: List[Trained] = []
        self._range: Dict[tf.Tensor, Range] = {}
        self._groups: Dict[tf.Tensor, Group] = groups(path)
        self._scales = Scales(path, self._range_of)
        self._seen: Dict[tf.Tensor, tf.Tensor] = {}

    def given(self, tensor: tf.Tensor, end: Ends) -> None:
        """The range of an input: fed values are codes already, so it needs no fake-quant."""
        self._range[tensor] = trained_range.fixed(end.low, end.high)
        self._say(tensor.op, coverage.INPUT)

    def settle(self, operation: tf.Operation) -> None:
        """All outputs of an operation have their range."""
        if operation in self.path.inputs:
            return
        self._constants(operation)
        if self.path.fused(operation):
            self._bypass(operation.outputs[0])
            self._say(operation, coverage.FUSED)
            return
        for tensor in operation.outputs:
            self._settle(operation, tensor)

    def seen(self, tensor: tf.Tensor) -> tf.Tensor:
        """What readers of the tensor see: its fake-quant, or the tensor where it has none."""
        return self._seen.get(tensor, tensor)

    def _settle(self, operation: tf.Operation, tensor: tf.Tensor) -> None:
        found = kernel(operation)
        if found.kind == table.FIXED:
            self._quantize(tensor, trained_range.fixed(*found.limits))
            self._say(operation, coverage.FIXED)
        elif found.kind == table.FOLLOWS:
            before = data(operation)[0]
            if operation.type == "PadV2":
                if mark(operation) == FLOOR:
                    operation._update_input(2, _two_codes(self._range_of(before)))
                self._quantize_input(operation, 2, self._range_of(before))
            if found.carried:
                self._bypass(tensor)
            else:
                self._quantize(tensor, self._range_of(before))
            self._say(operation, coverage.FOLLOWS, before)
        elif tensor in self._groups:
            self._tie(operation, tensor)
        else:
            where = coverage.CONTRIB if self.path.fake_quants(tensor) else coverage.COMPLETED
            least = self._scales.least(operation) + self._scales.finest(tensor)
            own = trained_range.trained(
                tensor.op.name, [tensor], least, self.training, kernel_limits.limits(self.path, operation),
                self._scales.coarsest(tensor), self._scales.within(tensor))
            self.trained.append(own)
            self._quantize(tensor, own.range)
            self._say(operation, where)

    def _range_of(self, tensor: tf.Tensor) -> Range:
        return self._range[tensor if tensor in self._range else origin(tensor)]

    def _ends_of(self, tensor: tf.Tensor) -> Range:
        """The range of a tensor as variables have it, which does not depend on what a run of the graph observes."""
        found = self._range_of(tensor)
        return next((each.ends for each in self.trained if each.range is found), found)

    def _tie(self, operation: tf.Operation, tensor: tf.Tensor) -> None:
        """The last of the tensors in one range gives it to them all."""
        group = self._groups[tensor]
        self._say(operation, coverage.TIED, group.tensors[-1])
        if tensor is group.tensors[-1]:
            finest = [scale for member in group.tensors for scale in self._scales.finest(member)]
            least = [scale for member in group.produced for scale in self._scales.least(member, group)]
            most = [scale for member in group.tensors for scale in self._scales.coarsest(member)]
            within = [ends for member in group.tensors for ends in self._scales.within(member)]
            shared = trained_range.trained(tensor.op.name, group.observed() if self.training else [], least + finest,
                                    self.training, most_scales=most, within=within)
            self.trained.append(shared)
            for member in group.tensors:
                self._quantize(member, shared.range)
            self._scales.reach(group, self._ends_of)

    def _constants(self, operation: tf.Operation) -> None:
        """A constant among the data of an operation is quantized to a range of its own."""
        if operation.type not in table.WITH_CONSTANTS:
            return
        for index, tensor in enumerate(operation.inputs):
            if tensor.op.type == "Const" and tensor.dtype == tf.float32:
                value = tf.get_static_value(tensor)
                low, high = min(0.0, float(value.min())), max(0.0, float(value.max()))
                self._range[tensor] = trained_range.fixed(low, high if high > low else low + 1.0)
                self._quantize_input(operation, index, self._range[tensor])

    def _quantize_input(self, operation: tf.Operation, index: int, found: Range) -> None:
        operation._update_input(index, _fake_quant(operation.inputs[index], found, "{}/octet_constant_{}".format(
            operation.name, index)))

    def _quantize(self, tensor: tf.Tensor, found: Range) -> None:
        """All that reads the tensor sees it through one fake-quant with this range."""
        readers = self.path.readers(tensor)
        self._bypass(tensor)
        there = self.path.fake_quants(tensor)
        before = tensor
        while mark(before.op) == SATURATE:  # the range is its clamp
            before = before.op.inputs[0]
        if there and before is tensor:
            quantized = there[0].outputs[0]
            there[0]._update_input(1, found.low)
            there[0]._update_input(2, found.high)
        else:
            quantized = _fake_quant(before, found, tensor.op.name + "/octet_range")
        if readers:
            common.RerouteTensor(quantized, tensor, can_modify=readers)
        # Who reads the fake-quant has `before` behind it.
        self._range[tensor] = self._range[before] = found
        self._seen[tensor] = quantized

    def _bypass(self, tensor: tf.Tensor) -> None:
        """All that reads the tensor reads the tensor itself: inside a kernel, or behind a move."""
        for fake_quant in self.path.fake_quants(tensor):
            common.RerouteTensor(tensor, fake_quant.outputs[0])

    def _say(self, operation: tf.Operation, where: str, of: tf.Tensor = None) -> None:
        self.report.append(coverage.Range(operation.name, operation.type, layer_of(operation), where,
                                          of.op.name if of is not None else ""))


def _two_codes(found: Range) -> tf.Tensor:
    """A real number two codes from 0, on the side where the range has them."""
    two = 2.0 * found.scale
    return tf.where(found.high > two, two, -two)


def _fake_quant(tensor: tf.Tensor, found: Range, name: str) -> tf.Tensor:
    return tf.fake_quant_with_min_max_vars(tensor, found.low, found.high, name=name)
