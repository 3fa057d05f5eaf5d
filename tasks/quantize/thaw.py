"""Constants become trainable again: a folded graph in, a live one in the current tf.Graph out."""

import tensorflow as tf

from tasks.quantize.constants import Nodes

WEIGHTED = ("Conv2D", "DepthwiseConv2dNative", "MatMul", "BiasAdd")


def thaw(graph_def: tf.GraphDef) -> None:
    """The graph is in the current tf.Graph, its weights and biases as variables.

    Variables are named after the node that reads them, in a scope of their own, which leaves the
    node its name: so the training graph and the evaluation graph of one network have the same names.
    """
    nodes, live, variables = Nodes(graph_def), tf.GraphDef(versions=graph_def.versions), {}
    for node in graph_def.node:
        copy = live.node.add()
        copy.CopyFrom(node)
        if node.op not in WEIGHTED:
            continue
        source = nodes.source(node, 1)
        if source.op != "Const":
            continue
        if source.name not in variables:
            variables[source.name] = tf.Variable(
                tf.make_ndarray(source.attr["value"].tensor), name="weights/" + node.name,
                use_resource=False)
        copy.input[1] = _thawed(variables[source.name])
    tf.import_graph_def(live, name="", input_map={
        _thawed(variable) + ":0": variable.value() for variable in variables.values()})


def _thawed(variable: tf.Variable) -> str:
    """What the graph to be imported calls a variable's value."""
    return variable.op.name + "/thawed"
