"""Replaces operands that a graph computes from shapes by constants.

    Shape -> StridedSlice -> Pack -> Reshape        [-1, 7, 64] -> Reshape

Keras computes the operands of Reshape, of a dense layer on more than two axes and of upsampling from the shape of the
input, because the batch size is not known. toco resolves some of these chains and refuses others (`... is not a
constant array`). Here, the shape of a sample is known, so an operand can depend on the batch size only. Each operand is
evaluated for two batch sizes. An operand with equal values becomes a constant. A dimension that grows with the batch
becomes -1 in a Reshape, and is read from the input in a transposed convolution. An operand that repeats one constant
for each sample, like coordinates that are concatenated to an image, becomes this constant where the kernel broadcasts
it; elsewhere

    tile(c, [batch, 1, 1, 1])      becomes      (x[:, :1, :1, :1] - x[:, :1, :1, :1]) + c
"""

import contextlib
import re
from typing import Any, Dict, Iterator, List, NamedTuple, Set, Tuple

import numpy as np
import tensorflow as tf

from octet.errors import QuantizeError
from tasks.graph import constants, io_spec
from tasks.quantize.kernels.uint8_kernels import ELEMENTWISE

SHAPES = ("Shape", "ShapeN", "Size", "Rank", "ZerosLike", "OnesLike")
BATCHES = (2, 3)


def make_shapes_constant(graph_def: tf.GraphDef, inputs: Dict[str, List[int]], outputs: List[str]) -> tf.GraphDef:
    """The graph with constants in place of all operands that depend on shapes only.

    inputs: {placeholder: its shape without the batch}. Raises QuantizeError where the network refuses samples of these
    shapes, or fixes the batch size.
    """
    graph_def = constants.extract(graph_def, outputs)
    values = [_operands(graph_def, inputs, batch) for batch in BATCHES]
    static = tf.GraphDef(versions=graph_def.versions)
    added: Dict[str, tf.NodeDef] = {}
    for node in graph_def.node:
        copy = static.node.add()
        copy.CopyFrom(node)
        for index in range(len(node.input)):
            if (node.name, index) in values[0]:
                new = _constant_operand(node, index, *(each[node.name, index] for each in values))
                if new is not None:
                    added[new.name] = new
                    copy.input[index] = new.name
    static.node.extend(added.values())
    for name, shape in inputs.items():
        _set_shape(static, name, [-1] + list(shape))
    _transposed_convolutions(static, list(inputs)[0], values)
    _for_each_sample(static, list(inputs)[0], values)
    return constants.extract(static, outputs)


class Operand(NamedTuple):
    """The value of an operand for one batch size. broadcasts: the kernel would broadcast one sample's value."""

    value: np.ndarray
    broadcasts: bool


def _operands(graph_def: tf.GraphDef, inputs: Any, batch: int) -> Dict[Tuple[str, int], Operand]:
    """{(reader, index of its input): operand} of the operands that depend on shapes only, of readers that do not. Sets
    the shapes of the inputs in `graph_def`."""
    for name, shape in inputs.items():
        _set_shape(graph_def, name, [batch] + list(shape))
    with tf.Graph().as_default() as graph, _any_batch(batch):
        try:
            tf.import_graph_def(graph_def, name="")
        except ValueError:
            _expect_sizes(graph_def, inputs)
            raise
    known: Set[str] = set()  # operations that depend on shapes only
    idle = _idle(graph)
    for operation in graph.get_operations():
        sources = {tensor.op.name for tensor in operation.inputs}
        if operation not in idle and (operation.type in SHAPES + ("Const",) or (
                sources and sources <= known and not operation.op_def.is_stateful)):
            known.add(operation.name)
    wanted, broadcasts = {}, {}
    with graph.as_default():
        for operation in list(graph.get_operations()):
            if operation.name not in known and operation not in idle:
                for index, tensor in enumerate(operation.inputs):
                    if tensor.op.name in known and constants.value_of(tensor) is None:
                        # The operand of a Reshape may contain -1; its output's shape does not.
                        wanted[operation.name, index] = tensor if (operation.type, index) != ("Reshape", 1) else (
                            tf.shape(operation.outputs[0], out_type=tensor.dtype))
                        broadcasts[operation.name, index] = operation.type in ELEMENTWISE and _whole(
                            operation.inputs[1 - index], operation.outputs[0])
    feed = {graph.get_tensor_by_name(name + ":0"): np.zeros([batch] + list(shape), np.float32)
            for name, shape in inputs.items()}
    with tf.Session(graph=graph) as session, _any_batch(batch):
        values = session.run(wanted, feed) if wanted else {}
    return {place: Operand(value, broadcasts[place]) for place, value in values.items()}


def _whole(operand: tf.Tensor, result: tf.Tensor) -> bool:
    """Whether the operand is known to have the shape of the result."""
    return operand.shape.is_fully_defined() and operand.shape == result.shape


def _idle(graph: tf.Graph) -> Set[tf.Operation]:
    """The operations that may not run: those in both branches of a condition, or in the branch that a constant
    condition does not take."""
    idle: Set[tf.Operation] = set()
    dead: Set[tf.Tensor] = set()
    for operation in graph.get_operations():  # producers come first
        if operation.type == "Switch":
            taken = constants.value_of(operation.inputs[1])
            dead.update(tensor for number, tensor in enumerate(operation.outputs) if taken is None or number != taken)
        elif operation.type == "Merge":
            if all(tensor in dead for tensor in operation.inputs):
                idle.add(operation)
        elif any(tensor in dead for tensor in operation.inputs) or any(
                before in idle for before in operation.control_inputs):
            idle.add(operation)
        if operation in idle:
            dead.update(operation.outputs)
    return idle


def _expect_sizes(graph_def: tf.GraphDef, inputs: Dict[str, List[int]]) -> None:
    """Raises QuantizeError if the network fails on samples of the inputs' shapes, for any batch size. Sets these shapes
    in `graph_def`."""
    for name, shape in inputs.items():
        _set_shape(graph_def, name, [-1] + list(shape))
    with tf.Graph().as_default():
        try:
            tf.import_graph_def(graph_def, name="")
        except ValueError as error:
            message = (str(error).splitlines() or [""])[0]
            node = re.search(r"for '([^']+)'", message)
            raise QuantizeError(
                "the network fails on a sample of shape {}".format(" and ".join(
                    "x".join(map(str, shape)) or "one number" for shape in inputs.values())), where="model.build",
                why="{}TensorFlow says: {}".format("at {}: ".format(node.group(1)) if node else "", message),
                next_step=io_spec.SIZES_WAY_OUT) from error


@contextlib.contextmanager
def _any_batch(batch: int) -> Iterator[None]:
    """Turns TensorFlow's errors within the block, about a batch of this size, into a QuantizeError."""
    try:
        yield
    except (ValueError, tf.errors.InvalidArgumentError) as error:
        raise QuantizeError(
            "the network does not accept a batch of {}".format(batch), where="model.build",
            why="a .tflite file is run on one sample at a time; TensorFlow says: {}".format(
                (str(error).splitlines() or [""])[0]),
            next_step="build the network for any batch size: no virtual_batch_size, no batch size in a reshape"
        ) from error


def _set_shape(graph_def: tf.GraphDef, name: str, shape: List[int]) -> None:
    node = next(node for node in graph_def.node if node.name == name)
    node.attr["shape"].shape.CopyFrom(tf.TensorShape([None if size < 0 else size for size in shape]).as_proto())


def _constant_operand(node: tf.NodeDef, index: int, for_two: Operand, for_three: Operand) -> Any:
    """The constant that can replace the operand, or None. for_two, for_three: the operand for these batch sizes."""
    small, large = for_two.value, for_three.value
    if small.shape == large.shape and np.array_equal(small, large):
        # Named after its source, so that readers that share the operand share the constant.
        source = "{}/{}".format(node.name, index) if node.op == "Reshape" else node.input[index]
        return constants.constant(source.replace(":", "_") + "/settled", np.asarray(small))
    name = "{}/{}/settled".format(node.name, index)
    if node.op == "Reshape" and index == 1 and small.shape == large.shape and np.sum(small != large) == 1:
        return constants.constant(name, np.where(small != large, -1, small).astype(small.dtype))
    if for_two.broadcasts and _is_for_each_sample(small, large):
        return constants.constant(name, small[:1])
    return None


def _is_for_each_sample(small: np.ndarray, large: np.ndarray) -> bool:
    """Whether the operand is float32, with one entry for each sample of the batch, and all entries are equal."""
    return (small.dtype == np.float32 and (small.shape[:1], large.shape[:1]) == tuple((batch,) for batch in BATCHES)
            and small.shape[1:] == large.shape[1:] and (large == small[:1]).all() and (small == small[:1]).all())


def _for_each_sample(graph_def: tf.GraphDef, placeholder: str, values: Any) -> None:
    """Replaces operands that repeat a constant for each sample by the constant plus zeros, [batch, 1, ...], that are
    computed from the input."""
    made: Dict[Tuple[Tuple[int, ...], bytes], str] = {}
    for node in list(graph_def.node):
        for index in range(len(node.input)):
            small, large = (each.get((node.name, index)) for each in values)
            if small is not None and not small.broadcasts and _is_for_each_sample(small.value, large.value):
                constant = small.value[:1]
                use = constant.shape, constant.tobytes()
                if use not in made:
                    made[use] = _repeated(graph_def, placeholder, constant, "{}/{}".format(node.name, index))
                node.input[index] = made[use]


def _repeated(graph_def: tf.GraphDef, placeholder: str, constant: np.ndarray, name: str) -> str:
    """The name of a new tensor that repeats the constant [1, ...] for each sample of the placeholder."""
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(tf.GraphDef(node=[node for node in graph_def.node if node.name == placeholder]), name="")
        sample = graph.get_tensor_by_name(placeholder + ":0")
        with tf.name_scope(name):
            first = tf.reshape(sample, [-1, int(np.prod(sample.shape.as_list()[1:]))])[:, :1]
            first = tf.reshape(first, [-1] + [1] * (constant.ndim - 1))
            made = tf.subtract(first, first) + constant
    graph_def.node.extend(node for node in graph.as_graph_def().node if node.name != placeholder)
    return made.op.name


def _transposed_convolutions(graph_def: tf.GraphDef, placeholder: str, values: Any) -> None:
    """Builds the first operand of Conv2DBackpropInput, the shape of its output, from the batch size of the input and
    constants."""
    batch = None
    for node in list(graph_def.node):
        if node.op != "Conv2DBackpropInput" or (node.name, 0) not in values[0]:
            continue
        if batch is None:
            batch = _batch(graph_def, placeholder)
        sizes = values[0][node.name, 0].value
        if sizes[0] != BATCHES[0]:
            raise QuantizeError(
                "the transposed convolution {} cannot be uint8".format(node.name), where="model.build",
                why="layer {}: it works on more images than the batch has, as it does with a dilation or in a "
                    "TimeDistributed layer; its kernel cannot do this".format(node.name.split("/")[0]),
                next_step="use dilation_rate=1 and no TimeDistributed, or a convolution after UpSampling2D")
        pieces = [batch]
        for number, size in enumerate(sizes[1:]):
            constant = constants.constant("{}/size_{}".format(node.name, number), np.asarray(size, np.int32))
            graph_def.node.add().CopyFrom(constant)
            pieces.append(constant.name)
        pack = graph_def.node.add(name=node.name + "/sizes", op="Pack", input=pieces)
        pack.attr["T"].type = tf.int32.as_datatype_enum
        pack.attr["N"].i = len(pieces)
        node.input[0] = pack.name


def _batch(graph_def: tf.GraphDef, placeholder: str) -> str:
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(tf.GraphDef(node=[node for node in graph_def.node if node.name == placeholder]),
                            name="")
        tf.shape(graph.get_tensor_by_name(placeholder + ":0"), name="octet_batch/shape")
        tf.strided_slice(graph.get_tensor_by_name("octet_batch/shape:0"), [0], [1], [1],
                         shrink_axis_mask=1, name="octet_batch/size")
    graph_def.node.extend(node for node in graph.as_graph_def().node if node.name != placeholder)
    return "octet_batch/size"
