"""The nodes of an `EditableGraph`, and the marks that passes leave on them."""

from typing import Any, Dict, Optional, Sequence

import numpy as np
import tensorflow as tf

LAYER_ATTR = "_octet_layer"
"""The attribute that holds the name of the Keras layer that a node belongs to; for messages."""

MARK_ATTR = "_octet"
"""The attribute by which a pass tells ranges/assign.py how to treat a node: one of the marks below."""

INSIDE = "inside"        # inside one kernel: the node's output has no range
REQUANTIZE = "requantize"  # only gives its input another range; its weights are not trained
SATURATE = "saturate"    # a clamp: the range of its input ends at the bounds, so that codes saturate there
FLOOR = "floor"          # a pad by 0 that is two codes large in uint8 (rewrites/composites.py)
WITHOUT_FLOOR = "without_floor"  # the slice that removes this pad


class Node:
    """One operation. inputs: names of tensors. attr: as in a NodeDef. value: that of a Const. layer: its Keras layer.
    mark: one of the marks, or ''."""

    def __init__(self, name: str, op: str, inputs: Sequence[str] = (), attr: Optional[Dict[str, Any]] = None,
                 value: Optional[np.ndarray] = None, layer: str = "", mark: str = "") -> None:
        self.name, self.op, self.inputs = name, op, list(inputs)
        self.attr = dict(attr or {})
        self.value = value
        self.layer, self.mark = layer, mark

    def get(self, key: str) -> tf.AttrValue:
        """An attribute; an empty value where it is not set."""
        return self.attr.get(key, tf.AttrValue())

    def __repr__(self) -> str:
        return "{}({}: {})".format(self.op, self.name, ", ".join(self.inputs))


class Affine(Node):
    """x * scale + shift for each channel, the last axis: a batch norm, a bias, any arithmetic by constants.

    Not a TensorFlow operation: `rewrites/affine.py` makes these nodes, and later turns them into layers.
    scale, shift: [C] float64.
    """

    def __init__(self, name: str, tensor: str, scale: np.ndarray, shift: np.ndarray, layer: str = "",
                 mark: str = "") -> None:
        super().__init__(name, "Affine", [tensor], layer=layer, mark=mark)
        self.scale, self.shift = np.asarray(scale, np.float64), np.asarray(shift, np.float64)


class Clamp(Node):
    """min(max(x, low), high), low <= 0 <= high. Not a TensorFlow operation: see rewrites/clamps.py."""

    def __init__(self, name: str, tensor: str, low: float, high: float, layer: str = "") -> None:
        super().__init__(name, "Clamp", [tensor], layer=layer)
        self.low, self.high = low, high


def attribute_of(node: tf.NodeDef, attr: str) -> str:
    """The value of the attribute LAYER_ATTR or MARK_ATTR of a node, "" where it has none."""
    return node.attr[attr].s.decode() if attr in node.attr else ""  # `node.attr[attr]` would add a missing one
