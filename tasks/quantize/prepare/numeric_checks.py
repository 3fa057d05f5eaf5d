"""Checks that a network computes in float32 only, and that its constants are finite.

With a NaN or infinite weight, a layer's range has no codes for its other weights. Folding a batch norm with a variance
below 0 gives such weights. TensorFlow would continue to train, and toco would crash.
"""

from typing import List, Sequence, Tuple

import numpy as np
import tensorflow as tf

from octet.errors import QuantizeError
from tasks.quantize.ir.editable_graph import EditableGraph
from tasks.quantize.ir.nodes import Node

OTHER_FLOATS = {each.as_datatype_enum: each.name for each in (
    tf.float16, tf.bfloat16, tf.float64, tf.complex64, tf.complex128)}
TYPE_ATTRS = ("T", "SrcT", "DstT")


def expect_float32(graph: EditableGraph) -> None:
    """Raises QuantizeError naming the layers that compute in another float or complex type."""
    faults = [(node.layer, "{} ({}) computes in {}".format(node.name, node.op, OTHER_FLOATS[kind]))
              for node in graph.in_order() for kind in [_other_float(node)] if kind]
    _refuse("computes in another type than float32", faults,
            "give the layers dtype='float32', and leave casts out of the network")


def expect_finite(graph: EditableGraph) -> None:
    """Raises QuantizeError naming the layers whose weights or other constants are NaN or infinite."""
    faults = []
    for node in graph.of_type("Const"):
        readers = graph.readers.get(node.name, [])
        value = graph.known_value(node.name)
        if value.dtype.kind == "f" and not np.isfinite(value).all() and not _is_padding(node.name, readers):
            faults.append(((readers or [node])[0].layer, "{} holds NaN or infinity".format(node.name)))
    _refuse("has weights or constants that are not finite", faults,
            "check the weights that the layer starts from, divisions by 0, and the variances of batch norms")


def _is_padding(name: str, readers: Sequence[Node]) -> bool:
    """Whether the constant is only used as the value of paddings: -inf before a max pool becomes the smallest code."""
    return bool(readers) and all(
        reader.op == "PadV2" and reader.inputs[2] == name and name not in reader.inputs[:2] for reader in readers)


def _other_float(node: Node) -> int:
    return next((node.get(attr).type for attr in TYPE_ATTRS if node.get(attr).type in OTHER_FLOATS), 0)


def _refuse(what: str, faults: List[Tuple[str, str]], next_step: str) -> None:
    if faults:
        raise QuantizeError("the network {}".format(what), where="model.build", why="\n".join(
            "layer {}: {}".format(layer, why) for layer, why in faults), next_step=next_step)
