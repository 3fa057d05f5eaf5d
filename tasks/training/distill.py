"""The distillation loss: the quantized network learns from the float network (Hinton et al. 2015, arXiv:1503.02531)."""

from typing import Sequence

import tensorflow as tf

from tasks.graph import io_spec
from tasks.keras_model import heads

TEACHER = "octet/teacher"


def loss(graph_def: tf.GraphDef, network: io_spec.Network, inputs: Sequence[tf.Tensor],
         outputs: Sequence[tf.Tensor]) -> tf.Tensor:
    """The distance (scalar) of `outputs` to the outputs of the float graph for the same inputs.

    For classes it is the cross-entropy with the float network's probabilities, for values the mean squared difference;
    outputs are weighted by `loss_weight`. Imports `graph_def`, a frozen graph, into the current graph.
    """
    teachers = tf.import_graph_def(
        graph_def, name=TEACHER, input_map=dict(zip(io_spec.nodes(network, "inputs"), inputs)),
        return_elements=[node + ":0" for node in io_spec.nodes(network, "outputs")])
    return tf.add_n([end["loss_weight"] * _of_output(end, output, teacher)
                     for end, output, teacher in zip(network["outputs"], outputs, teachers)])


def _of_output(end: io_spec.OutputEnd, output: tf.Tensor, teacher: tf.Tensor) -> tf.Tensor:
    if end["kind"] in ("value", "raw"):
        return tf.reduce_mean(tf.squared_difference(output, teacher))
    head, teacher_head = heads.of(output), heads.of(teacher)
    if head.kind == heads.SIGMOID:
        each = tf.nn.sigmoid_cross_entropy_with_logits(labels=tf.sigmoid(teacher_head.logits), logits=head.logits)
        return tf.reduce_mean(tf.reduce_sum(each, axis=-1))
    return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits_v2(
        labels=tf.nn.softmax(teacher_head.logits), logits=head.logits))
