"""Turns a trained float graph into a graph with fake-quants.

    make shapes constant -> run the passes -> make weights trainable -> tf.contrib.quantize -> assign ranges
"""

import contextlib
from typing import Iterator, List, NamedTuple, Tuple

import tensorflow as tf

from octet.errors import QuantizeError
from tasks.graph import constants, contrib, deprecated_arguments, io_spec
from tasks.quantize.ir import trainable_weights
from tasks.quantize.ir.editable_graph import EditableGraph
from tasks.quantize.pass_order import PASSES
from tasks.quantize.prepare import numeric_checks, static_shapes
from tasks.quantize.ranges import assign, coverage, fake_quants, health, trained_range


class Applied(NamedTuple):
    """One change of the network by a pass. name, phase: those of the pass. node: the node that was changed.

    layer: the node's Keras layer. did: the change, with `{layer}` in place of the layer's name. why: what the pass
    avoids.
    """

    name: str
    phase: str
    node: str
    layer: str
    did: str
    why: str


class Quantized(NamedTuple):
    """A graph with fake-quants. inputs, outputs: the network's tensors in this graph, in order.

    ranges: the source of each tensor's range. trained: the ranges that are moving averages. momentum: scalar float32;
    the fraction by which a run of the training graph moves the ranges (see ranges/trained_range.py).
    """

    graph: tf.Graph
    inputs: List[tf.Tensor]
    outputs: List[tf.Tensor]
    ranges: List[coverage.RangeSource]
    momentum: tf.Tensor
    trained: List[trained_range.Trained]


def apply_rewrites(graph_def: tf.GraphDef, network: io_spec.Network) -> tf.GraphDef:
    """The folded graph: it has no batch norm, and every operation has a correct uint8 kernel, where one exists. It
    computes the same function as the trained float graph `graph_def`, up to float rounding."""
    return _rewrite(graph_def, network)[0]


def _rewrite(graph_def: tf.GraphDef, network: io_spec.Network) -> Tuple[tf.GraphDef, List[Applied]]:
    inputs = {end["node"]: end["shape"] for end in network["inputs"]}
    outputs = io_spec.nodes(network, "outputs")
    graph_def = constants.fold(static_shapes.make_shapes_constant(graph_def, inputs, outputs), outputs)
    graph = EditableGraph(graph_def, list(inputs), outputs, network["layers"])
    applied: List[Applied] = []
    numeric_checks.expect_float32(graph)
    for rewrite in PASSES:
        applied.extend(Applied(rewrite.name, rewrite.phase, node, graph.layer_of(node), did, rewrite.answers)
                       for node, did in rewrite.run(graph))
        graph.prune()
    numeric_checks.expect_finite(graph)
    return graph.graph_def(), applied


def insert_fake_quants(graph_def: tf.GraphDef, network: io_spec.Network, training: bool) -> Quantized:
    """The folded graph `graph_def` with trainable weights, and a fake-quant on every tensor that needs one.

    The training graph and the evaluation graph have the same names. Raises QuantizeError where a tensor cannot be
    uint8, or where an output has no fake-quant.
    """
    graph = tf.Graph()
    with graph.as_default(), deprecated_arguments.not_searched():
        trainable_weights.make_trainable(graph_def)
        # is_training=False for the training graph too: the fake-quants stand in the same places, and assign_ranges
        # replaces the ranges. Not `create_eval_graph`: it first looks for batch norms by name, although none is left,
        # and a user may name any layer `my_BatchNorm`.
        with _constants_for_variables():
            contrib.quantize.Quantize(graph, is_training=False)
        outputs, covered, trained = assign.assign_ranges(
            graph, [assign.InputRange(end["node"], end["scale"], end["zero_point"]) for end in network["inputs"]],
            io_spec.nodes(network, "outputs"), training)
    health.expect_ranged(network, outputs)
    return Quantized(graph, io_spec.tensors(graph, network, "inputs"), outputs, covered,
                     trained_range.momentum(graph), trained)


@contextlib.contextmanager
def _constants_for_variables() -> Iterator[None]:
    """Within the block, tf.contrib.quantize makes one constant instead of variables for its ranges: assign_ranges
    replaces them anyway, and each variable would be six operations."""
    made = contrib.quant_ops._ModelVariable
    contrib.quant_ops._ModelVariable = lambda *args, **kwargs: fake_quants.no_end()
    try:
        yield
    finally:
        contrib.quant_ops._ModelVariable = made


def evaluation(graph_def: tf.GraphDef, network: io_spec.Network) -> Tuple[Quantized, io_spec.Network]:
    """(the evaluation graph of a folded graph, the network with the output nodes of that graph). The variables are not
    initialized."""
    quantized = insert_fake_quants(graph_def, network, training=False)
    return quantized, with_outputs_of(quantized, network)


def with_outputs_of(quantized: Quantized, network: io_spec.Network) -> io_spec.Network:
    """The network with the output nodes of the quantized graph."""
    renamed = network.copy()
    renamed["outputs"] = []
    for end, tensor in zip(network["outputs"], quantized.outputs):
        output = end.copy()
        output["node"] = tensor.op.name
        renamed["outputs"].append(output)
    return renamed


class Quantizable(NamedTuple):
    """A network that can be quantized. ranges: the source of each tensor's range. rewrites: the changes, in the order
    of the passes. folded: the folded graph. quantized: the training graph; its variables are not initialized.
    """

    ranges: List[coverage.RangeSource]
    rewrites: List[Applied]
    folded: tf.GraphDef
    quantized: Quantized


def check_quantizable(graph_def: tf.GraphDef, network: io_spec.Network) -> Quantizable:
    """The network as it will be quantized. Raises QuantizeError where it cannot be quantized. Nothing is trained."""
    graph_def, applied = _rewrite(graph_def, network)
    quantized = insert_fake_quants(graph_def, network, training=True)
    with quantized.graph.as_default():
        if not tf.global_variables():
            raise QuantizeError(
                "the network has neither weights nor a range to train", where="model.build",
                why="it only moves the codes of its input, or applies one fixed function to them",
                next_step="use no network for this, or give it a layer with weights")
    return Quantizable(quantized.ranges, applied, graph_def, quantized)
