"""Turns the constant weights of a folded graph into trainable variables."""

from typing import Collection, Dict, List, Tuple

import tensorflow as tf

from tasks.graph import constants, variables
from tasks.quantize.ir import kernel_groups
from tasks.quantize.ir.nodes import MARK_ATTR, REQUANTIZE
from tasks.quantize.kernels.layers import BIAS_INPUT, LAYERS

WEIGHTS_INPUT = dict({op: layer.weights for op, layer in LAYERS.items()}, BiasAdd=BIAS_INPUT)


def make_trainable(graph_def: tf.GraphDef) -> None:
    """Imports the graph into the current tf.Graph, with its weights and biases as variables.

    A variable has the name of its reader, in a name scope of the variables' own. So the reader keeps its name, and the
    training graph and the evaluation graph have the same names. Weights of nodes marked REQUANTIZE are not trainable.
    """
    nodes = {node.name: node for node in graph_def.node}
    live = tf.GraphDef(versions=graph_def.versions)
    scope = "weights"
    while any(name.split("/")[0] == scope for name in nodes):
        scope += "_"
    found: Dict[str, Tuple[str, bool]] = {}  # {Const: (its variable, whether it is trainable)}
    for node in graph_def.node:
        copy = live.node.add()
        copy.CopyFrom(node)
        if node.op not in WEIGHTS_INPUT:
            continue
        source = constants.behind(nodes, node.input[WEIGHTS_INPUT[node.op]])
        if source.op != "Const":
            continue
        if source.name not in found:
            name = "{}/{}".format(scope, node.name)
            found[source.name] = name, not (
                MARK_ATTR in node.attr and node.attr[MARK_ATTR].s == REQUANTIZE.encode())
            variables.add(live, name, source)
        copy.input[WEIGHTS_INPUT[node.op]] = found[source.name][0] + variables.READ
    tf.import_graph_def(live, name="")
    for name, trainable in found.values():
        variables.imported(name, trainable)


def layers() -> Dict[tf.Variable, str]:
    """{trainable variable of the current graph: the Keras layer of the node that reads it}."""
    graph = tf.get_default_graph()
    return {variable: kernel_groups.layer_of(graph.get_operation_by_name(variable.op.name.partition("/")[2]))
            for variable in tf.trainable_variables()}


def of_layers(names: Collection[str]) -> List[tf.Variable]:
    """The trainable variables of the current graph whose readers belong to these Keras layers."""
    return [variable for variable, layer in layers().items() if layer in names]
