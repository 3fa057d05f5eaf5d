"""Adds nodes to an EditableGraph: each function adds one or a few nodes, and returns the name of the resulting tensor.

like: the node that is replaced; new nodes belong to its Keras layer, and their names begin with its name.
"""

from typing import Any, Sequence

import numpy as np
import tensorflow as tf

from tasks.quantize.ir.editable_graph import EditableGraph
from tasks.quantize.ir.nodes import Node

FLOAT = tf.AttrValue(type=tf.float32.as_datatype_enum)
INT = tf.AttrValue(type=tf.int32.as_datatype_enum)
RESHAPES = ("Reshape", "Squeeze", "ExpandDims")


def binary(graph: EditableGraph, op: str, left: str, right: str, like: Node) -> str:
    """The name of a new node `op(left, right)` with the shape of `like`."""
    return graph.add(Node(graph.free("{}/{}".format(like.name, op)), op, [left, right], {"T": FLOAT},
                          layer=like.layer), graph.shapes[like.name]).name


def reshape(graph: EditableGraph, tensor: str, shape: Sequence[Any], like: Node, name: str) -> str:
    """The name of a new Reshape of `tensor`. shape: without the batch."""
    sizes = graph.constant(like.name + "/" + name + "/shape", [-1] + list(shape), np.int32)
    return graph.add(Node(graph.free(like.name + "/" + name), "Reshape", [tensor, sizes],
                          {"T": FLOAT, "Tshape": INT}, layer=like.layer), (None,) + tuple(shape)).name


def part(graph: EditableGraph, tensor: str, axis: int, begin: int, size: int, like: Node) -> str:
    """The name of a new Slice of `tensor`: [begin, begin + size) along `axis`."""
    shape = graph.known_shape(tensor)
    begins, sizes = [0] * len(shape), [-1] * len(shape)
    begins[axis], sizes[axis] = begin, size
    names = [graph.constant("{}/{}".format(like.name, what), value, np.int32)
             for what, value in (("begin", begins), ("size", sizes))]
    return graph.add(Node(graph.free(like.name + "/slice"), "Slice", [tensor] + names, {"T": FLOAT, "Index": INT},
                          layer=like.layer), shape[:axis] + (size,) + shape[axis + 1:]).name


def joined(graph: EditableGraph, tensors: Sequence[str], axis: int, like: Node) -> str:
    """The name of a new ConcatV2 of the tensors along `axis`; the tensor itself where there is only one."""
    if len(tensors) == 1:
        return tensors[0]
    shape = graph.known_shape(tensors[0])
    total = sum(graph.known_shape(tensor)[axis] for tensor in tensors)
    name = graph.constant(like.name + "/axis", axis, np.int32)
    return graph.add(Node(graph.free(like.name + "/concat"), "ConcatV2", list(tensors) + [name],
                          {"T": FLOAT, "Tidx": INT, "N": tf.AttrValue(i=len(tensors))}, layer=like.layer),
                     shape[:axis] + (total,) + shape[axis + 1:]).name
