"""Inserts the dropout, noise and penalties of the float phase into the graph that is trained with fake-quants.

The folded graph has other names and weights than the network that its author wrote, so places are matched by value. The
input of a dropout layer corresponds to the tensor of the folded graph that has the same values on a few samples. The
weights of a penalty correspond to weights that differ only by a factor for each output channel, which folding applied.

Noise is inserted behind the fake-quants, so that the ranges are those of the network without noise. It is on only in
training steps: `fed` switches it on. Its random numbers depend only on the seed, the place and the step. EvalGraph
builds its graph from network.pb, which has neither noise nor penalties.
"""

from typing import Any, Dict, List, NamedTuple, Optional, Sequence

import numpy as np
import tensorflow as tf

from octet.data.dataset import Part
from tasks.evaluation import evaluate_graph
from tasks.graph import constants, contrib, io_spec
from tasks.keras_model.model_regularization import Noise, Penalty, Regularization
from tasks.quantize.ir.kernel_groups import FAKE_QUANT
from tasks.quantize.ir.trainable_weights import WEIGHTS_INPUT
from tasks.quantize.kernels.layers import LAYERS, within_outputs

SAMPLES = 4
NEAR = 1e-3  # relative to the largest value: folding changes the order of float32 arithmetic
SCOPE = "octet_regularization"


class Found(NamedTuple):
    """The places in a folded graph. noises: (noise, name of the node). penalties: (penalty, name of the layer's node,
    factor of its weights). left: a sentence for users about each regularization that has no place."""

    noises: List[Any]
    penalties: List[Any]
    left: List[str]


def find(regularization: Regularization, float_graph: tf.GraphDef, folded: tf.GraphDef, network: io_spec.Network,
         part: Part) -> Found:
    """The places of the regularization in the folded graph. part: the values on its first samples are compared."""
    places = Found([], [], list(regularization["left"]))
    nodes = {name: {node.name: node for node in graph.node}
             for name, graph in (("float", float_graph), ("folded", folded))}
    for penalty in regularization["penalties"]:
        factor, layer = _factor(penalty, nodes["float"], nodes["folded"])
        if factor is None:
            places.left.append("the penalty of {}: folding mixes its weights with others".format(penalty["layer"]))
        else:
            places.penalties.append((penalty, layer, factor))
    noises = []
    for noise in regularization["noises"]:
        if _read_elsewhere(noise, float_graph):
            places.left.append("{}: another layer reads its input, too".format(noise["layer"]))
        else:
            noises.append(noise)
    if noises:
        values = _values(float_graph, network, part, [noise["tensor"] for noise in noises])
        sizes = {value.size for value in values}
        candidates = _all_values(folded, network, part, sizes)
        for noise, value in zip(noises, values):
            node = _same(value, candidates, exactly=bool(noise["shared_axes"]))
            if node is None or node in io_spec.nodes(network, "outputs"):
                places.left.append("{}: its input is folded into other layers".format(noise["layer"]))
            else:
                places.noises.append((noise, node))
    return places


def _read_elsewhere(noise: Noise, graph: tf.GraphDef) -> bool:
    """Whether the noise's input has other readers than the layer's own Identity."""
    return sum(constants.node_of(name) == noise["tensor"] for node in graph.node for name in node.input) != 1


def _values(graph_def: tf.GraphDef, network: io_spec.Network, part: Part, names: Sequence[str]) -> List[np.ndarray]:
    with evaluate_graph.session_of(graph_def) as session:
        inputs, _ = evaluate_graph.ends(session.graph, network)
        rows = slice(0, SAMPLES)
        values: List[np.ndarray] = session.run([name + ":0" for name in names],
                                               io_spec.feed(network, inputs, part, rows))
    return values


def _all_values(graph_def: tf.GraphDef, network: io_spec.Network, part: Part, sizes: Any) -> Dict[str, np.ndarray]:
    """{node: its output} of the float nodes whose output may have one of `sizes` elements; producers come first."""
    with evaluate_graph.session_of(graph_def) as session:
        inputs, outputs = evaluate_graph.ends(session.graph, network)
        count = len(next(iter(part.inputs.values()))[:SAMPLES])
        names = []
        for operation in reversed(io_spec.before(outputs)):
            tensor = operation.outputs[0]
            if operation.type in ("Const", "Placeholder") or tensor.dtype != tf.float32 or tensor.shape.ndims is None:
                continue
            known = [size for size in tensor.shape.as_list()[1:]]
            if None in known or count * int(np.prod(known, dtype=int)) in sizes:
                names.append(operation.name)
    return dict(zip(names, _values(graph_def, network, part, names)))


def _same(value: np.ndarray, candidates: Dict[str, np.ndarray], exactly: bool) -> Optional[str]:
    """The last node whose output has these values, preferably in this shape; exactly: in this shape only."""
    same = [(name, other.shape == value.shape) for name, other in candidates.items() if other.size == value.size
            and np.abs(other.reshape(-1) - value.reshape(-1)).max() <= NEAR * np.abs(value).max()]
    in_shape = [name for name, of_shape in same if of_shape]
    if in_shape or exactly:
        return in_shape[-1] if in_shape else None
    return same[-1][0] if same else None


def _factor(penalty: Penalty, before: Dict[str, tf.NodeDef], after: Dict[str, tf.NodeDef]) -> Any:
    """(folded weights / the penalty's weights, for each output channel; the layer's node). (None, '') if the weights of
    no layer are a multiple of the penalty's in each output channel."""
    if penalty["variable"] not in before:
        return None, ""
    weights = tf.make_ndarray(before[penalty["variable"]].attr["value"].tensor).astype(np.float64)
    for name, node in after.items():
        if node.op not in LAYERS or name not in before:
            continue
        source, folded = _weights_of(before, before[name]), _weights_of(after, node)
        if source is None or folded is None or source.name != penalty["variable"] or folded.op != "Const":
            continue
        value = tf.make_ndarray(folded.attr["value"].tensor).astype(np.float64)
        if value.size != weights.size:
            return None, ""
        weights, axes = weights.reshape(value.shape), within_outputs(node.op, value)
        squares = np.sum(weights * weights, axes, keepdims=True)
        factor = np.where(squares > 0, np.sum(weights * value, axes, keepdims=True) / np.where(squares, squares, 1), 1)
        if np.abs(weights * factor - value).max() > NEAR * np.abs(value).max() or not factor.all():
            return None, ""
        return factor.astype(np.float32), name
    return None, ""


def _weights_of(nodes: Dict[str, tf.NodeDef], layer: tf.NodeDef) -> Optional[tf.NodeDef]:
    """The node of a layer's weights, before any reshaping."""
    node = nodes[constants.node_of(layer.input[WEIGHTS_INPUT[layer.op]])]
    while node.op in ("Identity", "ExpandDims", "Reshape", "ReadVariableOp"):
        node = nodes[constants.node_of(node.input[0])]
    return node


class PutBack:
    """Inserts the noise into the current graph, before any gradient is computed, and adds the penalties.

    losses: the penalties, scalars.
    """

    def __init__(self, found: Found, seed: int) -> None:
        graph = tf.get_default_graph()
        self.losses: List[tf.Tensor] = []
        self._on: Any = None
        self._step: Any = None
        with tf.name_scope(SCOPE):
            if found.noises:
                self._on = tf.placeholder_with_default(tf.constant(0.0), [], "on")
                self._step = tf.placeholder_with_default(tf.constant(0, tf.int64), [], "step")
            for number, (noise, node) in enumerate(found.noises):
                self._insert(noise, graph.get_operation_by_name(node).outputs[0], [seed, number])
            for penalty, node, factor in found.penalties:
                layer = graph.get_operation_by_name(node)
                weights = _variable(layer.inputs[WEIGHTS_INPUT[layer.type]]) / factor
                self.losses.append(penalty["l1"] * tf.reduce_sum(tf.abs(weights))
                                   + penalty["l2"] * tf.reduce_sum(tf.square(weights)))

    def fed(self, step: int) -> Dict[tf.Tensor, float]:
        """The feed of a training step, which switches the noise on."""
        return {} if self._on is None else {self._on: 1.0, self._step: step}

    def _insert(self, noise: Noise, tensor: tf.Tensor, seeds: Sequence[int]) -> None:
        ranged = [reader for reader in tensor.consumers() if reader.type == FAKE_QUANT]
        tensor = ranged[0].outputs[0] if ranged else tensor
        readers = [reader for reader in tensor.consumers() if not reader.name.startswith("ranges/")]
        contrib.common.RerouteTensor(self._noisy(noise, tensor, seeds), tensor, can_modify=readers)

    def _noisy(self, noise: Noise, tensor: tf.Tensor, seeds: Sequence[int]) -> tf.Tensor:
        shape = tf.shape(tensor)
        if noise["shared_axes"]:
            shared = [1 if axis in noise["shared_axes"] else None for axis in range(tensor.shape.ndims)]
            shape = tf.stack([shape[axis] if size is None else size for axis, size in enumerate(shared)])
        seed = tf.stack([tf.constant(seeds[0] * 65536 + seeds[1], tf.int64), self._step])
        if noise["kind"] == "dropout":
            rate = self._on * noise["size"]
            kept = tf.cast(tf.random.stateless_uniform(shape, seed) >= rate, tf.float32)
            return tensor * (kept / (1 - rate))
        drawn = self._on * tf.random.stateless_normal(shape, seed)
        if noise["kind"] == "gaussian_noise":
            return tensor + noise["size"] * drawn
        return tensor * (1 + float(np.sqrt(noise["size"] / (1 - noise["size"]))) * drawn)


def _variable(tensor: tf.Tensor) -> tf.Tensor:
    """The variable of the weights, before their fake-quant."""
    while tensor.op.type not in constants.VARIABLES:
        tensor = tensor.op.inputs[0]
    return tensor
