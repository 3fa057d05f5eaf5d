"""Refuses layers that loop, before they are frozen: TensorFlow 1.14 has no uint8 form of them."""

import re
from typing import Dict, Iterable, List, Tuple

import tensorflow as tf

from octet.errors import QuantizeError
from tasks.quantize.ir.layer_of_node import LayerNames
from tasks.quantize.kernels.uint8_kernels import LOOPS, RECURRENT, RECURRENT_WAY_OUT

FUNCTIONS = {
    "map": ("tf.map_fn", "tf.map_fn: apply the function to the whole tensor at once; Conv1D and Dense treat each step "
                         "of a sequence alike"),
    "scan": ("tf.scan", "tf.scan: write the steps one after the other in a Python loop, or use Conv1D over time"),
    "foldl": ("tf.foldl", "tf.foldl: use tf.reduce_sum and the like, or write the steps in a Python loop"),
    "foldr": ("tf.foldr", "tf.foldr: use tf.reduce_sum and the like, or write the steps in a Python loop"),
    "while": ("tf.while_loop", "tf.while_loop: unroll it in a Python loop"),
}
"""{name scope of a looping TensorFlow function: (the function, what to do instead)}; the first match counts."""


def refuse(graph: tf.Graph, layers: Iterable[str]) -> None:
    """Raises QuantizeError naming the layers that loop, and what loops in them. layers: names of the model's layers."""
    layer_of = LayerNames(layers)
    looping: Dict[str, List[tf.Operation]] = {}
    for operation in graph.get_operations():
        if operation.type in LOOPS:
            looping.setdefault(layer_of(operation.name), []).append(operation)
    if looping:
        kinds = {layer: _kind(operations) for layer, operations in looping.items()}
        raise QuantizeError(
            "{} layer{} cannot be uint8".format(len(kinds), "s" if len(kinds) > 1 else ""), where="model.build",
            why="\n".join("layer {}: {} loops, and loops have no uint8 kernel".format(layer, what)
                          for layer, (what, _) in kinds.items()),
            next_step="\n".join(dict.fromkeys(way_out for _, way_out in kinds.values())))


def _kind(operations: List[tf.Operation]) -> Tuple[str, str]:
    """(what loops, what to do instead) of one layer's operations."""
    if any(operation.type in RECURRENT or _is_of_keras_rnn(operation) for operation in operations):
        return "a recurrent layer", RECURRENT_WAY_OUT
    scopes = {re.sub(r"_\d+$", "", scope) for operation in operations for scope in operation.name.split("/")[:-1]}
    return next((kind for scope, kind in FUNCTIONS.items() if scope in scopes), FUNCTIONS["while"])


def _is_of_keras_rnn(operation: tf.Operation) -> bool:
    """Whether the operation is the array in which Keras' recurrent layers collect their outputs."""
    return operation.type == "TensorArrayV3" and operation.get_attr("tensor_array_name").startswith(b"output_ta")
