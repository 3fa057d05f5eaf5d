"""Operations that are written down first, and added to a graph in one import.

One by one in Python an operation takes three times as long, and the ranges of a large network need 20,000.
"""

import functools
import itertools
from typing import Any, Collection, Dict, Mapping, Optional, Set, Union

import numpy as np
import tensorflow as tf

from tasks.graph import constants

FLOAT, INT32 = (tf.AttrValue(type=dtype.as_datatype_enum) for dtype in (tf.float32, tf.int32))
_PLACES = itertools.count()


class Deferred:
    """A float32 tensor (of a comparison: bool) that `make` adds to the graph of the tensors that it is computed from.

    name: of its operation, unique in the graph; without one it is named after what it is made for.
    """

    def __init__(self, op: str, *inputs: Union["Deferred", tf.Tensor], name: str = "",
                 attributes: Optional[Dict[str, Any]] = None, value: Optional[np.ndarray] = None) -> None:
        """attributes: those of the NodeDef by name; the type of the inputs, float32, if None. value: of a Const."""
        self.op, self.inputs, self.name, self.value = op, inputs, name, value
        self.attributes = {"T": FLOAT} if attributes is None else attributes
        # After its inputs. Constants are first, by name: some are kept for the whole process, and the order must not
        # depend on which graph used them first.
        self.order = (next(_PLACES), "") if value is None else (-1, name)

    def __add__(self, other: "Deferred") -> "Deferred":
        return Deferred("Add", self, other)

    def __sub__(self, other: "Deferred") -> "Deferred":
        return Deferred("Sub", self, other)

    def __mul__(self, other: "Deferred") -> "Deferred":
        return Deferred("Mul", self, other)

    def __truediv__(self, other: "Deferred") -> "Deferred":
        return Deferred("RealDiv", self, other)

    def __neg__(self) -> "Deferred":
        return Deferred("Neg", self)


def maximum(one: Deferred, other: Deferred) -> Deferred:
    return Deferred("Maximum", one, other)


def minimum(one: Deferred, other: Deferred) -> Deferred:
    return Deferred("Minimum", one, other)


def where(condition: Deferred, one: Deferred, other: Deferred) -> Deferred:
    return Deferred("Select", condition, one, other)


def constant(name: str, value: np.ndarray) -> Deferred:
    return Deferred("Const", name=name, value=value)


@functools.lru_cache(maxsize=None)
def number(value: float) -> Deferred:
    """The constant of this value, a float32 scalar."""
    return constant("octet/number/{!r}".format(float(value)).replace("+", ""), np.float32(value))


def least_of(tensor: tf.Tensor) -> Deferred:
    """The least of all values, a scalar."""
    return _reduced("Min", tensor, tensor.shape.ndims)


def greatest_of(tensor: tf.Tensor) -> Deferred:
    """The greatest of all values, a scalar."""
    return _reduced("Max", tensor, tensor.shape.ndims)


def greatest_absolute_of(tensor: tf.Tensor) -> Deferred:
    return _reduced("Max", Deferred("Abs", tensor), tensor.shape.ndims)


def _reduced(op: str, tensor: Union[Deferred, tf.Tensor], axes: Optional[int]) -> Deferred:
    """axes: how many the tensor has; None if that is unknown."""
    if axes is None:
        tensor, axes = Deferred("Reshape", tensor, _int32(-1), attributes={"T": FLOAT, "Tshape": INT32}), 1
    return Deferred(op, tensor, _int32(*range(axes)), attributes={"T": FLOAT, "Tidx": INT32})


@functools.lru_cache(maxsize=None)
def _int32(*values: int) -> Deferred:
    return constant("octet/int32/{}".format("_".join(map(str, values))), np.array(values, np.int32))


def make(wanted: Mapping[str, Deferred]) -> Dict[Deferred, tf.Tensor]:
    """Adds to the current graph what is wanted, under these names, and all that it needs. Called once for a graph."""
    names: Dict[Deferred, str] = {}  # in the order of the data
    for name, result in wanted.items():
        for place, each in enumerate(sorted(_needed(result, names), key=lambda each: each.order)):
            names[each] = each.name or (name if each is result else "{}/{}".format(name, place))
    nodes = tf.GraphDef(versions=tf.get_default_graph().graph_def_versions)
    given: Dict[tf.Tensor, str] = {}
    for each, name in names.items():
        if each.value is not None:
            nodes.node.add().CopyFrom(constants.constant(name, each.value))
            continue
        node = nodes.node.add(name=name, op=each.op, input=[
            names[source] if isinstance(source, Deferred) else given.setdefault(source, "given/{}".format(len(given)))
            for source in each.inputs])
        for key, attribute in each.attributes.items():
            node.attr[key].CopyFrom(attribute)
    with tf.control_dependencies(None):
        made = tf.import_graph_def(nodes, name="", input_map={name + ":0": tensor for tensor, name in given.items()},
                                   return_elements=[names[result] + ":0" for result in wanted.values()])
    return dict(zip(wanted.values(), made))


def _needed(result: Deferred, known: Collection[Deferred]) -> Set[Deferred]:
    """What the result is computed from, itself included, without what is known."""
    found: Set[Deferred] = set()
    todo = [result]
    while todo:
        each = todo.pop()
        if each not in found and each not in known:
            found.add(each)
            todo.extend(source for source in each.inputs if isinstance(source, Deferred))
    return found
