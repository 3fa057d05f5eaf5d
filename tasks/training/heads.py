"""What a network ends in: the tensor that a loss is taken on, and what is done to it afterwards.

    logits -> [fake-quant] -> softmax | sigmoid -> [fake-quant, reshape] -> output
"""

from typing import NamedTuple, Optional

import tensorflow as tf

LINEAR, SOFTMAX, SIGMOID = "linear", "softmax", "sigmoid"
ACTIVATIONS = {"Softmax": SOFTMAX, "Sigmoid": SIGMOID}
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
