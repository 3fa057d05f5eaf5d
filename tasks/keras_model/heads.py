"""What a network ends in: the tensor that a loss is taken on, and what is done to it afterwards.

    logits -> [fake-quant] -> softmax | sigmoid -> [fake-quant, reshape] -> output
"""

from typing import NamedTuple, Optional

import tensorflow as tf

from octet.data.dataset import Target
from octet.errors import ModelError

LINEAR, SOFTMAX, SIGMOID = "linear", "softmax", "sigmoid"
ACTIVATIONS = {"Softmax": SOFTMAX, "Sigmoid": SIGMOID}
AFFINE = ("BiasAdd", "MatMul", "Add", "AddV2", "Conv2D", "Conv2DBackpropInput")  # what a layer without activation is
# What may stand behind the activation and moves no score of a class to another.
TRANSPARENT = ("FakeQuantWithMinMaxVars", "Identity", "Reshape", "Squeeze", "ExpandDims")


class Head(NamedTuple):
    """kind: 'softmax', 'sigmoid' or 'linear'; logits: its argument, of the output's shape."""

    kind: str
    logits: tf.Tensor


def of(output: tf.Tensor) -> Head:
    """The head of the graph as it now is, so that a fake-quant before the activation is part of it.

    A linear head is the output itself, with its fake-quant: a loss taken before it would leave the
    output's range untrained, and clipping.
    """
    last = output
    while last.op.type in TRANSPARENT:
        last = last.op.inputs[0]
    if last.op.type in ACTIVATIONS:
        kind, logits = ACTIVATIONS[last.op.type], last.op.inputs[0]
    else:
        kind, logits = SOFTMAX, _exponents(last.op)
    if logits is None or logits.shape.ndims is None or _classes(logits) != _classes(output):
        return Head(LINEAR, output)
    if logits.shape.as_list() != output.shape.as_list():
        logits = tf.reshape(logits, tf.shape(output))
    return Head(kind, logits)


def threshold(output: tf.Tensor, target: Target, name: str) -> Optional[float]:
    """The score above which an output says yes: 0.5 behind a sigmoid, 0 where the sigmoid is left to the loss. None
    where the largest of several scores is the answer, and for values.

    Raises ModelError for a head whose scores are not those of a yes or no each.
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
        why="{}: only a sigmoid, or the layer before it, says how likely each is".format(
            "each of its {} scores is a yes or no".format(len(target.classes)) if target.kind == "labels" else
            "it has one score for two classes"),
        next_step="end it in activation='sigmoid'{}".format(
            "" if target.kind == "labels" else ", or give two scores and a softmax"))


def _classes(tensor: tf.Tensor) -> Optional[int]:
    return tensor.shape.as_list()[-1]


def _exponents(quotient: tf.Operation) -> Optional[tf.Tensor]:
    """The x of exp(x - max(x)) / sum(exp(x - max(x))) over the last axis, else None.

    So Keras 1.14 writes a softmax over more than two axes.
    """
    if quotient.type != "RealDiv":
        return None
    exp, total = (tensor.op for tensor in quotient.inputs)
    if exp.type != "Exp" or total.type != "Sum" or total.inputs[0].op != exp:
        return None
    shifted = exp.inputs[0].op
    if shifted.type != "Sub" or shifted.inputs[1].op.type != "Max":
        return None
    exponents, largest = shifted.inputs[0], shifted.inputs[1].op
    over_last = all(_is_last(reduction, exponents.shape.ndims) for reduction in (total, largest))
    return exponents if over_last and largest.inputs[0] == exponents else None


def _is_last(reduction: tf.Operation, axes: Optional[int]) -> bool:
    axis = tf.contrib.util.constant_value(reduction.inputs[1])
    return axis is not None and axis.size == 1 and axis.item() in (-1, (axes or 0) - 1)
