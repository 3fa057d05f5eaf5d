"""End-to-end parity: compares each tensor of the uint8 file with the fake-quantized graph and with float graphs, on the
same samples. The errors of an operator's predecessors are included."""

from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
import tensorflow as tf

from tasks.graph import constants, io_spec
from tasks.tflite import fake_quants
from tasks.tflite.model_file import Contents, Tensor
from tasks.tflite.parity.difference import Tally
from tasks.tflite.parity.reference import kernels

IDEAL_DB = 50.0  # the best ratio that 8 bits can reach: 6.02 x 8 + 1.76
MOST_DB = 120.0
TRAINED, PLAIN, ORIGINAL = range(3)
"""The graphs, in order: with fake-quants, the same without them, the float model."""


class Row(NamedTuple):
    """The figures of one tensor; None where a graph does not have this tensor.

    lsb, share: the largest difference from the codes of the fake-quantized graph's values, and the share that differs.
    sqnr_db: the signal-to-quantization-noise ratio; the signal is the graph with the same weights, without fake-quants.
    lost_db: the smallest sqnr_db of the operator's inputs (IDEAL_DB for inputs of the network) minus sqnr_db.
    float_db: the same ratio against the float model; the changes by quantization-aware training count as noise, too.
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
    """A Row for each computed tensor, by descending `lost_db`.

    inside: {tensor: the file's codes [N, *shape]}. floating: the float model, with the frozen graph's names.
    """
    with EndToEnd(contents, network) as ends:
        ends.add(inside, frozen, floating)
        return ends.rows()


class EndToEnd:
    """Accumulates the rows over all samples that are added. The graphs' sessions are open within the `with` block.

    The graphs run one sample at a time: a graph may rearrange the batch (space_to_batch), and its tensors together are
    many times larger than its input.
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
        """Adds some samples. inside: {tensor: the file's codes [N, *shape]}. frozen, floating: the same graphs in each
        call; `floating` is the float model, with the frozen graph's names."""
        if not self._graphs:
            self._open(frozen, floating)
        reals = [io_spec.real(end, inside[index])
                 for index, end in zip(self._contents.inputs, self._network["inputs"])]
        for sample in range(len(reals[0])):
            codes = {index: values[sample] for index, values in inside.items()}
            # One after the other: the values of all three graphs together would need three times the memory.
            for place in (TRAINED, PLAIN, ORIGINAL):
                self._add(place, [values[sample] for values in reals], codes)

    def _add(self, place: int, reals: Sequence[np.ndarray], codes: Dict[int, np.ndarray]) -> None:
        """Adds one sample in one of the graphs."""
        values = self._graphs[place].of(reals)
        for tensor in self._computed:
            sums = self._sums[tensor.index]
            if place == TRAINED:
                sums.add_trained(tensor, codes[tensor.index], values.get(tensor.name))
            else:
                noise = sums.plain if place == PLAIN else sums.original
                noise.add(tensor, codes[tensor.index], values.get(self._before[tensor.name]))

    def _open(self, frozen: tf.GraphDef, floating: tf.GraphDef) -> None:
        shapes = {tensor.name: tensor.shape for tensor in self._computed}
        self._before = {name: _without_fake_quant(frozen, name) for name in shapes}
        shapes_before = {self._before[name]: shape for name, shape in shapes.items()}
        nodes = io_spec.nodes(self._network, "inputs")
        for graph_def, wanted in ((frozen, shapes), (_bypassed(frozen), shapes_before), (floating, shapes_before)):
            self._graphs.append(_Values(graph_def, nodes, wanted))

    def rows(self) -> List[Row]:
        """A Row for each computed tensor, by descending `lost_db`."""
        ratios: Dict[int, float] = {}
        rows_found = []
        for operator in self._contents.operators:
            worst = min([ratios[index] for index in operator.inputs if index in ratios] + [IDEAL_DB])
            for tensor in (self._contents.tensors[index] for index in operator.outputs):
                if not tensor.scale:
                    continue
                sums = self._sums[tensor.index]
                ratio, off = sums.plain.decibels(), sums.trained.difference() if sums.trained else None
                ratios[tensor.index] = worst if ratio is None else ratio
                rows_found.append(Row(
                    tensor.name, operator.kind, off.lsb if off else None, off.share if off else None, ratio,
                    None if ratio is None else round(worst - ratio, 2), sums.original.decibels()))
        return sorted(rows_found, key=lambda row: (row.lost_db is None, -(row.lost_db or 0.0)))


class _Sums:
    """The sums of one tensor over all samples. trained: the difference from the codes of the fake-quantized graph; None
    where it does not have this tensor. plain, original: the noise against the two float graphs."""

    def __init__(self) -> None:
        self.trained: Optional[Tally] = None
        self.plain, self.original = _Noise(), _Noise()

    def add_trained(self, tensor: Tensor, codes: np.ndarray, values: Optional[np.ndarray]) -> None:
        if values is not None:
            self.trained = self.trained or Tally()
            self.trained.add([codes], [kernels.quantized(tensor, values.astype(np.float64))])


class _Noise:
    """The energies of a signal and of the noise, the difference of real values from the signal."""

    def __init__(self) -> None:
        self._signal, self._noise = 0.0, 0.0

    def add(self, tensor: Tensor, codes: np.ndarray, values: Optional[np.ndarray]) -> None:
        if values is not None:
            signal = values.ravel().astype(np.float64)
            self._signal += float(signal @ signal)
            signal -= kernels.real(tensor, codes).ravel()
            self._noise += float(signal @ signal)

    def decibels(self) -> Optional[float]:
        """The signal-to-noise ratio in dB, at most MOST_DB; None where the signal is 0 or missing."""
        if not self._signal:
            return None
        return round(min(MOST_DB, float(10 * np.log10(self._signal / self._noise))) if self._noise else MOST_DB, 2)


class _Values:
    """Computes a graph's values of those of the wanted tensors that it has in the wanted shape, for one sample."""

    def __init__(self, graph_def: tf.GraphDef, inputs: Sequence[str], wanted: Dict[str, Tuple[int, ...]]) -> None:
        self._inputs, self._wanted = inputs, wanted
        with tf.Graph().as_default() as graph:
            tf.import_graph_def(graph_def, name="")
        sizes = {operation.name: len(operation.outputs) for operation in graph.get_operations()}
        self._tensors = {name: graph.get_tensor_by_name(_reference(name)) for name in wanted
                         if int(_reference(name).split(":")[1]) < sizes.get(name.split(":")[0], 0)}
        # Every tensor is fetched, so graph optimization has nothing to fuse, and would take longer than a run.
        self._session = tf.Session(graph=graph, config=constants.RUN_ONCE)

    def of(self, reals: Sequence[np.ndarray]) -> Dict[str, np.ndarray]:
        """{name: values} for one sample's real inputs."""
        values_of = self._session.run(
            self._tensors, {node + ":0": values for node, values in zip(self._inputs, reals)})
        self._tensors = {name: tensor for name, tensor in self._tensors.items()
                         if values_of[name].shape == tuple(self._wanted[name])}
        return {name: values_of[name] for name in self._tensors}

    def close(self) -> None:
        self._session.close()


def _reference(name: str) -> str:
    """A tensor's name in a graph; toco leaves out the ':0' of a first output."""
    return name if ":" in name else name + ":0"


def _bypassed(graph_def: tf.GraphDef) -> tf.GraphDef:
    """The graph with each fake-quant replaced by an Identity."""
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
    """The name of the tensor before its fake-quants; the name itself where it is no fake-quant."""
    nodes = {node.name: node for node in graph_def.node}
    while name in nodes and nodes[name].op == fake_quants.KIND:
        name = nodes[name].input[0]
    return name
