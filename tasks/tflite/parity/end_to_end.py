"""End to end: each tensor of the uint8 file beside the fake-quantized graph and beside float ones, on the same
samples. What an operator gets here are its own predecessors' errors too."""

from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
import tensorflow as tf

from tasks.graph import io_spec
from tasks.tflite import fake_quants
from tasks.tflite.model_file import Contents, Tensor
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
    computed = [tensor for tensor in contents.computed() if tensor.scale]
    reals = [io_spec.real(end, inside[index]) for index, end in zip(contents.inputs, network["inputs"])]
    before_quantization = {tensor.name: _without_fake_quant(frozen, tensor.name) for tensor in computed}
    shapes = {tensor.name: tensor.shape for tensor in computed}
    shapes_before = {before_quantization[name]: shape for name, shape in shapes.items()}
    nodes = io_spec.nodes(network, "inputs")
    trained = _values(frozen, nodes, reals, shapes)
    plain = _values(_bypassed(frozen), nodes, reals, shapes_before)
    original = _values(floating, nodes, reals, shapes_before)
    ratios: Dict[int, float] = {}
    found = []
    for operator in contents.operators:
        worst = min([ratios[index] for index in operator.inputs if index in ratios] + [IDEAL_DB])
        for tensor in (contents.tensors[index] for index in operator.outputs):
            if not tensor.scale:
                continue
            codes, name = inside[tensor.index], before_quantization[tensor.name]
            ratio = _ratio_db(plain.get(name), tensor, codes)
            ratios[tensor.index] = worst if ratio is None else ratio
            found.append(Row(
                tensor.name, operator.kind, *_off(trained.get(tensor.name), tensor, codes), ratio,
                None if ratio is None else round(worst - ratio, 2),
                _ratio_db(original.get(name), tensor, codes)))
    return sorted(found, key=lambda row: (row.lost_db is None, -(row.lost_db or 0.0)))


def _off(values: Optional[np.ndarray], tensor: Tensor, codes: np.ndarray
         ) -> Tuple[Optional[int], Optional[float]]:
    """(the largest difference in codes, the share of codes that differ); None where there are no values."""
    if values is None:
        return None, None
    off = kernels.differences([codes], [kernels.quantized(tensor, values.astype(np.float64))])
    return int(off.max()), float(np.mean(off > 0))


def _ratio_db(values: Optional[np.ndarray], tensor: Tensor, codes: np.ndarray) -> Optional[float]:
    if values is None or not np.any(values):
        return None
    noise = np.mean((values - kernels.real(tensor, codes)) ** 2)
    signal = np.mean(values.astype(np.float64) ** 2)
    return round(float(min(MOST_DB, 10 * np.log10(signal / noise))) if noise else MOST_DB, 2)


def _values(graph_def: tf.GraphDef, inputs: Sequence[str], reals: Sequence[np.ndarray],
            wanted: Dict[str, tuple]) -> Dict[str, np.ndarray]:
    """The graph's own values, [N, *shape] by name, of those tensors that it has in that shape.

    One sample at a time, as in the file: a graph may move the batch about (space_to_batch).
    """
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(graph_def, name="")
        sizes = {operation.name: len(operation.outputs) for operation in graph.get_operations()}
        tensors = {name: graph.get_tensor_by_name(_reference(name)) for name in wanted
                   if int(_reference(name).split(":")[1]) < sizes.get(name.split(":")[0], 0)}
        with tf.Session(graph=graph) as session:
            samples = [session.run(tensors, {node + ":0": values[sample] for node, values in zip(inputs, reals)})
                       for sample in range(len(reals[0]))]
    return {name: np.stack([sample[name] for sample in samples]) for name in tensors
            if samples[0][name].shape == tuple(wanted[name])}


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
