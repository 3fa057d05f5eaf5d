"""An interface for matching patterns in a graph: a tf.Graph, or the EditableGraph that passes rewrite."""

import abc
from typing import Generic, List, Optional, Tuple, TypeVar

import numpy as np
import tensorflow as tf

T = TypeVar("T")  # the type that represents tensors: tf.Tensor, or str for names
Shape = Optional[Tuple[Optional[int], ...]]


class GraphView(abc.ABC, Generic[T]):
    """A graph whose tensors are of type T."""

    @abc.abstractmethod
    def op_of(self, tensor: T) -> str:
        """The type of the operation that computes the tensor."""

    @abc.abstractmethod
    def inputs_of(self, tensor: T) -> List[T]:
        """The inputs of the operation that computes the tensor."""

    @abc.abstractmethod
    def constant_of(self, tensor: T) -> Optional[np.ndarray]:
        """The value of the tensor where it is a constant, else None."""

    @abc.abstractmethod
    def shape_of(self, tensor: T) -> Shape:
        """The shape of the tensor, with None for an unknown size; None where the rank is unknown."""

    @abc.abstractmethod
    def keeps_dims(self, tensor: T) -> bool:
        """Whether the reduction that computes the tensor keeps the axes that it reduces, with size 1."""


class TensorView(GraphView[tf.Tensor]):
    """The view of a tf.Graph."""

    def op_of(self, tensor: tf.Tensor) -> str:
        return tensor.op.type

    def inputs_of(self, tensor: tf.Tensor) -> List[tf.Tensor]:
        return list(tensor.op.inputs)

    def constant_of(self, tensor: tf.Tensor) -> Optional[np.ndarray]:
        return tf.get_static_value(tensor)

    def shape_of(self, tensor: tf.Tensor) -> Shape:
        return None if tensor.shape.ndims is None else tuple(tensor.shape.as_list())

    def keeps_dims(self, tensor: tf.Tensor) -> bool:
        return bool(tensor.op.get_attr("keep_dims"))


def reduces_last_axis(graph: GraphView[T], reduction: T) -> bool:
    """Whether the tensor is a reduction over only the last axis, with keep_dims."""
    source, axis = graph.inputs_of(reduction)
    value, shape = graph.constant_of(axis), graph.shape_of(source)
    if value is None or not shape or not graph.keeps_dims(reduction):
        return False
    return [int(each) % len(shape) for each in np.reshape(value, [-1])] == [len(shape) - 1]


def written_softmax(graph: GraphView[T], quotient: T) -> Optional[T]:
    """The x of exp(x - max(x)) / sum(exp(x - max(x))) over the last axis; None for any other tensor.

    TensorFlow 1.14's Keras computes softmax over more than two axes in this way.
    """
    if graph.op_of(quotient) != "RealDiv":
        return None
    exp, total = graph.inputs_of(quotient)
    if graph.op_of(exp) != "Exp" or graph.op_of(total) != "Sum" or graph.inputs_of(total)[0] != exp:
        return None
    shifted = graph.inputs_of(exp)[0]
    if graph.op_of(shifted) != "Sub":
        return None
    source, largest = graph.inputs_of(shifted)
    if graph.op_of(largest) != "Max" or graph.inputs_of(largest)[0] != source:
        return None
    return source if all(reduces_last_axis(graph, each) for each in (total, largest)) else None
