"""Refuses operations without a uint8 kernel before training: all of them in one error, with the layer and advice for
each."""

from typing import List, Sequence

import tensorflow as tf

from octet.errors import QuantizeError
from tasks.graph import io_spec
from tasks.quantize.ir.kernel_groups import KernelGroups, data, kernel, layer_of, mark, source
from tasks.quantize.ir.nodes import SATURATE
from tasks.quantize.kernels import uint8_kernels

VARIABLES = ("VariableV2", "VarHandleOp", "ReadVariableOp")


def refuse(kernel_groups: KernelGroups) -> None:
    """Raises QuantizeError, which names every operation that has no uint8 kernel."""
    refused = []
    for operation in kernel_groups.operations:
        found = kernel(operation)
        if operation in kernel_groups.inputs or kernel_groups.fused(operation):
            continue
        unranged = [tensor for tensor in data(operation) if not _has_range(kernel_groups, operation, tensor)]
        if found is None:
            cause = _cause(operation)
            refused.append((cause, uint8_kernels.unsupported_use(cause) or uint8_kernels.way_out(cause.type)))
        elif mark(operation) != SATURATE and unranged:
            refused += [(cause, uint8_kernels.way_out(cause.type)) for cause in _random(unranged)] or [
                (operation, "it reads a table or a computed constant, which no uint8 kernel can: compute its result "
                            "outside of the network, and make it an input")]
        elif uint8_kernels.unsupported_use(operation):
            refused.append((operation, uint8_kernels.unsupported_use(operation)))
        elif found.weights is not None and not _is_variable(operation.inputs[found.weights]):
            refused.append((operation, "its weights are computed: a layer's weights are constants in uint8"))
        elif found.kind == uint8_kernels.ACTIVATION and not kernel_groups.fused(data(operation)[0].op):
            refused.append((operation, "no kernel computes it alone: apply it directly to the output of a layer"))
        elif mark(operation) != SATURATE and _axes(operation) > uint8_kernels.MOST_AXES:
            advice = uint8_kernels.FEWER_AXES.get(operation.type, uint8_kernels.FEWER_AXES[""])
            refused.append((operation, advice.format(uint8_kernels.MOST_AXES)))
    refused = list(dict(refused).items())
    if refused:
        raise QuantizeError(
            "{} operation{} cannot be uint8".format(len(refused), "s" if len(refused) > 1 else ""),
            where="model.build",
            why="\n".join("layer {}: {} ({}) has no uint8 form".format(
                layer_of(operation), operation.name, operation.type) for operation, _ in refused),
            next_step="\n".join(dict.fromkeys("{}: {}".format(operation.type, way_out)
                                              for operation, way_out in refused)))


def _cause(operation: tf.Operation) -> tf.Operation:
    """The operation that the error names: for a Cast, the operation whose result is cast."""
    cause = operation
    while cause.type in ("Cast", "Identity") and cause.inputs[0].op.inputs:
        cause = cause.inputs[0].op
    return cause


def _has_range(kernel_groups: KernelGroups, operation: tf.Operation, tensor: tf.Tensor) -> bool:
    """Whether the tensor, an input of the operation, is computed from the network's inputs, is one of them, or is a
    constant that the operation's kernel can read."""
    return (kernel_groups.holds(tensor.op) or tensor.op in kernel_groups.inputs
            or tensor.op.type == "Const" and operation.type in uint8_kernels.WITH_CONSTANTS)


def _random(tensors: Sequence[tf.Tensor]) -> List[tf.Operation]:
    """The stateful operations, such as random numbers, from which the tensors are computed."""
    return sorted((operation for operation in io_spec.before(tensors) if operation.op_def.is_stateful
                   and operation.type not in VARIABLES), key=lambda operation: operation.name)


def _axes(operation: tf.Operation) -> int:
    """The number of axes that the operation's kernel must support; 0 if the kernel supports any number of axes."""
    shapes = [tensor.shape for tensor in data(operation) if tensor.shape.ndims is not None]
    unlike = len({tuple(shape.as_list()[1:]) for shape in shapes if shape.ndims}) > 1
    limited = {operation.type, mark(operation)} & set(uint8_kernels.FEW_AXES)
    if not limited and not (unlike and operation.type in uint8_kernels.BROADCASTING):
        return 0
    return max([shape.ndims for shape in shapes], default=0)


def _is_variable(tensor: tf.Tensor) -> bool:
    operation = source(tensor).op
    while operation.type == "Identity":
        operation = operation.inputs[0].op
    return operation.type in VARIABLES
