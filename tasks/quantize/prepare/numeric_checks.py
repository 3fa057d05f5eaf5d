"""What a network computes with: float32 from its inputs to its outputs, and numbers in all its constants.

A weight that is NaN or infinite leaves no code of a layer's range for anything else; folding makes such of a
batch norm whose variance is below 0. TensorFlow would train on, and toco die of it.
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
    """Raises QuantizeError naming the layers that compute in another type of real numbers."""
    found = [(node.layer, "{} ({}) computes in {}".format(node.name, node.op, OTHER_FLOATS[kind]))
             for node in graph.in_order() for kind in [_other_float(node)] if kind]
    _refuse("computes in another type than float32", found,
            "give the layers dtype='float32', and leave casts out of the network")


def expect_finite(graph: EditableGraph) -> None:
    """Raises QuantizeError naming the layers whose weights or other constants are no numbers."""
    found = []
    for node in graph.of_type("Const"):
        readers = graph.readers.get(node.name, [])
        value = graph.known_value(node.name)
        if value.dtype.kind == "f" and not np.isfinite(value).all() and not _is_padding(node.name, readers):
            found.append(((readers or [node])[0].layer, "{} holds NaN or infinity".format(node.name)))
    _refuse("holds what is no number", found,
            "look at the weights that the layer starts from, at a division by 0, at a batch norm's variance")


def _is_padding(name: str, readers: Sequence[Node]) -> bool:
    """Whether it is what a tensor is padded with and nothing else: -inf before a max pool becomes the least code."""
    return bool(readers) and all(
        reader.op == "PadV2" and reader.inputs[2] == name and name not in reader.inputs[:2] for reader in readers)


def _other_float(node: Node) -> int:
    return next((node.get(attr).type for attr in TYPE_ATTRS if node.get(attr).type in OTHER_FLOATS), 0)


def _refuse(what: str, found: List[Tuple[str, str]], next_step: str) -> None:
    if found:
        raise QuantizeError("the network {}".format(what), where="model.build", why="\n".join(
            "layer {}: {}".format(layer, why) for layer, why in found), next_step=next_step)
