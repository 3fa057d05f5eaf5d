"""Freezes a graph, and replaces calls of functions by the nodes of the functions.

TensorFlow wraps some arithmetic (swish) in a function with a custom gradient. toco does not support functions, and
freezing does not find weights that are read inside a function.
"""

from typing import Any, Dict, Iterable, List, Sequence

import tensorflow as tf
from tensorflow.python.framework.function_def_to_graph import function_def_to_graph_def

from tasks.graph import io_spec

CALLS = ("PartitionedCall", "StatefulPartitionedCall")


def freeze(session: tf.Session, outputs: Sequence[str]) -> tf.GraphDef:
    """The frozen graph of the nodes `outputs`: without functions, and with constants in place of variables.

    Raises ValueError for a variable that is read in a branch.
    """
    with session.graph.as_default():  # functions that are called by others are looked up in the default graph
        graph_def = _inlined(session.graph.as_graph_def())
    read = tf.graph_util.extract_sub_graph(graph_def, list(outputs)).node
    variables = {node.name for node in read if node.op == "VarHandleOp"}
    for node in read:
        if node.op in CALLS and variables & set(node.input):  # the remaining call needs a variable, not a constant
            raise ValueError("{} reads {}".format(node.name, ", ".join(sorted(variables & set(node.input)))))
    return tf.graph_util.convert_variables_to_constants(session, graph_def, list(outputs))


def calls(graph: tf.Graph, outputs: Iterable[tf.Tensor]) -> List[str]:
    """The names of the operations that call a function, among those that the outputs depend on."""
    library = {function.signature.name for function in graph.as_graph_def().library.function}
    return [operation.name for operation in io_spec.before(outputs) if _called(operation.node_def) in library]


def _inlined(graph_def: tf.GraphDef) -> tf.GraphDef:
    """The graph with each call of a function that neither branches nor loops replaced by the function's nodes."""
    library = {function.signature.name: function for function in graph_def.library.function
               if not any(attr.HasField("func") for node in function.node_def if node.op not in CALLS
                          for attr in node.attr.values())}
    while any(_called(node) in library for node in graph_def.node):
        inlined, outputs = tf.GraphDef(versions=graph_def.versions), {}  # type: tf.GraphDef, Dict[str, str]
        for node in graph_def.node:
            if _called(node) in library:
                outputs.update(_expand(node, library[_called(node)], inlined))
            else:
                inlined.node.add().CopyFrom(node)
        for node in inlined.node:
            for index, name in enumerate(node.input):
                node.input[index] = outputs.get(name[:-2] if name.endswith(":0") else name, name)
        inlined.library.CopyFrom(graph_def.library)
        graph_def = inlined
    return graph_def


def _called(node: tf.NodeDef) -> str:
    """The name of the function that the node calls, if it is a call: its type, or the name of a tf.function."""
    return node.attr["f"].func.name if node.op in CALLS else node.op


def _expand(call: tf.NodeDef, function: Any, into: tf.GraphDef) -> Dict[str, str]:
    """Adds the function's nodes to `into`, in a scope with the call's name. Returns {output of the call: tensor in
    `into`}."""
    body, flat = function_def_to_graph_def(function)
    arguments = {argument.name: source for argument, source in zip(function.signature.input_arg, call.input)}

    def inside(name: str) -> str:
        return arguments.get(name.split(":")[0]) or "{}/{}".format(call.name, name)

    for node in body.node:
        if node.name not in arguments:
            copy = into.node.add()
            copy.CopyFrom(node)
            copy.name = inside(node.name)
            del copy.input[:]
            copy.input.extend(inside(name) for name in node.input if not name.startswith("^"))
    outputs = [inside(flat[function.ret[argument.name]]) for argument in function.signature.output_arg]
    if outputs:  # so that the call's output can still be found by its name
        identity = into.node.add(name=call.name, op="Identity", input=outputs[:1])
        identity.attr["T"].type = function.signature.output_arg[0].type
    return {call.name if index == 0 else "{}:{}".format(call.name, index): output
            for index, output in enumerate(outputs)}
