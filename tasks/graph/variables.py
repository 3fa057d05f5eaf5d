"""Variables as nodes that are imported into a graph: tf.Variable makes them one by one in Python, and copies a value
three times. They are named as it names its own: NAME, NAME/Assign, NAME/read."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import variable_pb2

from tasks.graph import deferred
from tasks.graph.deferred import Deferred

ASSIGN, READ = "/Assign", "/read"


class Scalar(NamedTuple):
    """A float32 scalar that begins as 0. variable: a reference to it. assign: what initializes it."""

    variable: Deferred
    value: Deferred
    assign: Deferred


def scalar(name: str) -> Scalar:
    """`imported` makes a tf.Variable of it."""
    variable = Deferred("VariableV2", name=name, attributes={
        "dtype": deferred.FLOAT, "shape": tf.AttrValue(shape=tf.TensorShape([]).as_proto())})
    first = deferred.constant(name + "/initial_value", np.float32(0))
    return Scalar(variable, Deferred("Identity", variable, name=name + READ),
                  Deferred("Assign", variable, first, name=name + ASSIGN))


def add(nodes: tf.GraphDef, name: str, initial: tf.NodeDef) -> str:
    """Adds the nodes of a variable that begins as `initial`, a Const of the same graph. Returns the name of its value.
    `imported` makes a tf.Variable of it."""
    dtype = initial.attr["dtype"]
    variable = nodes.node.add(name=name, op="VariableV2")
    variable.attr["dtype"].CopyFrom(dtype)
    variable.attr["shape"].shape.CopyFrom(initial.attr["value"].tensor.tensor_shape)
    nodes.node.add(name=name + ASSIGN, op="Assign", input=[name, initial.name]).attr["T"].CopyFrom(dtype)
    nodes.node.add(name=name + READ, op="Identity", input=[name]).attr["T"].CopyFrom(dtype)
    return name + READ


def imported(name: str, trainable: bool) -> tf.Variable:
    """The variable of the current graph whose nodes have these names, as one of its global variables."""
    graph = tf.get_default_graph()
    assign = graph.get_operation_by_name(name + ASSIGN)
    variable = tf.Variable.from_proto(variable_pb2.VariableDef(
        variable_name=name + ":0", initializer_name=assign.name, snapshot_name=name + READ + ":0",
        initial_value_name=assign.inputs[1].name, trainable=trainable))
    graph.add_to_collection(tf.GraphKeys.GLOBAL_VARIABLES, variable)
    if trainable:
        graph.add_to_collection(tf.GraphKeys.TRAINABLE_VARIABLES, variable)
    return variable
