"""What training makes small, by the kind of target.

    class       cross-entropy of the softmax of the scores; of each sigmoid, where the head has them
    class_map   the same for each pixel
    value       mean squared error
"""

from typing import Dict, Sequence

import tensorflow as tf

from tasks.training import heads


def answers(end: Dict) -> tf.Tensor:
    """A placeholder for the targets of one output: labels [N] or [N, H, W] int32, values [N, ...] float32."""
    dtype = tf.float32 if end["kind"] == "value" else tf.int32
    return tf.placeholder(dtype, [None] + end["shape"], "octet/answers")


def of(end: Dict, output: tf.Tensor, expected: tf.Tensor) -> tf.Tensor:
    """The scalar loss of one output."""
    if end["kind"] == "value":
        return tf.reduce_mean(tf.squared_difference(output, expected))
    head = heads.of(output)
    if head.kind == heads.SIGMOID:
        # One yes or no for each class, added up, so that a sample weighs as much as with a softmax.
        each = tf.nn.sigmoid_cross_entropy_with_logits(
            labels=tf.one_hot(expected, len(end["classes"])), logits=head.logits)
        return tf.reduce_mean(tf.reduce_sum(each, axis=-1))
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(
        labels=expected, logits=head.logits))


def total(network: Dict, outputs: Sequence[tf.Tensor], expected: Sequence[tf.Tensor]) -> tf.Tensor:
    """The losses of all outputs, each times its `loss_weight`."""
    return tf.add_n([end["loss_weight"] * of(end, output, answer)
                     for end, output, answer in zip(network["outputs"], outputs, expected)])
