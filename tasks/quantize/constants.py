"""Graph-level tools: constants, and the folding of what is constant."""

from collections import defaultdict
from typing import Dict, List

import numpy as np
import tensorflow as tf


def name_of(reference: str) -> str:
    """The node that an input reference (`node`, `node:1`, `^node`) means."""
    return reference.lstrip("^").split(":")[0]


class Nodes:
    """A GraphDef's nodes by name, with who reads whom. Make a new one after a change."""

    def __init__(self, graph_def: tf.GraphDef) -> None:
        self.by_name: Dict[str, tf.NodeDef] = {node.name: node for node in graph_def.node}
        self.readers: Dict[str, List[tf.NodeDef]] = defaultdict(list)
        for node in graph_def.node:
            for reference in node.input:
                self.readers[name_of(reference)].append(node)

    def source(self, node: tf.NodeDef, index: int) -> tf.NodeDef:
        """The node behind an input, looked at through Identity."""
        found = self.by_name[name_of(node.input[index])]
        while found.op == "Identity":
            found = self.by_name[name_of(found.input[0])]
        return found

    def constant(self, node: tf.NodeDef, index: int):
        """The value of an input that is a constant, else None."""
        found = self.source(node, index)
        return tf.make_ndarray(found.attr["value"].tensor) if found.op == "Const" else None

    def only_reader(self, node: tf.NodeDef):
        """The one node that reads this one, else None."""
        readers = self.readers[node.name]
        return readers[0] if len(readers) == 1 else None


def constant(name: str, value: np.ndarray) -> tf.NodeDef:
    """A Const node."""
    node = tf.NodeDef(name=name, op="Const")
    node.attr["dtype"].type = tf.as_dtype(value.dtype).as_datatype_enum
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))
    return node


def fold(graph_def: tf.GraphDef, outputs: List[str]) -> tf.GraphDef:
    """The same graph with every node that depends on constants alone as one constant.

    Unfused batch norm becomes one Mul and one Add by a constant in this way.
    """
    graph_def = tf.graph_util.extract_sub_graph(graph_def, outputs)
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(graph_def, name="")
    known = set()
    for operation in graph.get_operations():  # in the order of creation: inputs come first
        sources = {tensor.op.name for tensor in operation.inputs}
        if operation.type == "Const" or (sources and sources <= known):
            known.add(operation.name)
    nodes = Nodes(graph_def)
    frontier = [name for name in sorted(known)
                if nodes.by_name[name].op != "Const"
                and any(reader.name not in known for reader in nodes.readers[name])]
    with tf.Session(graph=graph) as session:
        values = dict(zip(frontier, session.run([name + ":0" for name in frontier])))
    folded = tf.GraphDef(versions=graph_def.versions)
    for node in graph_def.node:
        folded.node.add().CopyFrom(
            constant(node.name, np.asarray(values[node.name])) if node.name in values else node)
    return tf.graph_util.extract_sub_graph(folded, outputs)
