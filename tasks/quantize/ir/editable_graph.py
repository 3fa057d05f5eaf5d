"""A float inference network that passes rewrite: its nodes, the readers of each tensor, the shapes.

A tensor is named `node` (the node's first output) or `node:1`. A shape is a tuple whose first entry, the batch, is
None. Control dependencies are dropped: an inference graph of constants does not need them.
"""

from typing import Any, Dict, Iterable, List, Optional, Sequence, Set, Tuple, Type, TypeVar

import numpy as np
import tensorflow as tf

from tasks.graph import constants
from tasks.graph.constants import node_of
from tasks.graph.view import Shape
from tasks.quantize.ir.layer_of_node import LayerNames
from tasks.quantize.ir.nodes import LAYER_ATTR, MARK_ATTR, REQUANTIZE, Affine, Node
from tasks.quantize.ir.toco_rules import KernelView
from tasks.quantize.kernels.uint8_kernels import TABLE, Kernel

N = TypeVar("N", bound=Node)


class EditableGraph(KernelView[str]):
    """A network that passes rewrite. inputs: names of placeholders. outputs: names of tensors, which `replace` keeps up
    to date. layers: names of the Keras layers."""

    def __init__(self, graph_def: tf.GraphDef, inputs: Sequence[str], outputs: Sequence[str],
                 layers: Iterable[str] = ()) -> None:
        self.inputs, self.outputs = list(inputs), list(outputs)
        self.nodes: Dict[str, Node] = {}
        self.readers: Dict[str, List[Node]] = {}
        self.shapes: Dict[str, Shape] = {}
        self.shared: Dict[Tuple[Any, ...], str] = {}  # {what identifies a new constant: its name}, to share it
        self._named = list(outputs)
        graph_def = constants.extract(graph_def, [node_of(name) for name in outputs])
        self.layer_of = LayerNames(layers)
        for proto in graph_def.node:
            value = tf.make_ndarray(proto.attr["value"].tensor) if proto.op == "Const" else None
            self.add(Node(proto.name, proto.op,
                          [tensor_of(name) for name in proto.input if not name.startswith("^")],
                          {} if proto.op == "Const" else dict(proto.attr), value, self.layer_of(proto.name)))
        self._infer(graph_def)

    def add(self, node: N, shape: Shape = None) -> N:
        """Adds the node and returns it. shape: that of its first output; None if unknown, or for a Const."""
        self.nodes[node.name] = node
        for name in node.inputs:
            self.readers.setdefault(name, []).append(node)
        if node.value is not None:
            shape = tuple(node.value.shape)
        self.shapes[node.name] = None if shape is None else tuple(shape)
        return node

    def constant(self, name: str, value: Any, dtype: Any = np.float32) -> str:
        """Adds a Const. Returns its name, which is `name` or a free variant."""
        return self.add(Node(self.free(name), "Const", value=np.asarray(value, dtype))).name

    def free(self, name: str) -> str:
        """`name`, or `name_1` and so on where it is taken."""
        candidate, count = name, 0
        while candidate in self.nodes:
            count += 1
            candidate = "{}_{}".format(name, count)
        return candidate

    def producer(self, tensor: str) -> Node:
        """The node that computes the tensor."""
        return self.nodes[node_of(tensor)]

    def value(self, tensor: str) -> Optional[np.ndarray]:
        """The value of a constant tensor, else None."""
        return self.producer(tensor).value

    def known_value(self, tensor: str) -> np.ndarray:
        """The value of a tensor that must be constant."""
        value = self.value(tensor)
        assert value is not None, tensor
        return value

    def known_shape(self, tensor: str) -> Tuple[Any, ...]:
        """The shape of a tensor whose rank must be known. The batch and unknown sizes are None."""
        shape = self.shapes[tensor]
        assert shape is not None, tensor
        return shape

    def only_reader(self, tensor: str) -> Optional[Node]:
        """The only node that reads the tensor. None where several nodes or none read it, or where it is an output of
        the network."""
        readers = self.readers.get(tensor, [])
        return readers[0] if len(readers) == 1 and tensor not in self.outputs else None

    def op_of(self, tensor: str) -> str:
        return self.producer(tensor).op

    def inputs_of(self, tensor: str) -> List[str]:
        return self.producer(tensor).inputs

    def constant_of(self, tensor: str) -> Optional[np.ndarray]:
        return self.value(tensor)

    def shape_of(self, tensor: str) -> Shape:
        return self.shapes[tensor]

    def keeps_dims(self, tensor: str) -> bool:
        return self.producer(tensor).get("keep_dims").b

    def kernel_of(self, tensor: str) -> Optional[Kernel]:
        node = self.producer(tensor)
        return TABLE.get(node.mark) or TABLE.get(node.op)

    def is_read_once(self, tensor: str) -> bool:
        return self.only_reader(tensor) is not None and tensor not in self.inputs

    def is_a_piece(self, tensor: str) -> bool:
        return self.producer(tensor).op == "Split"

    def is_read(self, node: Node) -> bool:
        """Whether another node reads an output of the node, or the graph has it as an output."""
        return any(readers and node_of(tensor) == node.name for tensor, readers in self.readers.items()) or any(
            node_of(tensor) == node.name for tensor in self.outputs)

    def set_input(self, node: Node, index: int, tensor: str) -> None:
        """Replaces an input of the node."""
        self.readers[node.inputs[index]].remove(node)
        node.inputs[index] = tensor
        self.readers.setdefault(tensor, []).append(node)

    def replace(self, old: str, new: str, but: Sequence[Node] = ()) -> None:
        """Replaces the tensor `old` by `new` in all its readers, except those in `but`, and in the graph's outputs."""
        for node in list(self.readers.get(old, ())):
            if node not in but:
                for index, name in enumerate(node.inputs):
                    if name == old:
                        self.set_input(node, index, new)
        self.outputs = [new if name == old else name for name in self.outputs]

    def remove(self, node: Node) -> None:
        """Removes a node that nothing reads."""
        for name in node.inputs:
            self.readers[name].remove(node)
        del self.nodes[node.name]

    def identity(self, tensor: str) -> str:
        """The name of a new node that computes the same value in its own range (see rewrites/affine.py). Where the
        shape is unknown, the tensor itself, which will be refused later."""
        shape = self.shapes[tensor]
        if shape is None:
            return tensor
        channels = shape[-1] if len(shape) > 1 else 1
        made = Affine(self.free("{}/requantized".format(node_of(tensor))), tensor, np.ones(channels),
                      np.zeros(channels), layer=self.producer(tensor).layer, mark=REQUANTIZE)
        return self.add(made, shape).name

    def in_order(self) -> List[Node]:
        """The nodes that the outputs depend on, producers before readers."""
        order: List[Node] = []
        done: Set[str] = set()
        todo = [(node_of(name), False) for name in reversed(self.outputs)]
        while todo:
            name, ready = todo.pop()
            if ready:
                order.append(self.nodes[name])
            elif name not in done:
                done.add(name)
                todo.append((name, True))
                todo.extend((node_of(source), False) for source in self.nodes[name].inputs
                            if node_of(source) not in done)
        return order

    def of_type(self, *ops: str) -> List[Node]:
        """The nodes of these types that the outputs depend on, producers before readers."""
        return [node for node in self.in_order() if node.op in ops]

    def of_class(self, kind: Type[N]) -> List[N]:
        """The nodes of this class that the outputs depend on, producers before readers."""
        return [node for node in self.in_order() if isinstance(node, kind)]

    def prune(self) -> None:
        """Removes the nodes that no output depends on, except the inputs."""
        kept = {node.name for node in self.in_order()} | set(self.inputs)
        self.nodes = {name: node for name, node in self.nodes.items() if name in kept}
        self.readers = {}
        for node in self.nodes.values():
            for name in node.inputs:
                self.readers.setdefault(name, []).append(node)

    def graph_def(self) -> tf.GraphDef:
        """The current graph. Its outputs have their original names."""
        self._name_outputs()
        built = tf.GraphDef()
        for node in self.in_order() + [self.nodes[name] for name in self.inputs
                                       if name not in {node.name for node in self.in_order()}]:
            if node.value is not None:
                proto = constants.constant(node.name, node.value)
            else:
                proto = tf.NodeDef(name=node.name, op=node.op, input=node.inputs)
                for key, attr in node.attr.items():
                    proto.attr[key].CopyFrom(attr)
            if node.layer:
                proto.attr[LAYER_ATTR].s = node.layer.encode()
            if node.mark:
                proto.attr[MARK_ATTR].s = node.mark.encode()
            built.node.add().CopyFrom(proto)
        return built

    def _name_outputs(self) -> None:
        for index, name in enumerate(self._named):
            tensor = self.outputs[index]
            if tensor == name:
                continue
            if name in self.nodes and name not in {node.name for node in self.in_order()}:
                self.remove(self.nodes[name])
            if name in self.nodes:
                self._rename(self.nodes[name], self.free(name + "/moved"))
                tensor = self.outputs[index]
            self._rename(self.producer(tensor), name)

    def _rename(self, node: Node, name: str) -> None:
        old = node.name
        self.nodes[name] = self.nodes.pop(old)
        node.name = name
        for tensor in [tensor for tensor in self.readers if node_of(tensor) == old]:
            renamed = name + tensor[len(old):]
            for reader in self.readers[tensor]:
                reader.inputs = [renamed if source == tensor else source for source in reader.inputs]
            self.readers[renamed] = self.readers.pop(tensor)
            self.shapes[renamed] = self.shapes.get(tensor)
        self.outputs = [name + tensor[len(old):] if node_of(tensor) == old else tensor
                        for tensor in self.outputs]

    def _infer(self, graph_def: tf.GraphDef) -> None:
        with tf.Graph().as_default() as graph:
            tf.import_graph_def(graph_def, name="")
        for operation in graph.get_operations():
            for tensor in operation.outputs:
                dims: Any = tensor.shape.dims
                self.shapes[tensor_of(tensor.name)] = None if dims is None else tuple(
                    dim.value for dim in dims)


def tensor_of(reference: str) -> str:
    """The name of a tensor in this module's form. reference: its name in a NodeDef or a tf.Tensor."""
    return reference[:-2] if reference.endswith(":0") else reference
