"""The quantization path as a list: fold, thaw, rewrite, complete."""

from typing import Dict, List, NamedTuple

import tensorflow as tf

from tasks import network as net
from tasks.quantize import complete, fold, thaw


class Quantized(NamedTuple):
    """A graph with fake-quants. inputs, outputs: the tensors that now are the network's, in order."""

    graph: tf.Graph
    inputs: List[tf.Tensor]
    outputs: List[tf.Tensor]
    ranges: List[complete.Range]


def folded(graph_def: tf.GraphDef, network: Dict) -> tf.GraphDef:
    """The trained float graph without batch norm, still one of constants."""
    return fold.batch_norm(graph_def, net.nodes(network, "outputs"))


def rewritten(graph_def: tf.GraphDef, network: Dict, training: bool) -> Quantized:
    """The folded graph, its weights trainable, with a fake-quant on every tensor that needs one.

    Training and evaluation graph have the same names. Raises QuantizeError where a tensor cannot
    be uint8.
    """
    graph = tf.Graph()
    with graph.as_default():
        thaw.thaw(graph_def)
        if training:
            tf.contrib.quantize.create_training_graph(graph, quant_delay=0)
        else:
            tf.contrib.quantize.create_eval_graph(graph)
        outputs, ranges = complete.complete(
            graph, net.nodes(network, "inputs"), net.nodes(network, "outputs"), training)
    return Quantized(graph, net.tensors(graph, network, "inputs"), outputs, ranges)


def quantizable(graph_def: tf.GraphDef, network: Dict) -> List[complete.Range]:
    """Where each tensor's range will come from; raises QuantizeError, before any training."""
    return rewritten(folded(graph_def, network), network, training=True).ranges
