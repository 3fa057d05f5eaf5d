"""A graph's outputs over a whole part of the dataset."""

from typing import Dict

import numpy as np
import tensorflow as tf

from octet.datasets.dataset import Part
from tasks import network as net

BATCH = 200


def outputs(session: tf.Session, network: Dict, part: Part) -> np.ndarray:
    """The graph's real outputs, float32 [N, classes], for every sample of a part."""
    images = next(iter(part.inputs.values()))
    ends = [session.graph.get_tensor_by_name(network[end]["node"] + ":0")
            for end in ("input", "output")]
    return np.concatenate([
        session.run(ends[1], {ends[0]: net.real(network, images[start:start + BATCH])})
        for start in range(0, len(images), BATCH)])


def of_frozen(graph_def: tf.GraphDef, network: Dict, part: Part) -> np.ndarray:
    """The same for a graph that holds no variables."""
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(graph_def, name="")
        with tf.Session(graph=graph) as session:
            return outputs(session, network, part)


def accuracy(scores: np.ndarray, part: Part) -> float:
    """The share of samples whose largest score is at the label: top-1."""
    labels = next(iter(part.targets.values()))
    return float(np.mean(np.argmax(scores, 1) == labels))
