"""Placeholders for the targets of a network, and for the dataset's extras."""

from typing import Any, Dict, List

import numpy as np
import tensorflow as tf

from octet.data.dataset import Extra, Part
from tasks.graph.io_spec import Network, OutputEnd


def placeholder(end: OutputEnd) -> tf.Tensor:
    """A placeholder for the targets of one output, by kind: class, class_map: int32 [N], [N, H, W]; labels: float32
    [N, C] of 0 and 1; value: float32 [N, ...]; raw: float32 [N, 0], since a raw output has no target."""
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


class Placeholders:
    """Makes placeholders for targets and extras in the current graph. targets: one for each output, in the network's
    order. extras: {array of the dataset's extras: its placeholder}."""

    def __init__(self, network: Network) -> None:
        self._ends: List[OutputEnd] = network["outputs"]
        self.targets = [placeholder(end) for end in self._ends]
        self.extras = {array: tf.placeholder(dtype, [None] + list(shape), "octet/extra")
                       for name, extra in extras(network).items()
                       for array, (dtype, shape) in extra.arrays(name).items()}

    def fed(self, part: Part, rows: Any) -> Dict[tf.Tensor, np.ndarray]:
        """The feed of some samples of a part, without augmentation."""
        fed = {tensor: part.targets[end["name"]][rows] for end, tensor in zip(self._ends, self.targets)}
        fed.update((tensor, part.extras[array][rows]) for array, tensor in self.extras.items())
        return fed
