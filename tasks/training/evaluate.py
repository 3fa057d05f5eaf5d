"""A graph's outputs over a whole part of the dataset."""

from typing import Dict, List

import numpy as np
import tensorflow as tf

from octet.datasets.dataset import Part
from tasks import network as net

BATCH = 200


def outputs(session: tf.Session, network: Dict, part: Part) -> List[np.ndarray]:
    """The graph's real outputs, float32 [N, ...] each, for every sample of a part."""
    inputs, ends = (net.tensors(session.graph, network, side) for side in ("inputs", "outputs"))
    batches = [session.run(ends, net.feed(network, inputs, part, slice(start, start + BATCH)))
               for start in range(0, len(part), BATCH)]
    return [np.concatenate(pieces) for pieces in zip(*batches)]


def of_frozen(graph_def: tf.GraphDef, network: Dict, part: Part) -> List[np.ndarray]:
    """The same for a graph that holds no variables."""
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(graph_def, name="")
        with tf.Session(graph=graph) as session:
            return outputs(session, network, part)


def accuracy(scores: np.ndarray, labels: np.ndarray) -> float:
    """The share of samples whose largest score is at the label: top-1."""
    return float(np.mean(np.argmax(scores, -1) == labels))


def accuracies(scores: List[np.ndarray], network: Dict, part: Part) -> Dict[str, float]:
    """The accuracy of each output, by its name."""
    return {end["name"]: accuracy(values, part.targets[end["name"]])
            for end, values in zip(network["outputs"], scores)}
