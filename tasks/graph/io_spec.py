"""The files that pass a network from stage to stage: a graph, and network.json, which describes its inputs and outputs.

network.json has the fields of `Network`. In training, in evaluation and in the .tflite file, the real values of an
input are (code - zero_point) * scale.

TensorFlow is imported only to read a graph: `octet predict` and `octet evaluate` need network.json alone.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Iterable, List, Optional, Sequence, Set, Union

import numpy as np
from typing_extensions import Literal, TypedDict

from octet.data.dataset import Dataset, Part
from octet.quantization import quantization, to_real

if TYPE_CHECKING:
    import tensorflow as tf

NETWORK = "network.json"
Side = Literal["inputs", "outputs"]


class InputEnd(TypedDict):
    """One input of a network."""

    name: str
    """The name of the dataset's input."""
    node: str
    """The name of the placeholder in the graph beside network.json."""
    shape: List[int]
    """The shape of one sample."""
    scale: float
    """The difference between the real values of consecutive codes."""
    zero_point: int
    """The code of the real value 0."""


class OutputMeaning(TypedDict):
    """The meaning of an output, as far as metrics need it. kind, classes, ignore and columns are those of the dataset's
    target (octet.data.dataset.Target)."""

    name: str
    """The name of the dataset's target."""
    kind: str
    classes: List[str]
    """The names of the classes, or their numbers. network.json has the numbers, so that no training runs again when a
    class is renamed; `named` sets the names."""
    ignore: Optional[int]
    columns: List[List[float]]
    threshold: Optional[float]
    """The score above which a label, or the second class of a classifier with one score, is predicted. None where the
    class with the largest score is predicted."""


class _OutputEnd(OutputMeaning):
    node: str
    """The name of the node in the graph beside network.json."""
    shape: List[int]
    """The target's shape."""
    loss_weight: float
    """The factor of this output's loss in the sum of all losses."""
    loss: Dict[str, Any]
    """The loss that training minimizes: {kind, gamma, delta, label_smoothing, class_weights, oversample}
    (tasks/keras_model/loss_settings.py)."""


class OutputEnd(_OutputEnd, total=False):
    """One output of a network. ConvertUint8 adds the last two fields."""

    scale: float
    """The scale of the .tflite file's output: the difference between the real values of consecutive codes."""
    zero_point: int
    """The zero point of the .tflite file's output: the code of the real value 0."""


class MeasuredRange(TypedDict):
    """A range that was measured on the training data, of a tensor that has no trained range with `batch_norm: live`."""

    tensor: str
    low: float
    high: float


class Extra(TypedDict):
    """An array of the dataset that only losses and metrics read (octet.data.dataset.Extra)."""

    name: str
    kind: str
    shape: List[int]
    placeless: bool
    dtype: str


class _Network(TypedDict):
    inputs: List[InputEnd]
    """The inputs, in the model's order."""
    outputs: List[OutputEnd]
    """The outputs, in the model's order."""
    extras: List[Extra]
    """The extras of the dataset."""
    loss: Optional[str]
    """The loss of all outputs as FILE:FUNCTION, relative to the recipe; None where each output has its own loss."""
    layers: List[str]
    """The names of the Keras layers, for messages; those of a nested model as `model/layer`."""


class Network(_Network, total=False):
    """The description of a network. Later stages add the last two fields."""

    not_trained: List[str]
    """Added by TrainFloat: the layers whose weights no phase of training changes."""
    measured: List[MeasuredRange]
    """Added by TrainQAT: the ranges of `quantize.default_ranges`."""

SIZES_WAY_OUT = ("branches that are combined need the same size: give their layers the same padding and strides, or "
                 "crop the larger one; `build` gets the size of the input as input_shape")
"""The next step for a network that does not accept an input of the dataset's size."""


def described_input(dataset: Dataset, name: str, node: str) -> InputEnd:
    """The description of the input at `node`."""
    spec = dataset.inputs[name]
    scale, zero_point = quantization(spec.low, spec.high)
    return {"name": name, "node": node, "shape": list(spec.shape),
            "scale": scale, "zero_point": zero_point}


def described_output(dataset: Dataset, name: str, node: str, loss_weight: float, loss: Dict[str, Any],
                     threshold: Optional[float]) -> OutputEnd:
    """The description of the output at `node`. `classes` has the classes' numbers."""
    target = dataset.targets[name]
    return {"name": name, "node": node, "kind": target.kind, "classes": list(map(str, range(len(target.classes)))),
            "shape": list(target.shape), "loss_weight": loss_weight, "loss": loss, "ignore": target.ignore,
            "columns": [list(ends) for ends in target.columns], "threshold": threshold}


def named(network: Network, dataset: Dataset) -> Network:
    """A copy of `network` with the dataset's names of the classes."""
    copy = network.copy()
    copy["outputs"] = [end.copy() for end in network["outputs"]]
    for end in copy["outputs"]:
        end["classes"] = list(dataset.targets[end["name"]].classes)
    return copy


def described_extras(dataset: Dataset) -> List[Extra]:
    """The descriptions of the dataset's extras."""
    return [{"name": name, "kind": extra.kind, "shape": list(extra.shape), "placeless": extra.placeless,
             "dtype": extra.dtype} for name, extra in dataset.extras.items()]


def ends(network: Network, side: Side) -> Sequence[Union[InputEnd, OutputEnd]]:
    """The descriptions of 'inputs' or 'outputs', in order."""
    sides: Dict[Side, Sequence[Union[InputEnd, OutputEnd]]] = {
        "inputs": network["inputs"], "outputs": network["outputs"]}
    return sides[side]


def nodes(network: Network, side: Side) -> List[str]:
    """The node names of 'inputs' or 'outputs', in order."""
    return [end["node"] for end in ends(network, side)]


def tensors(graph: tf.Graph, network: Network, side: Side) -> List[tf.Tensor]:
    """The tensors of 'inputs' or 'outputs' in a graph, in order."""
    return [graph.get_tensor_by_name(node + ":0") for node in nodes(network, side)]


def real(end: Union[InputEnd, OutputEnd], codes: np.ndarray) -> np.ndarray:
    """The real values, float32, of uint8 codes at an input or output."""
    return to_real(codes.astype(np.float32), np.float32(end["scale"]), end["zero_point"])


def feed(network: Network, inputs: Sequence[tf.Tensor], part: Part, rows: Any) -> Dict[tf.Tensor, np.ndarray]:
    """{input tensor: its real values} for some samples of a part. rows: indices or a slice. inputs: in the network's
    order."""
    return {tensor: real(end, part.inputs[end["name"]][rows])
            for tensor, end in zip(inputs, network["inputs"])}


def write(folder: Path, network: Network) -> None:
    """Writes network.json; equal networks give equal bytes."""
    text = json.dumps(network, indent=1, sort_keys=True)
    (folder / NETWORK).write_text(text + "\n", encoding="utf-8")


def read(folder: Path) -> Network:
    """The network that `write` wrote into the folder."""
    network: Network = json.loads((folder / NETWORK).read_text(encoding="utf-8"))
    return network


def write_graph(path: Path, graph_def: tf.GraphDef) -> None:
    """Writes the graph; equal graphs give equal bytes."""
    path.write_bytes(graph_def.SerializeToString(deterministic=True))


def read_graph(path: Path) -> tf.GraphDef:
    """The graph that `write_graph` wrote."""
    import tensorflow as tf

    from tasks.graph import contrib
    graph_def = tf.GraphDef.FromString(path.read_bytes())
    contrib.expect_operations(graph_def)
    return graph_def


def before(tensors: Iterable[tf.Tensor]) -> List[tf.Operation]:
    """The operations that the tensors depend on, readers before producers."""
    operations: Set[tf.Operation] = set()
    todo = [tensor.op for tensor in tensors]
    while todo:
        operation = todo.pop()
        if operation not in operations:
            operations.add(operation)
            todo.extend(tensor.op for tensor in operation.inputs)
    return sorted(operations, key=lambda operation: -operation._id)
