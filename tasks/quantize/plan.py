"""The quantization path as a list: fold, thaw, rewrite, complete."""

from typing import Dict, List, NamedTuple

import tensorflow as tf

from tasks.quantize import complete, fold, thaw


class Quantized(NamedTuple):
    """A graph with fake-quants. output: the tensor that now is the network's output."""

    graph: tf.Graph
    inputs: tf.Tensor
    output: tf.Tensor
    ranges: List[complete.Range]


def folded(graph_def: tf.GraphDef, network: Dict) -> tf.GraphDef:
    """The trained float graph without batch norm, still one of constants."""
    return fold.batch_norm(graph_def, network["output"]["node"])


def rewritten(graph_def: tf.GraphDef, network: Dict, training: bool) -> Quantized:
    """The folded graph, its weights trainable, with a fake-quant on every tensor that needs one.

    Training and evaluation graph have the same names. Raises QuantizeError where a tensor cannot
    be uint8.
    """
    ends = network["input"]["node"], network["output"]["node"]
    graph = tf.Graph()
    with graph.as_default():
        thaw.thaw(graph_def)
        if training:
            tf.contrib.quantize.create_training_graph(graph, quant_delay=0)
        else:
            tf.contrib.quantize.create_eval_graph(graph)
        output, ranges = complete.complete(graph, *ends, training=training)
    return Quantized(graph, graph.get_tensor_by_name(ends[0] + ":0"), output, ranges)


def quantizable(graph_def: tf.GraphDef, network: Dict) -> List[complete.Range]:
    """Where each tensor's range will come from; raises QuantizeError, before any training."""
    return rewritten(folded(graph_def, network), network, training=True).ranges
