"""Makes the nodes of variables for a graph that is imported as a whole.

tf.Variable(...) would add the variables one by one, and copy each initial value three times. The nodes have the names
that tf.Variable gives them: NAME, NAME/Assign, NAME/read.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import variable_pb2

from tasks.graph import deferred
from tasks.graph.deferred import Deferred

ASSIGN, READ = "/Assign", "/read"


class Scalar(NamedTuple):
    """The nodes of a float32 scalar with the initial value 0. variable: a reference to it. value: its value. assign:
    the operation that initializes it."""

    variable: Deferred
    value: Deferred
    assign: Deferred


def scalar(name: str) -> Scalar:
    """The nodes of a scalar variable. When they are in a graph, `imported` returns their tf.Variable."""
    variable = Deferred("VariableV2", name=name, attributes={
        "dtype": deferred.FLOAT, "shape": tf.AttrValue(shape=tf.TensorShape([]).as_proto())})
    first = deferred.constant(name + "/initial_value", np.float32(0))
    return Scalar(variable, Deferred("Identity", variable, name=name + READ),
                  Deferred("Assign", variable, first, name=name + ASSIGN))


def add(nodes: tf.GraphDef, name: str, initial: tf.NodeDef) -> str:
    """Adds the nodes of a variable whose initial value is `initial`, a Const of the same graph. Returns the name of the
    node of its value. When they are in a tf.Graph, `imported` returns their tf.Variable."""
    dtype = initial.attr["dtype"]
    variable = nodes.node.add(name=name, op="VariableV2")
    variable.attr["dtype"].CopyFrom(dtype)
    variable.attr["shape"].shape.CopyFrom(initial.attr["value"].tensor.tensor_shape)
    nodes.node.add(name=name + ASSIGN, op="Assign", input=[name, initial.name]).attr["T"].CopyFrom(dtype)
    nodes.node.add(name=name + READ, op="Identity", input=[name]).attr["T"].CopyFrom(dtype)
    return name + READ


def imported(name: str, trainable: bool) -> tf.Variable:
    """The tf.Variable of the nodes NAME, NAME/Assign and NAME/read of the current graph. It is added to the graph's
    global variables and, if `trainable`, to its trainable variables."""
    graph = tf.get_default_graph()
    assign = graph.get_operation_by_name(name + ASSIGN)
    variable = tf.Variable.from_proto(variable_pb2.VariableDef(
        variable_name=name + ":0", initializer_name=assign.name, snapshot_name=name + READ + ":0",
        initial_value_name=assign.inputs[1].name, trainable=trainable))
    graph.add_to_collection(tf.GraphKeys.GLOBAL_VARIABLES, variable)
    if trainable:
        graph.add_to_collection(tf.GraphKeys.TRAINABLE_VARIABLES, variable)
    return variable
