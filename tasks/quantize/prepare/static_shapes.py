"""Shapes that a graph computes while it runs become constants.

    Shape -> StridedSlice -> Pack -> Reshape        [-1, 7, 64] -> Reshape

Keras computes the operands of Reshape, of a dense layer on more than two axes, of upsampling, from its
input's shape, because the batch is not known. toco resolves some of these chains and stops at others
(`... is not a constant array`); with the input's shape given, only the batch is left to vary. Each such
operand is looked at for two batches: what does not change is a constant, a dimension that grows with the
batch is -1 in a Reshape, and in a transposed convolution is read off the input. What holds one constant for each
sample, as coordinates beside an image do, is that constant where the kernel gives it to all samples itself, else

    tile(c, [batch, 1, 1, 1])      (x[:, :1, :1, :1] - x[:, :1, :1, :1]) + c
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
    """The graph with constants for all that follows from shapes.

    inputs: {placeholder: its shape without the batch}.
    """
    graph_def = constants.extract(graph_def, outputs)
    values = [_operands(graph_def, inputs, batch) for batch in BATCHES]
    settled = tf.GraphDef(versions=graph_def.versions)
    added: Dict[str, tf.NodeDef] = {}
    for node in graph_def.node:
        copy = settled.node.add()
        copy.CopyFrom(node)
        for index in range(len(node.input)):
            if (node.name, index) in values[0]:
                new = _settled(node, index, *(each[node.name, index] for each in values))
                if new is not None:
                    added[new.name] = new
                    copy.input[index] = new.name
    settled.node.extend(added.values())
    for name, shape in inputs.items():
        _fix(settled, name, [-1] + list(shape))
    _transposed_convolutions(settled, list(inputs)[0], values)
    _for_each_sample(settled, list(inputs)[0], values)
    return constants.extract(settled, outputs)


class Operand(NamedTuple):
    """What an operation reads, for one batch. for_all: it may be one sample's, the kernel gives it to all of them."""

    value: np.ndarray
    for_all: bool


def _operands(graph_def: tf.GraphDef, inputs: Any, batch: int) -> Dict[Tuple[str, int], Operand]:
    """{(reader, index of its input): what it is} of what follows from shapes and is read by what does not."""
    copy = tf.GraphDef()
    copy.CopyFrom(graph_def)
    for name, shape in inputs.items():
        _fix(copy, name, [batch] + list(shape))
    with tf.Graph().as_default() as graph, _any_batch(batch):
        try:
            tf.import_graph_def(copy, name="")
        except ValueError:
            _expect_sizes(graph_def, inputs)
            raise
    known: Set[str] = set()
    idle = _idle(graph)
    for operation in graph.get_operations():
        sources = {tensor.op.name for tensor in operation.inputs}
        if operation not in idle and (operation.type in SHAPES + ("Const",) or (
                sources and sources <= known and not operation.op_def.is_stateful)):
            known.add(operation.name)
    wanted, for_all = {}, {}
    with graph.as_default():
        for operation in list(graph.get_operations()):
            if operation.name not in known and operation not in idle:
                for index, tensor in enumerate(operation.inputs):
                    if tensor.op.name in known and constants.value_of(tensor) is None:
                        # The operand of a Reshape may hold a -1 already; its output's shape does not.
                        wanted[operation.name, index] = tensor if (operation.type, index) != ("Reshape", 1) else (
                            tf.shape(operation.outputs[0], out_type=tensor.dtype))
                        for_all[operation.name, index] = operation.type in ELEMENTWISE and _whole(
                            operation.inputs[1 - index], operation.outputs[0])
    feed = {graph.get_tensor_by_name(name + ":0"): np.zeros([batch] + list(shape), np.float32)
            for name, shape in inputs.items()}
    with tf.Session(graph=graph) as session, _any_batch(batch):
        values = session.run(wanted, feed) if wanted else {}
    return {place: Operand(value, for_all[place]) for place, value in values.items()}


def _whole(operand: tf.Tensor, result: tf.Tensor) -> bool:
    """Whether the operand has all of the result's elements, as far as is known."""
    return operand.shape.is_fully_defined() and operand.shape == result.shape


def _idle(graph: tf.Graph) -> Set[tf.Operation]:
    """What may not be computed: both branches of a condition, only the other one where it is a constant."""
    idle: Set[tf.Operation] = set()
    dead: Set[tf.Tensor] = set()
    for operation in graph.get_operations():  # inputs come first
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
    """Raises QuantizeError if the network fails on samples of the inputs' shapes, for any batch size."""
    copy = tf.GraphDef()
    copy.CopyFrom(graph_def)
    for name, shape in inputs.items():
        _fix(copy, name, [-1] + list(shape))
    with tf.Graph().as_default():
        try:
            tf.import_graph_def(copy, name="")
        except ValueError as error:
            said = (str(error).splitlines() or [""])[0]
            node = re.search(r"for '([^']+)'", said)
            raise QuantizeError(
                "the network fails on a sample of shape {}".format(" and ".join(
                    "x".join(map(str, shape)) or "one number" for shape in inputs.values())), where="model.build",
                why="{}TensorFlow says: {}".format("at {}: ".format(node.group(1)) if node else "", said),
                next_step=io_spec.SIZES_WAY_OUT) from error


@contextlib.contextmanager
def _any_batch(batch: int) -> Iterator[None]:
    """What TensorFlow says of the network when the batch is this one is a QuantizeError."""
    try:
        yield
    except (ValueError, tf.errors.InvalidArgumentError) as error:
        raise QuantizeError(
            "the network takes no batch of {}".format(batch), where="model.build",
            why="a .tflite file is run on one sample at a time; TensorFlow says: {}".format(
                (str(error).splitlines() or [""])[0]),
            next_step="build the network for any batch: no virtual_batch_size, no size of a batch in a reshape"
        ) from error


def _fix(graph_def: tf.GraphDef, name: str, shape: List[int]) -> None:
    node = next(node for node in graph_def.node if node.name == name)
    node.attr["shape"].shape.CopyFrom(tf.TensorShape([None if size < 0 else size for size in shape]).as_proto())


def _settled(node: tf.NodeDef, index: int, for_two: Operand, for_three: Operand) -> Any:
    """The constant that the operand is, or None."""
    small, large = for_two.value, for_three.value
    if small.shape == large.shape and np.array_equal(small, large):
        # Named after what it was read from: what two nodes share, they go on sharing.
        source = "{}/{}".format(node.name, index) if node.op == "Reshape" else node.input[index]
        return constants.constant(source.replace(":", "_") + "/settled", np.asarray(small))
    name = "{}/{}/settled".format(node.name, index)
    if node.op == "Reshape" and index == 1 and small.shape == large.shape and np.sum(small != large) == 1:
        return constants.constant(name, np.where(small != large, -1, small).astype(small.dtype))
    if for_two.for_all and _is_for_each_sample(small, large):
        return constants.constant(name, small[:1])
    return None


def _is_for_each_sample(small: np.ndarray, large: np.ndarray) -> bool:
    """Whether it is float and has the same in it for each sample, and no more samples than the batch has."""
    return (small.dtype == np.float32 and (small.shape[:1], large.shape[:1]) == tuple((batch,) for batch in BATCHES)
            and small.shape[1:] == large.shape[1:] and (large == small[:1]).all() and (small == small[:1]).all())


def _for_each_sample(graph_def: tf.GraphDef, placeholder: str, values: Any) -> None:
    """What reads one constant for each sample reads it added to as many zeros, which the input's samples give."""
    made: Dict[Tuple[Tuple[int, ...], bytes], str] = {}
    for node in list(graph_def.node):
        for index in range(len(node.input)):
            small, large = (each.get((node.name, index)) for each in values)
            if small is not None and not small.for_all and _is_for_each_sample(small.value, large.value):
                constant = small.value[:1]
                use = constant.shape, constant.tobytes()
                if use not in made:
                    made[use] = _given_to_each(graph_def, placeholder, constant, "{}/{}".format(node.name, index))
                node.input[index] = made[use]


def _given_to_each(graph_def: tf.GraphDef, placeholder: str, constant: np.ndarray, name: str) -> str:
    """The name of a new tensor with the constant [1, ...] for each sample of the placeholder."""
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
    """Conv2DBackpropInput's first operand is its output's whole shape: the batch is read off the input."""
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
                why="layer {}: it works on more images than come in, as one that is dilated or in a TimeDistributed "
                    "does, and its kernel has no such form".format(node.name.split("/")[0]),
                next_step="use dilation_rate=1 and no TimeDistributed, or a convolution behind UpSampling2D")
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
