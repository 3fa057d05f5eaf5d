"""Operations that are described first, and then all added to a graph in one import.

An operation that Python adds to a graph by itself takes three times as long. The ranges of a large network need 20,000
operations.
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
    """The only output of an operation that `make` adds to a graph: a float32 tensor, or bool for a comparison.

    name: the operation's name, unique in the graph. If it is empty, `make` derives one from the name of the result that
    needs the operation.
    """

    def __init__(self, op: str, *inputs: Union["Deferred", tf.Tensor], name: str = "",
                 attributes: Optional[Dict[str, Any]] = None, value: Optional[np.ndarray] = None) -> None:
        """attributes: of the NodeDef, by name; None for T = float32 alone. value: the value of a Const."""
        self.op, self.inputs, self.name, self.value = op, inputs, name, value
        self.attributes = {"T": FLOAT} if attributes is None else attributes
        # The sort key in the graph: after its inputs. Constants come first, sorted by name: some are cached for the
        # whole process, and their place must not depend on which graph used them first.
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
    """The minimum of all values, a scalar."""
    return _reduced("Min", tensor, tensor.shape.ndims)


def greatest_of(tensor: tf.Tensor) -> Deferred:
    """The maximum of all values, a scalar."""
    return _reduced("Max", tensor, tensor.shape.ndims)


def greatest_absolute_of(tensor: tf.Tensor) -> Deferred:
    return _reduced("Max", Deferred("Abs", tensor), tensor.shape.ndims)


def _reduced(op: str, tensor: Union[Deferred, tf.Tensor], axes: Optional[int]) -> Deferred:
    """The reduction over all axes. axes: the number of the tensor's axes; None if it is unknown."""
    if axes is None:
        tensor, axes = Deferred("Reshape", tensor, _int32(-1), attributes={"T": FLOAT, "Tshape": INT32}), 1
    return Deferred(op, tensor, _int32(*range(axes)), attributes={"T": FLOAT, "Tidx": INT32})


@functools.lru_cache(maxsize=None)
def _int32(*values: int) -> Deferred:
    return constant("octet/int32/{}".format("_".join(map(str, values))), np.array(values, np.int32))


def make(wanted: Mapping[str, Deferred]) -> Dict[Deferred, tf.Tensor]:
    """Adds the wanted tensors, {name: tensor}, and all that they are computed from, to the current graph. Returns their
    tensors in it. Call it only once for a graph: a second call would add the same constants again."""
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
    """The result and all that it is computed from, without the tensors in `known`."""
    found: Set[Deferred] = set()
    todo = [result]
    while todo:
        each = todo.pop()
        if each not in found and each not in known:
            found.add(each)
            todo.extend(source for source in each.inputs if isinstance(source, Deferred))
    return found
