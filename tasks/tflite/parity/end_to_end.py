"""End to end: each tensor of the uint8 file beside the fake-quantized graph and beside float ones, on the same
samples. What an operator gets here are its own predecessors' errors too."""

from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
import tensorflow as tf

from tasks.graph import constants, io_spec
from tasks.tflite import fake_quants
from tasks.tflite.model_file import Contents, Tensor
from tasks.tflite.parity.difference import Tally
from tasks.tflite.parity.reference import kernels

IDEAL_DB = 50.0  # what 8 bits reach at best: 6.02 x 8 + 1.76
MOST_DB = 120.0


class Row(NamedTuple):
    """One tensor; None where a graph has no such tensor.

    lsb, share: how far its codes are at most from those of the fake-quantized graph's values, and how many are.
    sqnr_db: its signal-to-quantization-noise ratio: the noise is against the same weights without fake-quants.
    lost_db: how much less that is than at the worst of its operator's inputs (than 8 bits' ideal at the network's).
    float_db: the same ratio against the float model, from which quantization-aware training also moved away.
    """

    name: str
    kind: str
    lsb: Optional[int]
    share: Optional[float]
    sqnr_db: Optional[float]
    lost_db: Optional[float]
    float_db: Optional[float]


def rows(contents: Contents, inside: Dict[int, np.ndarray], network: io_spec.Network, frozen: tf.GraphDef,
         floating: tf.GraphDef) -> List[Row]:
    """A Row for each computed tensor, the one that loses most first.

    inside: the file's codes [N, *shape] by tensor. floating: the float model, with the frozen graph's names.
    """
    with EndToEnd(contents, network) as ends:
        ends.add(inside, frozen, floating)
        return ends.rows()


class EndToEnd:
    """The rows of all samples that were added. A context manager: the graphs' sessions are open while it is.

    One sample at a time goes through the graphs: a graph may move the batch about (space_to_batch), and what is
    inside it is many times its input.
    """

    def __init__(self, contents: Contents, network: io_spec.Network) -> None:
        self._contents, self._network = contents, network
        self._computed = [tensor for tensor in contents.computed() if tensor.scale]
        self._before: Dict[str, str] = {}
        self._graphs: List[_Values] = []
        self._sums = {tensor.index: _Sums() for tensor in self._computed}

    def __enter__(self) -> "EndToEnd":
        return self

    def __exit__(self, *error: object) -> None:
        for graph in self._graphs:
            graph.close()

    def add(self, inside: Dict[int, np.ndarray], frozen: tf.GraphDef, floating: tf.GraphDef) -> None:
        """inside: the file's codes [N, *shape] of some samples, by tensor. The graphs are the same each time;
        `floating` is the float model, with the frozen graph's names."""
        if not self._graphs:
            self._open(frozen, floating)
        reals = [io_spec.real(end, inside[index])
                 for index, end in zip(self._contents.inputs, self._network["inputs"])]
        for sample in range(len(reals[0])):
            trained, plain, original = (graph.of([values[sample] for values in reals]) for graph in self._graphs)
            for tensor in self._computed:
                before = self._before[tensor.name]
                self._sums[tensor.index].add(tensor, inside[tensor.index][sample], trained.get(tensor.name),
                                             plain.get(before), original.get(before))

    def _open(self, frozen: tf.GraphDef, floating: tf.GraphDef) -> None:
        shapes = {tensor.name: tensor.shape for tensor in self._computed}
        self._before = {name: _without_fake_quant(frozen, name) for name in shapes}
        shapes_before = {self._before[name]: shape for name, shape in shapes.items()}
        nodes = io_spec.nodes(self._network, "inputs")
        for graph_def, wanted in ((frozen, shapes), (_bypassed(frozen), shapes_before), (floating, shapes_before)):
            self._graphs.append(_Values(graph_def, nodes, wanted))

    def rows(self) -> List[Row]:
        """A Row for each computed tensor, the one that loses most first."""
        ratios: Dict[int, float] = {}
        found = []
        for operator in self._contents.operators:
            worst = min([ratios[index] for index in operator.inputs if index in ratios] + [IDEAL_DB])
            for tensor in (self._contents.tensors[index] for index in operator.outputs):
                if not tensor.scale:
                    continue
                sums = self._sums[tensor.index]
                ratio, off = sums.plain.decibels(), sums.trained.difference() if sums.trained else None
                ratios[tensor.index] = worst if ratio is None else ratio
                found.append(Row(
                    tensor.name, operator.kind, off.lsb if off else None, off.share if off else None, ratio,
                    None if ratio is None else round(worst - ratio, 2), sums.original.decibels()))
        return sorted(found, key=lambda row: (row.lost_db is None, -(row.lost_db or 0.0)))


class _Sums:
    """Of one tensor over all samples: how far its codes are from the fake-quantized graph's (None where that has no
    such tensor), and its noise against the two float graphs."""

    def __init__(self) -> None:
        self.trained: Optional[Tally] = None
        self.plain, self.original = _Noise(), _Noise()

    def add(self, tensor: Tensor, codes: np.ndarray, trained: Optional[np.ndarray], plain: Optional[np.ndarray],
            original: Optional[np.ndarray]) -> None:
        if trained is not None:
            self.trained = self.trained or Tally()
            self.trained.add([codes], [kernels.quantized(tensor, trained.astype(np.float64))])
        reals = kernels.real(tensor, codes).ravel()
        self.plain.add(plain, reals)
        self.original.add(original, reals)


class _Noise:
    """Energy of a signal, and of how far reals are from it."""

    def __init__(self) -> None:
        self._signal, self._noise = 0.0, 0.0

    def add(self, values: Optional[np.ndarray], reals: np.ndarray) -> None:
        if values is not None:
            signal = values.ravel().astype(np.float64)
            self._signal += float(signal @ signal)
            signal -= reals
            self._noise += float(signal @ signal)

    def decibels(self) -> Optional[float]:
        """The ratio of the two, in dB; None where there is no signal."""
        if not self._signal:
            return None
        return round(min(MOST_DB, float(10 * np.log10(self._signal / self._noise))) if self._noise else MOST_DB, 2)


class _Values:
    """A graph's own values of those tensors that it has in the wanted shape, one sample at a time."""

    def __init__(self, graph_def: tf.GraphDef, inputs: Sequence[str], wanted: Dict[str, Tuple[int, ...]]) -> None:
        self._inputs, self._wanted = inputs, wanted
        with tf.Graph().as_default() as graph:
            tf.import_graph_def(graph_def, name="")
        sizes = {operation.name: len(operation.outputs) for operation in graph.get_operations()}
        self._tensors = {name: graph.get_tensor_by_name(_reference(name)) for name in wanted
                         if int(_reference(name).split(":")[1]) < sizes.get(name.split(":")[0], 0)}
        # Every tensor is fetched: there is nothing to fuse, and to look for it takes longer than a run.
        self._session = tf.Session(graph=graph, config=constants.RUN_ONCE)

    def of(self, reals: Sequence[np.ndarray]) -> Dict[str, np.ndarray]:
        """{name: values} for one sample's real inputs."""
        found = self._session.run(self._tensors, {node + ":0": values for node, values in zip(self._inputs, reals)})
        self._tensors = {name: tensor for name, tensor in self._tensors.items()
                         if found[name].shape == tuple(self._wanted[name])}
        return {name: found[name] for name in self._tensors}

    def close(self) -> None:
        self._session.close()


def _reference(name: str) -> str:
    """A tensor's name in a graph: toco leaves out the 0 of a first output."""
    return name if ":" in name else name + ":0"


def _bypassed(graph_def: tf.GraphDef) -> tf.GraphDef:
    """The graph with an Identity in the place of each fake-quant."""
    plain = tf.GraphDef()
    plain.CopyFrom(graph_def)
    for node in plain.node:
        if node.op == fake_quants.KIND:
            name, source = node.name, node.input[0]
            node.Clear()
            node.name, node.op = name, "Identity"
            node.input.append(source)
            node.attr["T"].type = tf.float32.as_datatype_enum
    return plain


def _without_fake_quant(graph_def: tf.GraphDef, name: str) -> str:
    """The name of what a fake-quant is applied to; other names as they are."""
    nodes = {node.name: node for node in graph_def.node}
    while name in nodes and nodes[name].op == fake_quants.KIND:
        name = nodes[name].input[0]
    return name
