"""Freezes a graph, and replaces calls of functions by the nodes of the functions.

TensorFlow wraps some of its own arithmetic (swish) in a function, so as to give it a gradient of its own. toco knows
no functions; and weights that are read inside one are no constants for whoever freezes the network around it.
"""

from typing import Any, Dict, Iterable, List, Sequence

import tensorflow as tf
from tensorflow.python.framework.function_def_to_graph import function_def_to_graph_def

from tasks.graph import io_spec

CALLS = ("PartitionedCall", "StatefulPartitionedCall")


def freeze(session: tf.Session, outputs: Sequence[str]) -> tf.GraphDef:
    """What the nodes `outputs` depend on, without functions, its variables constants.

    Raises ValueError for a variable that is read in a branch.
    """
    with session.graph.as_default():  # where a function that is called in another is looked up
        graph_def = _inlined(session.graph.as_graph_def())
    read = tf.graph_util.extract_sub_graph(graph_def, list(outputs)).node
    variables = {node.name for node in read if node.op == "VarHandleOp"}
    for node in read:
        if node.op in CALLS and variables & set(node.input):  # a constant would not fit into what is left of it
            raise ValueError("{} reads {}".format(node.name, ", ".join(sorted(variables & set(node.input)))))
    return tf.graph_util.convert_variables_to_constants(session, graph_def, list(outputs))


def calls(graph: tf.Graph, outputs: Iterable[tf.Tensor]) -> List[str]:
    """The names of the operations that call a function, of those that the outputs depend on."""
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
    """The name of the function that the node would call: its own, or that of a tf.function."""
    return node.attr["f"].func.name if node.op in CALLS else node.op


def _expand(call: tf.NodeDef, function: Any, into: tf.GraphDef) -> Dict[str, str]:
    """Adds the function's nodes to `into`, under the call's name. Returns {output of the call: tensor there}."""
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
    if outputs:  # for whoever asks the graph for the call's output by its name
        handed = into.node.add(name=call.name, op="Identity", input=outputs[:1])
        handed.attr["T"].type = function.signature.output_arg[0].type
    return {call.name if index == 0 else "{}:{}".format(call.name, index): output
            for index, output in enumerate(outputs)}
