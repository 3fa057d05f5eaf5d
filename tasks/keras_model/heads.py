"""The head of an output: its last activation, and the logits before it, which the loss uses.

    logits -> [fake-quant] -> softmax | sigmoid -> [fake-quant, reshape] -> output
"""

from typing import NamedTuple, Optional

import tensorflow as tf

from octet.data.dataset import Target
from octet.errors import ModelError
from tasks.graph.view import TensorView, written_softmax

LINEAR, SOFTMAX, SIGMOID = "linear", "softmax", "sigmoid"
ACTIVATIONS = {"Softmax": SOFTMAX, "Sigmoid": SIGMOID}
AFFINE = ("BiasAdd", "MatMul", "Add", "AddV2", "Conv2D", "Conv2DBackpropInput")  # last operation of a linear layer
# Operations after the activation that keep the order of the class scores.
TRANSPARENT = ("FakeQuantWithMinMaxVars", "Identity", "Reshape", "Squeeze", "ExpandDims")


class Head(NamedTuple):
    """kind: 'softmax', 'sigmoid' or 'linear'. logits: the activation's argument, in the output's shape."""

    kind: str
    logits: tf.Tensor


def of(output: tf.Tensor) -> Head:
    """The head of `output` in the current graph. A fake-quant before the activation belongs to the logits.

    The logits of a linear head are the output itself, after its fake-quant. A loss on the tensor before the fake-quant
    would not train the output's range, and values outside it would be clipped.
    """
    last = output
    while last.op.type in TRANSPARENT:
        last = last.op.inputs[0]
    if last.op.type in ACTIVATIONS:
        kind, logits = ACTIVATIONS[last.op.type], last.op.inputs[0]
    else:
        kind, logits = SOFTMAX, written_softmax(TensorView(), last)
    if logits is None or logits.shape.ndims is None or _classes(logits) != _classes(output):
        return Head(LINEAR, output)
    if logits.shape.as_list() != output.shape.as_list():
        logits = tf.reshape(logits, tf.shape(output))
    return Head(kind, logits)


def threshold(output: tf.Tensor, target: Target, name: str) -> Optional[float]:
    """The score above which the output predicts the (second) class: 0.5 after a sigmoid, 0 for logits. None for an
    output whose prediction is the largest of several scores, and for values.

    Raises ModelError for a binary output that ends neither in a sigmoid nor in a linear layer.
    """
    single = target.kind in ("class", "class_map") and _classes(output) == 1
    if target.kind != "labels" and not single:
        return None
    head, last = of(output), output
    while last.op.type in TRANSPARENT:
        last = last.op.inputs[0]
    if head.kind == SIGMOID:
        return 0.5
    if head.kind == LINEAR and last.op.type in AFFINE:
        return 0.0
    raise ModelError(
        "'{}' ends in {}, not in a sigmoid".format(name, last.op.type), where="model.build",
        why="{}: only a sigmoid, or the linear layer before one, gives such a score a threshold".format(
            "each of its {} scores decides about one label".format(len(target.classes)) if target.kind == "labels" else
            "it has one score for two classes"),
        next_step="end it with activation='sigmoid'{}".format(
            "" if target.kind == "labels" else ", or give two scores and a softmax"))


def _classes(tensor: tf.Tensor) -> Optional[int]:
    return tensor.shape.as_list()[-1]
