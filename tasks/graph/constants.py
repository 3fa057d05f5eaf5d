"""Makes constants of a graph, and folds nodes that depend on constants only."""

from typing import Collection, Iterable, List, Mapping, Optional, Sequence, Set, Tuple

import numpy as np
import tensorflow as tf

KEPT = ("FakeQuantWithMinMaxVars",)  # not folded: toco needs their ranges
VARIABLES = ("VariableV2",)
GIVEN = ("Const",) + VARIABLES

RUN_ONCE = tf.ConfigProto()
"""The configuration of a session that runs only once or twice: optimizing its graph would take longer than the runs."""
RUN_ONCE.graph_options.rewrite_options.disable_meta_optimizer = True


def constant(name: str, value: np.ndarray) -> tf.NodeDef:
    """A Const node."""
    node = tf.NodeDef(name=name, op="Const")
    node.attr["dtype"].type = tf.as_dtype(value.dtype).as_datatype_enum
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value, shape=value.shape))
    return node


def value_of(tensor: tf.Tensor) -> Optional[np.ndarray]:
    """The value of a tensor that is a constant, or an Identity of one; else None."""
    while tensor.op.type == "Identity":
        tensor = tensor.op.inputs[0]
    return tf.get_static_value(tensor) if tensor.op.type == "Const" else None


def behind(nodes: Mapping[str, tf.NodeDef], reference: str) -> tf.NodeDef:
    """The node that `reference`, an input of a node, refers to, looking through Identities. nodes: {name: node}."""
    node = nodes[node_of(reference)]
    while node.op == "Identity":
        node = nodes[node_of(node.input[0])]
    return node


def node_of(reference: str) -> str:
    """The name of the node that computes a tensor, or that an input of a NodeDef refers to."""
    return reference.lstrip("^").split(":")[0]


def extract(graph_def: tf.GraphDef, outputs: Iterable[str]) -> tf.GraphDef:
    """The graph of the nodes that `outputs` depend on, without devices and colocation."""
    extracted = tf.graph_util.extract_sub_graph(graph_def, list(dict.fromkeys(outputs)))
    for node in extracted.node:
        _remove_placement(node)
    return extracted


def _remove_placement(node: tf.NodeDef) -> None:
    node.device = ""
    node.attr.pop("_class", None)


def fold(graph_def: tf.GraphDef, outputs: Sequence[str]) -> tf.GraphDef:
    """The same graph, with each node that depends on constants only replaced by a constant.

    For example, an unfused batch norm becomes a Mul and an Add with constants, and the arithmetic of a range becomes a
    number. Fake-quants and their readers stay, and so do nodes whose value changes from run to run, such as noise.
    """
    graph_def = extract(graph_def, outputs)
    for node in graph_def.node:  # control inputs would prevent folding the constants of branches that are not taken
        data = [name for name in node.input if not name.startswith("^")]
        del node.input[:]
        node.input.extend(data)
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(graph_def, name="")
    with tf.Session(graph=graph, config=RUN_ONCE) as session:
        return fold_session(session, outputs, {node.name: node for node in graph_def.node})


def fold_session(session: tf.Session, outputs: Sequence[str],
                 nodes: Optional[Mapping[str, tf.NodeDef]] = None,
                 given: Optional[Mapping[tf.Tensor, np.ndarray]] = None) -> tf.GraphDef:
    """The part of the session's graph that computes the nodes `outputs`, folded, with producers before readers. Each
    variable, and each node that depends on constants and variables only, becomes a constant with its value in the
    session.

    nodes: {name: node} of the session's graph, if the caller has it. given: {tensor: a value that replaces it}; each of
    these tensors is the only output of its operation.
    """
    given = given or {}
    replaced = {tensor.op for tensor in given}
    order = _in_order([session.graph.get_operation_by_name(name) for name in outputs], replaced)
    members = set(order)
    known: Set[tf.Operation] = set()
    for operation in order:
        sources = {tensor.op for tensor in operation.inputs}
        if operation.type in GIVEN or operation in replaced or (
                sources and sources <= known and operation.type not in KEPT and len(operation.outputs) == 1
                and not operation.op_def.is_stateful):
            known.add(operation)
    # An Identity of a constant is not replaced, so that readers of one constant still share it.
    computed = {
        operation for operation in known if _source(operation).type not in GIVEN and operation.name not in outputs
        and any(reader in members and reader not in known for reader in operation.outputs[0].consumers())}
    kept = _in_order([session.graph.get_operation_by_name(name) for name in outputs], computed)
    values = session.run({operation.name: operation.outputs[0] for operation in kept
                          if operation in computed or operation.type in VARIABLES}, dict(given))
    folded = tf.GraphDef(versions=session.graph.graph_def_versions)
    for operation in kept:
        node = folded.node.add()
        if operation.name in values:
            node.CopyFrom(constant(operation.name, np.asarray(values[operation.name])))
        else:
            node.CopyFrom(nodes[operation.name] if nodes else operation.node_def)
            _remove_placement(node)
            data = [name for name in node.input if not name.startswith("^")]
            del node.input[:]
            node.input.extend(data)
    return folded


def _source(operation: tf.Operation) -> tf.Operation:
    """The operation, looking through Identities."""
    while operation.type == "Identity":
        operation = operation.inputs[0].op
    return operation


def _in_order(ends: Sequence[tf.Operation], leaves: Collection[tf.Operation] = ()) -> List[tf.Operation]:
    """The operations that `ends` depend on, producers before readers, without those that only `leaves` depend on."""
    order: List[tf.Operation] = []
    done: Set[tf.Operation] = set()
    todo: List[Tuple[tf.Operation, bool]] = [(operation, False) for operation in reversed(ends)]
    while todo:
        operation, ready = todo.pop()
        if ready:
            order.append(operation)
        elif operation not in done:
            done.add(operation)
            todo.append((operation, True))
            if operation not in leaves:
                todo.extend((tensor.op, False) for tensor in operation.inputs if tensor.op not in done)
    return order
