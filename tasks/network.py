"""The files in which a network travels from stage to stage: a graph, and what its ends mean."""

import json
from pathlib import Path
from typing import Dict

import tensorflow as tf

from octet.datasets.dataset import Dataset, quantization

NETWORK = "network.json"


def describe(dataset: Dataset, input_name: str, output_name: str) -> Dict:
    """What goes into the graph and what comes out.

    The input's real values are (code - zero_point) * scale on every side: training, evaluation,
    the .tflite file.
    """
    (name, spec), = dataset.inputs.items()
    (target, labels), = dataset.targets.items()
    scale, zero_point = quantization(spec.low, spec.high)
    return {
        "input": {"name": name, "node": input_name, "shape": list(spec.shape),
                  "scale": scale, "zero_point": zero_point},
        "output": {"name": target, "node": output_name, "kind": labels.kind,
                   "classes": list(labels.classes)},
    }


def real(network: Dict, codes):
    """The real values, float32, that uint8 codes stand for."""
    ends = network["input"]
    return (codes.astype("float32") - ends["zero_point"]) * ends["scale"]


def write(folder: Path, network: Dict) -> None:
    text = json.dumps(network, indent=1, sort_keys=True)
    (folder / NETWORK).write_text(text + "\n", encoding="utf-8")


def read(folder: Path) -> Dict:
    return json.loads((folder / NETWORK).read_text(encoding="utf-8"))


def write_graph(path: Path, graph_def: tf.GraphDef) -> None:
    """The same graph always gives the same bytes."""
    path.write_bytes(graph_def.SerializeToString(deterministic=True))


def read_graph(path: Path) -> tf.GraphDef:
    return tf.GraphDef.FromString(path.read_bytes())
