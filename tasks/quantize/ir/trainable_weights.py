"""Constants become trainable again: a folded graph in, a live one in the current tf.Graph out."""

from typing import Collection, List

import tensorflow as tf

from tasks.graph import constants
from tasks.quantize.ir import kernel_groups
from tasks.quantize.ir.editable_graph import MARK_ATTR, REQUANTIZE
from tasks.quantize.kernels.layers import BIAS_INPUT, LAYERS

SCOPE = "weights/"  # of the variables
WEIGHTS_INPUT = dict({op: layer.weights for op, layer in LAYERS.items()}, BiasAdd=BIAS_INPUT)


def thaw(graph_def: tf.GraphDef) -> None:
    """The graph is in the current tf.Graph, its weights and biases as variables.

    Variables are named after the node that reads them, in a scope of their own, which leaves the
    node its name: so the training graph and the evaluation graph of one network have the same names.
    Weights that only give a tensor another range are not trained.
    """
    nodes = {node.name: node for node in graph_def.node}
    live, variables = tf.GraphDef(versions=graph_def.versions), {}  # type: tf.GraphDef, Dict[str, tf.Variable]
    for node in graph_def.node:
        copy = live.node.add()
        copy.CopyFrom(node)
        if node.op not in WEIGHTS_INPUT:
            continue
        source = constants.behind(nodes, node.input[WEIGHTS_INPUT[node.op]])
        if source.op != "Const":
            continue
        if source.name not in variables:
            variables[source.name] = tf.Variable(
                tf.make_ndarray(source.attr["value"].tensor), name=SCOPE + node.name,
                trainable=not (MARK_ATTR in node.attr and node.attr[MARK_ATTR].s == REQUANTIZE.encode()),
                use_resource=False)
        copy.input[WEIGHTS_INPUT[node.op]] = _thawed(variables[source.name])
    tf.import_graph_def(live, name="", input_map={
        _thawed(variable) + ":0": variable.value() for variable in variables.values()})


def of_layers(layers: Collection[str]) -> List[tf.Variable]:
    """The trainable variables of the current graph that are read by nodes of these Keras layers."""
    graph = tf.get_default_graph()
    return [variable for variable in tf.trainable_variables() if kernel_groups.layer_of(
        graph.get_operation_by_name(variable.op.name[len(SCOPE):])) in layers]


def _thawed(variable: tf.Variable) -> str:
    """What the graph to be imported calls a variable's value."""
    return variable.op.name + "/thawed"
