"""Evaluates a graph on a part of the dataset, in batches."""

from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
import tensorflow as tf

from octet.data.dataset import Part
from tasks.evaluation import metrics
from tasks.evaluation.own_metrics import OwnMetrics
from tasks.graph import io_spec
from tasks.graph.placeholders import Placeholders

# The most samples, and input values, in a batch. Larger batches are not faster, and need more memory: the inner tensors
# of a network are many times larger than its input. lenet, 64x64, 1,600 samples: 347 MB; with batches of 200: 489 MB.
MOST_SAMPLES, MOST_NUMBERS = 50, 1000000

Figures = Dict[str, Dict[str, Optional[float]]]
"""{output: {metric: value}}; None where the metric is undefined for the samples."""

class RawLosses(NamedTuple):
    """The losses of raw outputs, which are their only metric. tensors: {output: scalar loss}. placeholders:
    those that the losses read."""

    tensors: Dict[str, tf.Tensor]
    placeholders: Placeholders


def batches(session: tf.Session, network: io_spec.Network, inputs: Sequence[tf.Tensor],
            outputs: Sequence[tf.Tensor], part: Part,
            fed_too: Callable[[slice], Dict[tf.Tensor, Any]] = lambda rows: {}
            ) -> Iterator[Tuple[slice, List[np.ndarray]]]:
    """Yields (rows, [float32 real values [n, ...] of each output]) for all samples of the part. fed_too: returns what
    else is fed for the rows."""
    numbers = max(int(np.prod(end["shape"])) for end in network["inputs"])
    size = max(1, min(MOST_SAMPLES, MOST_NUMBERS // numbers))
    for start in range(0, len(part), size):
        rows = slice(start, start + size)
        yield rows, session.run(list(outputs), {**io_spec.feed(network, inputs, part, rows), **fed_too(rows)})


def figures(session: tf.Session, network: io_spec.Network, inputs: Sequence[tf.Tensor],
            outputs: Sequence[tf.Tensor], part: Part, raw: Optional[RawLosses] = None) -> Figures:
    """{output: {metric: value}} over the part. A raw output has a loss, where `raw` is given, and no other metric."""
    return measured(session, network, inputs, outputs, part, "", raw)[0]


def measured(session: tf.Session, network: io_spec.Network, inputs: Sequence[tf.Tensor],
             outputs: Sequence[tf.Tensor], part: Part, where: str, raw: Optional[RawLosses] = None,
             own: Optional[OwnMetrics] = None) -> Tuple[Figures, List[str]]:
    """({output: {metric: value}} over the part, a sentence for each output that never predicts a class of the part).
    where: names the network and the part in these sentences. own: the user's metrics, to which each batch is added."""
    sums = [metrics.of(end) for end in network["outputs"]]
    losses = list(raw.tensors.items()) if raw is not None else []
    by_name = {end["name"]: total for end, total in zip(network["outputs"], sums)}
    for rows, found in batches(session, network, inputs, [*outputs, *(tensor for _, tensor in losses)], part,
                               lambda rows: raw.placeholders.fed(part, rows) if raw is not None else {}):
        for end, total, values in zip(network["outputs"], sums, found):
            total.add(values, part.targets[end["name"]][rows])
        for (name, _), loss in zip(losses, found[len(sums):]):
            by_name[name].add_loss(float(loss), len(found[0]))
        if own is not None:
            own.add(network["outputs"], found[:len(sums)], part, rows)
    ends = list(zip(network["outputs"], sums))
    return ({end["name"]: total.figures() for end, total in ends},
            [words for end, total in ends for words in metrics.unanswered(end, total, where)])


def figures_of(graph_def: tf.GraphDef, network: io_spec.Network, part: Part,
               raw: Callable[[Sequence[tf.Tensor]], Optional[RawLosses]] = lambda outputs: None
               ) -> Figures:
    """`figures` for a frozen graph. raw: returns the losses of the raw outputs, given the graph's outputs."""
    with session_of(graph_def) as session, session.graph.as_default():
        inputs, outputs = ends(session.graph, network)
        return figures(session, network, inputs, outputs, part, raw(outputs))


def session_of(graph_def: tf.GraphDef) -> tf.Session:
    """A session for a frozen graph."""
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(graph_def, name="")
    return tf.Session(graph=graph)


def ends(graph: tf.Graph, network: io_spec.Network) -> Tuple[List[tf.Tensor], List[tf.Tensor]]:
    """(inputs, outputs) of the network in its graph."""
    return io_spec.tensors(graph, network, "inputs"), io_spec.tensors(graph, network, "outputs")
