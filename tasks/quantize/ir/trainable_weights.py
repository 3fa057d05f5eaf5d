"""Turns the constant weights of a folded graph into trainable variables."""

from typing import Collection, Dict, List

import tensorflow as tf

from tasks.graph import constants
from tasks.quantize.ir import kernel_groups
from tasks.quantize.ir.nodes import MARK_ATTR, REQUANTIZE
from tasks.quantize.kernels.layers import BIAS_INPUT, LAYERS

SCOPE = "weights/"  # the name scope of the variables
WEIGHTS_INPUT = dict({op: layer.weights for op, layer in LAYERS.items()}, BiasAdd=BIAS_INPUT)


def make_trainable(graph_def: tf.GraphDef) -> None:
    """Imports the graph into the current tf.Graph, with its weights and biases as variables.

    A variable has the name of its reader, in SCOPE. So the reader keeps its name, and the training graph and the
    evaluation graph have the same names. Weights of nodes marked REQUANTIZE are not trainable.
    """
    nodes = {node.name: node for node in graph_def.node}
    trainable = tf.GraphDef(versions=graph_def.versions)
    variables: Dict[str, tf.Variable] = {}
    for node in graph_def.node:
        copy = trainable.node.add()
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
        copy.input[WEIGHTS_INPUT[node.op]] = _value_name(variables[source.name])
    tf.import_graph_def(trainable, name="", input_map={
        _value_name(variable) + ":0": variable.value() for variable in variables.values()})


def layers() -> Dict[tf.Variable, str]:
    """{trainable variable of the current graph: the Keras layer of the node that reads it}."""
    graph = tf.get_default_graph()
    return {variable: kernel_groups.layer_of(graph.get_operation_by_name(variable.op.name[len(SCOPE):]))
            for variable in tf.trainable_variables()}


def of_layers(names: Collection[str]) -> List[tf.Variable]:
    """The trainable variables of the current graph whose readers belong to these Keras layers."""
    return [variable for variable, layer in layers().items() if layer in names]


def _value_name(variable: tf.Variable) -> str:
    """The name of a variable's value in the graph that is imported."""
    return variable.op.name + "/thawed"
