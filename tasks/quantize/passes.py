"""The quantization path as a list: settle, rewrite, thaw, tf.contrib.quantize, complete."""

from typing import Dict, List, NamedTuple, Tuple

import tensorflow as tf
from tensorflow.contrib.quantize.python import quantize

from octet.errors import QuantizeError
from tasks.graph import constants, io_spec
from tasks.quantize.ir import trainable_weights
from tasks.quantize.ir.editable_graph import Net
from tasks.quantize.pass_list import PASSES
from tasks.quantize.prepare import numeric_checks, static_shapes
from tasks.quantize.ranges import assign, coverage, health, trained_range


class Applied(NamedTuple):
    """One change of the network by a pass. name, phase: of the pass. node: the node that was changed.

    layer: the node's Keras layer. did: what was done, where `{layer}` stands for the layer. why: what the pass avoids.
    """

    name: str
    phase: str
    node: str
    layer: str
    did: str
    why: str


class Quantized(NamedTuple):
    """A graph with fake-quants. inputs, outputs: the tensors that now are the network's, in order.

    ranges: where that of each tensor comes from; trained: those that are moving averages.
    momentum: scalar float32, how far each run of a training graph moves the ranges (see ranges/trained_range.py).
    """

    graph: tf.Graph
    inputs: List[tf.Tensor]
    outputs: List[tf.Tensor]
    ranges: List[coverage.Range]
    momentum: tf.Tensor
    trained: List[trained_range.Trained]


def folded(graph_def: tf.GraphDef, network: Dict) -> tf.GraphDef:
    """The trained float graph, rewritten so that every operation has a uint8 kernel that is right, and
    no batch norm is left. The function that it computes is the same up to float rounding."""
    return _rewrite(graph_def, network)[0]


def _rewrite(graph_def: tf.GraphDef, network: Dict) -> Tuple[tf.GraphDef, List[Applied]]:
    inputs = {end["node"]: end["shape"] for end in network["inputs"]}
    outputs = io_spec.nodes(network, "outputs")
    graph_def = constants.fold(static_shapes.settle(graph_def, inputs, outputs), outputs)
    found, applied = Net(graph_def, list(inputs), outputs, network["layers"]), []
    numeric_checks.expect_float32(found)
    for each in PASSES:
        applied.extend(Applied(each.name, each.phase, node, found.layer_of(node), did, each.answers)
                       for node, did in each.run(found))
        found.prune()
    numeric_checks.expect_finite(found)
    return found.graph_def(), applied


def rewritten(graph_def: tf.GraphDef, network: Dict, training: bool) -> Quantized:
    """The folded graph, its weights trainable, with a fake-quant on every tensor that needs one.

    Training and evaluation graph have the same names. Raises QuantizeError where a tensor cannot
    be uint8, or an output's range is passed by.
    """
    graph = tf.Graph()
    with graph.as_default():
        trainable_weights.thaw(graph_def)
        # For the training graph too: its fake-quants stand where that one's do, and ranges are ours. Not
        # `create_eval_graph`, which first looks for batch norms, by name: no batch norm is left, and a layer may be
        # called anything (`my_BatchNorm`).
        quantize.Quantize(graph, is_training=False)
        outputs, covered, trained = assign.complete(
            graph, [assign.Ends(end["node"], end["scale"], end["zero_point"]) for end in network["inputs"]],
            io_spec.nodes(network, "outputs"), training)
    health.expect_ranged(network, outputs)
    return Quantized(graph, io_spec.tensors(graph, network, "inputs"), outputs, covered,
                     trained_range.momentum(graph), trained)


def evaluation(graph_def: tf.GraphDef, network: Dict) -> Tuple[Quantized, Dict]:
    """The evaluation graph of a folded one, and the network as it ends there; its variables have no values yet."""
    quantized = rewritten(graph_def, network, training=False)
    return quantized, dict(network, outputs=[
        dict(end, node=tensor.op.name) for end, tensor in zip(network["outputs"], quantized.outputs)])


class Quantizable(NamedTuple):
    """A network of which every tensor will have a range. ranges: where each comes from; rewrites: in their order.

    folded: its folded graph; quantized: its training graph, with no values yet.
    """

    ranges: List[coverage.Range]
    rewrites: List[Applied]
    folded: tf.GraphDef
    quantized: Quantized


def quantizable(graph_def: tf.GraphDef, network: Dict) -> Quantizable:
    """The network as it will be quantized; raises QuantizeError where it cannot be, before any training."""
    graph_def, applied = _rewrite(graph_def, network)
    quantized = rewritten(graph_def, network, training=True)
    with quantized.graph.as_default():
        if not tf.global_variables():
            raise QuantizeError(
                "nothing in the network has weights or a range of its own", where="model.build",
                why="it only moves its input's codes, or applies one fixed function to them: there is nothing to train",
                next_step="leave the network out, or give it a layer with weights")
    return Quantizable(quantized.ranges, applied, graph_def, quantized)
