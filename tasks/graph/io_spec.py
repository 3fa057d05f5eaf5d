"""The files in which a stage passes a network to the next one: a graph, and what its inputs and outputs mean.

network.json:

    inputs:  [{name, node, shape, scale, zero_point}]              in the model's order
    outputs: [{name, node, kind, classes, shape, loss_weight, loss, ignore, columns, threshold}]
             ConvertUint8 adds scale and zero_point
    extras:  [{name, kind, shape, placeless, dtype}]               of the dataset (octet/data/dataset.py)
    loss:    FILE:FUNCTION of a loss of all outputs, relative to the recipe, or null
    layers:  names of the Keras layers, for messages
    not_trained: those of them whose weights stay as they are in both phases of training
    measured: [{tensor, low, high}]    from TrainQAT on: default ranges, reals, where the recipe asks for them

An output's kind, classes, shape, ignore and columns are those of the dataset's target. `loss` is what training makes
small (tasks/keras_model/loss_settings.py). Scores above `threshold` are a yes: those of labels, and the one score of a
classifier of two classes; it is null where the largest of several scores is the answer. `name` is the dataset's, `node`
is the node in the graph that lies beside the file. An input's real values are (code - zero_point) * scale on every
side: training, evaluation, the .tflite file.
"""

import json
from pathlib import Path
from typing import Dict, Iterable, List, Optional, Sequence

import numpy as np
import tensorflow as tf

from octet.data.dataset import Dataset, Part
from octet.errors import ModelError
from octet.quantization import quantization, to_real

NETWORK = "network.json"
SIZES_WAY_OUT = ("branches that meet have to have one size: give their layers the same padding and strides, or crop "
                 "the larger; `build` is told the size as input_shape")
"""The next step for a network that takes no input of the dataset's size."""


def matched(dataset_names: Sequence[str], model_names: Sequence[str], side: str) -> List[str]:
    """The dataset's names of `side` ('input' or 'target') in the order in which the model has them.

    By name where the model's names are the dataset's; by order where none is and there are as many: that which the
    dataset's module gives them. Ours give them by alphabet, for a recipe's mappings reach a stage sorted.
    Raises ModelError, which lists both sides, for anything else: a half match is a misspelling.
    """
    theirs, ours = list(model_names), list(dataset_names)
    if sorted(theirs) == sorted(ours):
        return theirs
    if len(theirs) == len(ours) and not set(theirs) & set(ours):
        return ours
    raise ModelError(
        "the model's {} are not those of the dataset".format(
            "outputs" if side == "target" else "inputs"),
        where="model.build",
        why="the model has {}: {}\nthe dataset has {}: {}".format(
            len(theirs), ", ".join(theirs), len(ours), ", ".join(ours)),
        next_step="name the model's {} as the dataset does, or give as many and none of its names: "
                  "then they are taken in order, those that a recipe names by alphabet".format(
                      "last layers" if side == "target" else "input layers"))


def described_input(dataset: Dataset, name: str, node: str) -> Dict:
    """The description of the input at `node`."""
    spec = dataset.inputs[name]
    scale, zero_point = quantization(spec.low, spec.high)
    return {"name": name, "node": node, "shape": list(spec.shape),
            "scale": scale, "zero_point": zero_point}


def described_output(dataset: Dataset, name: str, node: str, loss_weight: float, loss: Dict,
                     threshold: Optional[float]) -> Dict:
    """The description of the output at `node`."""
    target = dataset.targets[name]
    return {"name": name, "node": node, "kind": target.kind, "classes": list(target.classes),
            "shape": list(target.shape), "loss_weight": loss_weight, "loss": loss, "ignore": target.ignore,
            "columns": [list(ends) for ends in target.columns], "threshold": threshold}


def described_extras(dataset: Dataset) -> List[Dict]:
    """The descriptions of the dataset's extras."""
    return [{"name": name, "kind": each.kind, "shape": list(each.shape), "placeless": each.placeless,
             "dtype": each.dtype} for name, each in dataset.extras.items()]


def nodes(network: Dict, side: str) -> List[str]:
    """The node names of 'inputs' or 'outputs', in order."""
    return [end["node"] for end in network[side]]


def tensors(graph: tf.Graph, network: Dict, side: str) -> List[tf.Tensor]:
    """The tensors of 'inputs' or 'outputs' in a graph, in order."""
    return [graph.get_tensor_by_name(node + ":0") for node in nodes(network, side)]


def real(end: Dict, codes: np.ndarray) -> np.ndarray:
    """The real values, float32, that uint8 codes stand for at an input or output."""
    return to_real(codes.astype(np.float32), np.float32(end["scale"]), end["zero_point"])


def feed(network: Dict, inputs: Sequence[tf.Tensor], part: Part, rows) -> Dict[tf.Tensor, np.ndarray]:
    """The real values of some samples of a part, for each input tensor, in the network's order."""
    return {tensor: real(end, part.inputs[end["name"]][rows])
            for tensor, end in zip(inputs, network["inputs"])}


def write(folder: Path, network: Dict) -> None:
    text = json.dumps(network, indent=1, sort_keys=True)
    (folder / NETWORK).write_text(text + "\n", encoding="utf-8")


def read(folder: Path) -> Dict:
    return json.loads((folder / NETWORK).read_text(encoding="utf-8"))


def write_graph(path: Path, graph_def: tf.GraphDef) -> None:
    """Writes the graph; equal graphs give equal bytes."""
    path.write_bytes(graph_def.SerializeToString(deterministic=True))


def read_graph(path: Path) -> tf.GraphDef:
    return tf.GraphDef.FromString(path.read_bytes())


def before(tensors: Iterable[tf.Tensor]) -> List[tf.Operation]:
    """The operations that the tensors depend on, readers before the operations that they read."""
    found, todo = set(), [tensor.op for tensor in tensors]
    while todo:
        operation = todo.pop()
        if operation not in found:
            found.add(operation)
            todo.extend(tensor.op for tensor in operation.inputs)
    return sorted(found, key=lambda operation: -operation._id)
