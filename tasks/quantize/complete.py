"""Ranges for what tf.contrib.quantize leaves without one, and the proof that none is missing.

Every float tensor between input and output is of one sort:
- *fused*:   inside a group that toco makes one operator of (layer, bias, ReLU): needs none;
- *follows*: its kernel takes the range of its input (pool, reshape, mean) or has one of its own
             (softmax): needs none;
- *owns*:    has a fake-quant with a trained moving-average range.
Anything else has no uint8 form, and is refused with its name.
"""

from typing import Dict, List, NamedTuple, Tuple

import tensorflow as tf
from tensorflow.contrib.quantize.python import common, quant_ops

from octet.errors import QuantizeError

LAYERS = ("Conv2D", "DepthwiseConv2dNative", "MatMul")
SUMS = ("Add", "AddV2")
RELUS = ("Relu", "Relu6")
FOLLOWS = ("MaxPool", "AvgPool", "Reshape", "Squeeze", "ExpandDims", "Mean", "Softmax", "Identity",
           "Pad")
OWNS = LAYERS + SUMS + ("BiasAdd",)
FAKE_QUANT = "FakeQuantWithMinMaxVars"
BUILT_BEFORE = {"Relu": LAYERS + SUMS + ("BiasAdd",), "Relu6": LAYERS + SUMS + ("BiasAdd",),
                "BiasAdd": LAYERS}
EMA_DECAY = 0.999  # as tf.contrib.quantize has it


class Range(NamedTuple):
    """Where one tensor's range comes from: 'contrib', 'completed', 'fused' or 'follows'."""

    tensor: str
    op: str
    source: str


def complete(graph: tf.Graph, inputs: List[str], outputs: List[str],
             training: bool) -> Tuple[List[tf.Tensor], List[Range]]:
    """Every tensor has its range: (the outputs, where each range comes from).

    An output may be another tensor than before: its own fake-quant. Raises QuantizeError naming
    all tensors that cannot have a range.
    """
    path = _between(graph, inputs, outputs)
    ranges, refused = [], []
    for operation in path:
        source = _source(operation, path, operation.name in outputs)
        if source == "missing":
            _add_range(graph, operation.outputs[0], training)
            source = "completed"
        if source == "refused":
            refused.append(operation)
        ranges.append(Range(operation.name, operation.type, source))
    if refused:
        raise QuantizeError(
            "{} tensor(s) cannot be uint8".format(len(refused)),
            why="\n".join("{} ({}) has no uint8 form here".format(op.name, op.type)
                          for op in refused),
            next_step="use relu or relu6 after a convolution, a dense layer or an addition there")
    return [_ranged(graph.get_tensor_by_name(name + ":0")) for name in outputs], ranges


def _between(graph: tf.Graph, inputs: List[str], outputs: List[str]) -> Dict[tf.Operation, None]:
    """The float operations that lie between inputs and outputs, in the order of the data."""
    reached, todo = set(), [graph.get_operation_by_name(name) for name in inputs]
    while todo:
        for tensor in todo.pop().outputs:
            for reader in tensor.consumers():
                if reader not in reached:
                    reached.add(reader)
                    todo.append(reader)
    needed, todo = set(), [graph.get_operation_by_name(name) for name in outputs]
    while todo:
        operation = todo.pop()
        if operation in needed:
            continue
        needed.add(operation)
        # A fake-quant's other inputs are its range, whose moving average is no part of the network.
        sources = operation.inputs[:1] if operation.type == FAKE_QUANT else operation.inputs
        todo.extend(tensor.op for tensor in sources)
    return {op: None for op in graph.get_operations()
            if op in reached and op in needed and op.type != FAKE_QUANT
            and op.outputs and op.outputs[0].dtype == tf.float32}


def _source(operation: tf.Operation, path, is_output: bool) -> str:
    readers = operation.outputs[0].consumers()
    if any(reader.type == FAKE_QUANT for reader in readers):
        return "contrib"
    onward = [reader for reader in readers if reader in path]
    fused = len(onward) == 1 and operation.type in BUILT_BEFORE.get(onward[0].type, ())
    if fused and not is_output:
        return "fused"
    if operation.type in FOLLOWS:
        return "follows"
    if operation.type in OWNS:
        return "missing"
    if operation.type in RELUS and _ends_a_group(operation):
        return "missing"
    return "refused"


def _ranged(tensor: tf.Tensor) -> tf.Tensor:
    """The tensor's fake-quant, which nobody may go around, or the tensor where it has none."""
    for reader in tensor.consumers():
        if reader.type == FAKE_QUANT:
            return reader.outputs[0]
    return tensor


def _ends_a_group(relu: tf.Operation) -> bool:
    before = relu.inputs[0].op
    return before.type in BUILT_BEFORE[relu.type] and len(before.outputs[0].consumers()) == 1


def _add_range(graph: tf.Graph, tensor: tf.Tensor, training: bool) -> None:
    """A fake-quant with a moving-average range of its own, read by all that read the tensor."""
    readers = tensor.consumers()
    with graph.as_default():
        ranged = quant_ops.MovingAvgQuantize(
            tensor, init_min=-6.0, init_max=6.0, ema_decay=EMA_DECAY, is_training=training,
            num_bits=8, narrow_range=False, vars_collection=tf.GraphKeys.GLOBAL_VARIABLES,
            name_prefix=tensor.op.name + "/octet_range")
    if readers:
        common.RerouteTensor(ranged, tensor, can_modify=readers)
