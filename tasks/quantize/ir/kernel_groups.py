"""The operations between a network's inputs and outputs, and which of them become one uint8 kernel."""

from typing import List, Optional, Sequence, Set

import tensorflow as tf

from tasks.graph.view import TensorView
from tasks.quantize.ir.nodes import INSIDE, LAYER_ATTR, MARK_ATTR, SATURATE
from tasks.quantize.ir.toco_rules import KernelView, dilated_layer
from tasks.quantize.kernels.uint8_kernels import FUSES_BIAS, FUSES_RELU, RELUS, TABLE, Kernel

FAKE_QUANT = "FakeQuantWithMinMaxVars"


class KernelGroups(TensorView, KernelView[tf.Tensor]):
    """The float operations between inputs and outputs, producers before readers. Fake-quants are looked through."""

    def __init__(self, graph: tf.Graph, inputs: Sequence[str], outputs: Sequence[str]) -> None:
        self.inputs = [graph.get_operation_by_name(name) for name in inputs]
        self.outputs = [graph.get_operation_by_name(name) for name in outputs]
        reached = self._reached()
        needed = self._needed()
        self.operations: List[tf.Operation] = [
            operation for operation in graph.get_operations()
            if operation in reached and operation in needed and operation.type != FAKE_QUANT
            and operation.outputs and operation.outputs[0].dtype == tf.float32]
        self._members = set(self.operations)

    def holds(self, operation: tf.Operation) -> bool:
        """Whether the operation lies between the inputs and the outputs."""
        return operation in self._members

    def readers(self, tensor: tf.Tensor) -> List[tf.Operation]:
        """The operations that read a tensor, directly or through its fake-quant. One that reads it twice is listed
        twice."""
        operations = []
        for reader in tensor.consumers():
            if reader.type == FAKE_QUANT and reader.inputs[0] is tensor:
                operations.extend(self.readers(reader.outputs[0]))
            elif reader in self._members:
                operations.append(reader)
        return operations

    def fake_quants(self, tensor: tf.Tensor) -> List[tf.Operation]:
        """The fake-quants whose input is the tensor."""
        return [reader for reader in tensor.consumers()
                if reader.type == FAKE_QUANT and reader.inputs[0] is tensor]

    def fused(self, operation: tf.Operation) -> bool:
        """Whether the operation's output stays inside one uint8 kernel, and so needs no range."""
        if mark(operation) == INSIDE:
            return True
        readers = self.readers(operation.outputs[0])
        if len(readers) != 1 or operation in self.outputs:
            return False
        reader, = readers
        if mark(reader) == SATURATE:
            return True
        if reader.type in RELUS:
            return operation.type in FUSES_RELU
        if reader.type == "BiasAdd":
            return operation.type in FUSES_BIAS or self._dilated(operation) is not None
        if reader.type == "BatchToSpaceND":
            return self._dilated(reader) is operation and self.fused(reader)
        if operation.type == "SpaceToBatchND":
            after = self.readers(reader.outputs[0])
            return len(after) == 1 and self._dilated(after[0]) is reader and self.fused(after[0])
        return False

    def group(self, operation: tf.Operation) -> List[tf.Operation]:
        """The operations that become one kernel, in order; `operation` is the last of them."""
        members = [operation]
        while True:
            before = [tensor.op for tensor in data(members[0])[:1]]
            if not before or before[0] not in self._members or not self.fused(before[0]):
                return members
            members.insert(0, before[0])

    def inputs_of(self, tensor: tf.Tensor) -> List[tf.Tensor]:
        return [source(each) for each in tensor.op.inputs]

    def kernel_of(self, tensor: tf.Tensor) -> Optional[Kernel]:
        return kernel(tensor.op)

    def is_read_once(self, tensor: tf.Tensor) -> bool:
        return len(self.readers(tensor)) == 1 and tensor.op not in self.inputs + self.outputs

    def is_a_piece(self, tensor: tf.Tensor) -> bool:
        return len(tensor.op.outputs) > 1

    def _dilated(self, operation: tf.Operation) -> Optional[tf.Operation]:
        """The convolution that toco merges with this BatchToSpaceND into one kernel, if there is one."""
        layer = dilated_layer(self, operation.outputs[0])
        return None if layer is None else layer.op

    def _reached(self) -> Set[tf.Operation]:
        reached, todo = set(), list(self.inputs)
        while todo:
            for tensor in todo.pop().outputs:
                for reader in tensor.consumers():
                    if reader not in reached:
                        reached.add(reader)
                        todo.append(reader)
        return reached

    def _needed(self) -> Set[tf.Operation]:
        needed, todo = set(), list(self.outputs)
        while todo:
            operation = todo.pop()
            if operation in needed:
                continue
            needed.add(operation)
            # The other inputs of a fake-quant are its range, which is not part of the network.
            sources = operation.inputs[:1] if operation.type == FAKE_QUANT else operation.inputs
            todo.extend(tensor.op for tensor in sources)
        return needed


def kernel(operation: tf.Operation) -> Optional[Kernel]:
    """The operation's kernel in the table, None where it has none."""
    return TABLE.get(mark(operation)) or TABLE.get(operation.type)


def known_kernel(operation: tf.Operation) -> Kernel:
    """The kernel of an operation that must be in the table."""
    known = kernel(operation)
    assert known is not None, operation.name
    return known


def data(operation: tf.Operation) -> List[tf.Tensor]:
    """The operation's float inputs that are data, before their fake-quants."""
    own_kernel = kernel(operation)
    indices = range(len(operation.inputs)) if own_kernel is None or own_kernel.data is None else own_kernel.data
    return [source(operation.inputs[index]) for index in indices
            if operation.inputs[index].dtype == tf.float32]


def source(tensor: tf.Tensor) -> tf.Tensor:
    """The input of the fake-quant that computes the tensor; the tensor itself where none does."""
    return tensor.op.inputs[0] if tensor.op.type == FAKE_QUANT else tensor


def mark(operation: tf.Operation) -> str:
    """The operation's mark (ir/nodes.py), by which ranges/assign.py treats it; empty where it has none."""
    return _attribute(operation, MARK_ATTR)


def layer_of(operation: tf.Operation) -> str:
    """The name of the Keras layer that the operation came from."""
    return _attribute(operation, LAYER_ATTR) or operation.name.split("/")[0]


def _attribute(operation: tf.Operation, name: str) -> str:
    try:
        return operation.get_attr(name).decode()
    except ValueError:
        return ""
