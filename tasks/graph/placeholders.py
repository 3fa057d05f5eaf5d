"""Placeholders for what is known of a batch of samples: the targets of a network, and the dataset's extras."""

from typing import Any, Dict, List

import numpy as np
import tensorflow as tf

from octet.data.dataset import Extra, Part
from tasks.graph.io_spec import Network, OutputEnd


def placeholder(end: OutputEnd) -> tf.Tensor:
    """A placeholder for the targets of one output: labels [N] or [N, H, W] int32, 0 or 1 for each class [N, C] float32,
    values [N, ...] float32; [N, 0] float32 of a raw output, which has none."""
    if end["kind"] == "labels":
        return tf.placeholder(tf.float32, [None, len(end["classes"])], "octet/answers")
    if end["kind"] == "raw":
        return tf.placeholder(tf.float32, [None, 0], "octet/answers")
    dtype = tf.float32 if end["kind"] == "value" else tf.int32
    return tf.placeholder(dtype, [None] + end["shape"], "octet/answers")


def extras(network: Network) -> Dict[str, Extra]:
    """The dataset's extras, as network.json has them."""
    return {extra["name"]: Extra(extra["kind"], tuple(extra["shape"]), extra["placeless"], extra["dtype"])
            for extra in network.get("extras", ())}


class Answers:
    """targets: a placeholder for each output, in the network's order. extras: {array of the dataset's extras: its
    placeholder}. All are in the current graph."""

    def __init__(self, network: Network) -> None:
        self._ends: List[OutputEnd] = network["outputs"]
        self.targets = [placeholder(end) for end in self._ends]
        self.extras = {array: tf.placeholder(dtype, [None] + list(shape), "octet/extra")
                       for name, extra in extras(network).items()
                       for array, (dtype, shape) in extra.arrays(name).items()}

    def fed(self, part: Part, rows: Any) -> Dict[tf.Tensor, np.ndarray]:
        """The values of some samples of a part, as they are."""
        fed = {tensor: part.targets[end["name"]][rows] for end, tensor in zip(self._ends, self.targets)}
        fed.update((tensor, part.extras[array][rows]) for array, tensor in self.extras.items())
        return fed
