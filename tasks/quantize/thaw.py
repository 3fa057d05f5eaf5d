"""Constants become trainable again: a folded graph in, a live one in the current tf.Graph out."""

from typing import Dict

import tensorflow as tf

from tasks.quantize.constants import Nodes

WEIGHTED = ("Conv2D", "DepthwiseConv2dNative", "MatMul", "BiasAdd")


def thaw(graph_def: tf.GraphDef) -> Dict[str, tf.Variable]:
    """The graph is in the current tf.Graph, its weights and biases as variables.

    Variables are named after the node that reads them (in a scope of their own, which leaves the
    node its name), so that the training graph and the
    evaluation graph of one network have the same names.
    """
    nodes, variables = Nodes(graph_def), {}
    for node in graph_def.node:
        if node.op not in WEIGHTED:
            continue
        source = nodes.source(node, 1)
        if source.op != "Const" or source.name in variables:
            continue
        variable = tf.Variable(tf.make_ndarray(source.attr["value"].tensor),
                               name="weights/" + node.name, use_resource=False)
        variables[source.name] = variable
    live = tf.GraphDef(versions=graph_def.versions)
    for node in graph_def.node:
        copy = live.node.add()
        copy.CopyFrom(node)
        if node.op in WEIGHTED and nodes.source(node, 1).name in variables:
            variable = variables[nodes.source(node, 1).name]
            copy.input[1] = variable.op.name + "/thawed"
    placeholders = {variable.op.name + "/thawed:0": variable.value()
                    for variable in variables.values()}
    tf.import_graph_def(live, input_map=placeholders, name="")
    return variables
