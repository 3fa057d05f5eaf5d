"""Groups of tensors that share one range: the inputs and outputs of Maximum and Minimum operations.

    x ----.
           maximum ----.
    y ----'            minimum --- w        x, y, z, w and the maximum share one range
               z -----'

The kernels compare codes, so a code must stand for the same real number in all of these tensors. The range is that of
w: a value of x, y or z outside this range saturates, and w gets the same value as without saturation. The training
graph observes w as computed from x, y and z before their fake-quants, because these use the range that is observed.
"""

from typing import Dict, List

import tensorflow as tf

from tasks.quantize.ir.kernel_groups import KernelGroups, data, kernel, mark, source
from tasks.quantize.ir.toco_rules import leaky_input
from tasks.quantize.kernels.uint8_kernels import FOLLOWS, SHARED


class Group:
    """Tensors that share one range, in the order of the operations. extremes: their Maximums and Minimums."""

    def __init__(self, kernel_groups: KernelGroups) -> None:
        self._kernel_groups = kernel_groups
        self.tensors: List[tf.Tensor] = []
        self.extremes: List[tf.Operation] = []

    @property
    def produced(self) -> List[tf.Operation]:
        """The operations that compute the tensors, without Maximums and Minimums."""
        return [tensor.op for tensor in self.tensors if tensor.op not in self.extremes]

    def observed(self) -> List[tf.Tensor]:
        """The tensors whose values the range must contain. None of them depends on the range."""
        inside = {origin(tensor) for extreme in self.extremes for tensor in data(extreme)}
        shadows: Dict[tf.Tensor, tf.Tensor] = {}
        seen = []
        for extreme in self.extremes:
            leaky = leaky_input(self._kernel_groups, extreme.outputs[0])
            if leaky is not None:
                # Both operands of max(x, alpha * x) are in the range of x, and alpha * x depends on this range.
                shadows[extreme.outputs[0]] = _raw(leaky, shadows)
                seen.append(_raw(leaky, shadows))
            else:
                shadow = tf.maximum if extreme.type == "Maximum" else tf.minimum
                shadows[extreme.outputs[0]] = shadow(*(_raw(tensor, shadows) for tensor in data(extreme)))
            if extreme.outputs[0] not in inside:
                seen.append(shadows[extreme.outputs[0]])
        return seen


def groups(kernel_groups: KernelGroups) -> Dict[tf.Tensor, Group]:
    """{tensor: its group}, of the tensors that share a range."""
    found: Dict[tf.Tensor, Group] = {}
    for extreme in kernel_groups.operations:
        found_kernel = kernel(extreme)
        if found_kernel is None or found_kernel.kind != SHARED or mark(extreme):
            continue
        joined = Group(kernel_groups)
        for tensor in map(origin, data(extreme)):
            before = found.get(tensor)
            if before is None:
                joined.tensors.append(tensor)
            elif before is not joined:
                before.tensors.extend(joined.tensors)
                before.extremes.extend(joined.extremes)
                joined = before
        joined.tensors.append(extreme.outputs[0])
        joined.extremes.append(extreme)
        found.update((tensor, joined) for tensor in joined.tensors)
    order = {operation: number for number, operation in enumerate(kernel_groups.operations)}
    for group in found.values():
        group.tensors.sort(key=lambda tensor: order[tensor.op])
        group.extremes.sort(key=lambda operation: order[operation])
    return found


def origin(tensor: tf.Tensor) -> tf.Tensor:
    """The tensor whose range this tensor has: the one before all operations that only move or pool data."""
    while True:
        found = kernel(tensor.op)
        if found is None or found.kind != FOLLOWS:
            return tensor
        tensor = data(tensor.op)[0]


def _raw(tensor: tf.Tensor, shadows: Dict[tf.Tensor, tf.Tensor]) -> tf.Tensor:
    """The tensor as computed without the fake-quants of its group. shadows: {output of an extreme: the same without
    fake-quants}."""
    if tensor.op.type == "Reshape":
        return tf.reshape(_raw(source(tensor.op.inputs[0]), shadows), tensor.op.inputs[1])
    return shadows.get(tensor, tensor)
