"""Makes the random numbers in a network (dropout, noise) depend only on their seed and the number of the step.

TensorFlow's own random operations have a state that begins anew in each session: a training that resumes after epoch 7
would see the numbers of epoch 1. Each is replaced by the stateless operation of the same distribution before the
gradients are computed.
"""

from typing import Any, Collection, Dict, Iterable, List, Set

import tensorflow as tf
from tensorflow.python.framework import op_def_registry

STATELESS = {"RandomUniform": "StatelessRandomUniform", "RandomStandardNormal": "StatelessRandomNormal",
             "TruncatedNormal": "StatelessTruncatedNormal"}
"""{operation: the operation of the same distribution that reads its seed from an input}."""

_NO_STATE = ("VarHandleOp", "VariableV2", "Variable", "VarIsInitializedOp", "ReadVariableOp", "ResourceGather",
             "HashTableV2", "HashTable", "Assert", "Print", "PrintV2", "PartitionedCall", "StatefulPartitionedCall",
             "If", "While", "Fill", "Switch", "Merge")
"""Operations that TensorFlow registers as stateful, but whose state is in a variable or in a function they call."""
_CHANGES = ("Assign", "Scatter", "ResourceScatter", "ResourceApply", "Apply")
"""Prefixes of the types of operations that change a variable."""
_BITS = 2 ** 32


class RandomNumbers:
    """Replaces the random operations that `ends`, tensors or operations of the current graph, depend on.

    left: names of operations whose state no checkpoint holds: random operations in loops and functions, and Python
    functions (tf.py_func). If there are any, a training cannot resume with the same numbers.
    """

    def __init__(self, ends: Iterable[tf.Tensor]) -> None:
        self._step = None
        self.left: List[str] = []
        library = {function.signature.name: function
                   for function in tf.get_default_graph().as_graph_def().library.function}
        for operation in sorted(_before(ends), key=lambda operation: operation._id):
            if operation.type in STATELESS and operation._get_control_flow_context() is None:
                self._replace(operation)
            elif _has_state([operation.node_def], library):
                self.left.append(operation.name)

    def fed(self, step: int) -> Dict[tf.Tensor, int]:
        """The feed that gives a step its own random numbers."""
        return {} if self._step is None else {self._step: step}

    def _replace(self, operation: tf.Operation) -> None:
        if self._step is None:
            self._step = tf.placeholder(tf.int64, [], "octet/random_step")
        operation_seed = operation.get_attr("seed") % _BITS * _BITS + operation.get_attr("seed2") % _BITS
        seed = tf.stack([tf.constant(operation_seed - 2 ** 63, tf.int64), self._step])
        output = operation.outputs[0]
        stateless = getattr(tf.raw_ops, STATELESS[operation.type])(
            shape=operation.inputs[0], seed=seed, dtype=output.dtype, name="octet/random")
        for reader in output.consumers():
            for index, tensor in enumerate(reader.inputs):
                if tensor is output:
                    reader._update_input(index, stateless)


def _before(ends: Iterable[tf.Tensor]) -> Set[tf.Operation]:
    """The operations of `ends`, and all that they depend on."""
    operations: Set[tf.Operation] = set()
    todo = [end if isinstance(end, tf.Operation) else end.op for end in ends]
    while todo:
        operation = todo.pop()
        if operation not in operations:
            operations.add(operation)
            todo.extend([tensor.op for tensor in operation.inputs] + list(operation.control_inputs))
    return operations


def _has_state(nodes: Collection[tf.NodeDef], library: Dict[str, Any], seen: Collection[str] = ()) -> bool:
    """Whether one of the nodes, or a function that it calls, has state outside variables. seen: functions that are
    being looked into."""
    registered = op_def_registry.get_registered_ops()
    for node in nodes:
        called = {node.op} | {name for attr in node.attr.values()
                              for name in [attr.func.name, *(each.name for each in attr.list.func)] if name}
        known = registered.get(node.op)
        if (known is not None and known.is_stateful and node.op not in _NO_STATE
                and not node.op.startswith(_CHANGES)):
            return True
        for name in (called & set(library)) - set(seen):
            if _has_state(library[name].node_def, library, [*seen, name]):
                return True
    return False
