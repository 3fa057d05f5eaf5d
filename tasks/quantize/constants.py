"""Constants of a graph: making them, and folding what depends on constants alone."""

from typing import Iterable, Mapping, Optional, Sequence

import numpy as np
import tensorflow as tf

# Folded away, a fake-quant's range would be lost to toco.
KEPT = ("FakeQuantWithMinMaxVars",)


def constant(name: str, value: np.ndarray) -> tf.NodeDef:
    """A Const node."""
    node = tf.NodeDef(name=name, op="Const")
    node.attr["dtype"].type = tf.as_dtype(value.dtype).as_datatype_enum
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value, shape=value.shape))
    return node


def value_of(tensor: tf.Tensor) -> Optional[np.ndarray]:
    """The value of a tensor that is a constant, or hands one on; else None."""
    while tensor.op.type == "Identity":
        tensor = tensor.op.inputs[0]
    return tf.get_static_value(tensor) if tensor.op.type == "Const" else None


def behind(nodes: Mapping[str, tf.NodeDef], reference: str) -> tf.NodeDef:
    """The node of a graph, by name, that an input of another refers to, or that is handed on to there."""
    node = nodes[node_of(reference)]
    while node.op == "Identity":
        node = nodes[node_of(node.input[0])]
    return node


def node_of(reference: str) -> str:
    """The name of the node that makes a tensor, or that an input of a NodeDef refers to."""
    return reference.lstrip("^").split(":")[0]


def extract(graph_def: tf.GraphDef, outputs: Iterable[str]) -> tf.GraphDef:
    """What the named nodes depend on, and nothing else: no wish for a device, or to be where a node is that is gone."""
    found = tf.graph_util.extract_sub_graph(graph_def, list(dict.fromkeys(outputs)))
    for node in found.node:
        node.device = ""
        node.attr.pop("_class", None)
    return found


def fold(graph_def: tf.GraphDef, outputs: Sequence[str]) -> tf.GraphDef:
    """The same graph with every node that depends on constants alone as one constant.

    Unfused batch norm becomes one Mul and one Add by a constant in this way, the arithmetic of a range
    one number. Fake-quants, and what reads them, stay; so does what is another number each time, as noise is.
    """
    graph_def = extract(graph_def, outputs)
    for node in graph_def.node:  # a constant of a branch is computed, whichever branch is taken
        data = [name for name in node.input if not name.startswith("^")]
        del node.input[:]
        node.input.extend(data)
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(graph_def, name="")
    known = set()
    for operation in graph.get_operations():  # in the order of creation: inputs come first
        sources = {tensor.op.name for tensor in operation.inputs}
        if operation.type == "Const" or (
                sources and sources <= known and operation.type not in KEPT and len(operation.outputs) == 1
                and not operation.op_def.is_stateful):
            known.add(operation.name)
    # What only reads a constant stays: two readers of one constant go on sharing it.
    frontier = sorted(
        operation.name for operation in graph.get_operations()
        if operation.name in known and value_of(operation.outputs[0]) is None and operation.name not in outputs
        and any(reader.name not in known for reader in operation.outputs[0].consumers()))
    with tf.Session(graph=graph) as session:
        values = dict(zip(frontier, session.run([name + ":0" for name in frontier])))
    folded = tf.GraphDef(versions=graph_def.versions)
    for node in graph_def.node:
        folded.node.add().CopyFrom(
            constant(node.name, np.asarray(values[node.name])) if node.name in values else node)
    return extract(folded, outputs)
