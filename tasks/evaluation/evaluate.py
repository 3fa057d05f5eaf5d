"""A graph over a whole part of the dataset, some samples at a time."""

from typing import Dict, Iterator, List, Optional, Sequence, Tuple

import numpy as np
import tensorflow as tf

from octet.data.dataset import Part
from tasks.evaluation import metrics
from tasks.graph import io_spec

# Of one batch. More makes nothing faster; the inner tensors of a network are many times its input.
MOST_SAMPLES, MOST_NUMBERS = 200, 4000000

Figures = Dict[str, Dict[str, Optional[float]]]
"""{output: {metric: value}}; None where the samples do not give the value."""


def batches(session: tf.Session, network: io_spec.Network, inputs: Sequence[tf.Tensor],
            outputs: Sequence[tf.Tensor], part: Part) -> Iterator[Tuple[slice, List[np.ndarray]]]:
    """(rows, each output's reals for them, float32 [n, ...]) until all samples of the part are through."""
    numbers = max(int(np.prod(end["shape"])) for end in network["inputs"])
    size = max(1, min(MOST_SAMPLES, MOST_NUMBERS // numbers))
    for start in range(0, len(part), size):
        rows = slice(start, start + size)
        yield rows, session.run(list(outputs), io_spec.feed(network, inputs, part, rows))


def figures(session: tf.Session, network: io_spec.Network, inputs: Sequence[tf.Tensor],
            outputs: Sequence[tf.Tensor], part: Part) -> Figures:
    """{output: {metric: value}} over the part."""
    return measured(session, network, inputs, outputs, part, "")[0]


def measured(session: tf.Session, network: io_spec.Network, inputs: Sequence[tf.Tensor],
             outputs: Sequence[tf.Tensor], part: Part, where: str) -> Tuple[Figures, List[str]]:
    """({output: {metric: value}} over the part, a sentence for each output that never answers a class of it)."""
    sums = [metrics.of(end) for end in network["outputs"]]
    for rows, found in batches(session, network, inputs, outputs, part):
        for end, total, values in zip(network["outputs"], sums, found):
            total.add(values, part.targets[end["name"]][rows])
    ends = list(zip(network["outputs"], sums))
    return ({end["name"]: total.figures() for end, total in ends},
            [words for end, total in ends for words in metrics.unanswered(end, total, where)])


def figures_of(graph_def: tf.GraphDef, network: io_spec.Network, part: Part) -> Figures:
    """The same for a graph that holds no variables."""
    with session_of(graph_def) as session:
        return figures(session, network, *ends(session.graph, network), part)


def session_of(graph_def: tf.GraphDef) -> tf.Session:
    """A session for a graph that holds no variables."""
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(graph_def, name="")
    return tf.Session(graph=graph)


def ends(graph: tf.Graph, network: io_spec.Network) -> Tuple[List[tf.Tensor], List[tf.Tensor]]:
    """(inputs, outputs) of the network in its graph."""
    return io_spec.tensors(graph, network, "inputs"), io_spec.tensors(graph, network, "outputs")
