"""Sets the initial ranges from data, and the rate at which they move in training.

In each run of the training graph, a range moves towards the range of the batch by the fraction `momentum` of the
difference (tasks/quantize/ranges/trained_range.py).
"""

from itertools import islice
from types import SimpleNamespace
from typing import Collection, List

import numpy as np
import tensorflow as tf

from octet.data.dataset import Part
from octet.errors import QuantizeError
from octet.job import Progress
from tasks.evaluation import evaluate_graph
from tasks.graph import io_spec
from tasks.keras_model.sessions import put
from tasks.quantize.quantized_graph import Quantized
from tasks.training import feed

# The moving average of a range covers this share of the steps of a phase. The one of tf.contrib.quantize always covers
# 1,000 steps, and in a short phase it lags behind: after 100 steps it clipped 3 to 9 % of the digits logits.
REMEMBERED = 0.1
LEAST_STEPS, MOST_STEPS = 10, 1000


def calibrate(session: tf.Session, network: io_spec.Network, quantized: Quantized, part: Part,
              settings: SimpleNamespace, seed: int, progress: Progress) -> int:
    """Sets every range to the mean of its batch ranges over `calibration_batches` batches of the part, or over all
    where there are fewer. Weights do not change. Returns the number of batches.
    """
    batches = min(settings.calibration_batches, feed.count(part, settings.batch_size))
    rows = feed.batches(part, settings.batch_size, seed, epoch=0)
    for done, chosen in enumerate(islice(rows, batches)):
        fed = io_spec.feed(network, quantized.inputs, part, chosen)
        fed[quantized.momentum] = 1 / (done + 1)  # a running mean
        session.run(quantized.outputs, fed)
        progress(done / batches, "calibrating the ranges, batch {}/{}".format(done + 1, batches))
    return batches


def measure(session: tf.Session, network: io_spec.Network, quantized: Quantized, part: Part,
            trained: Collection[str]) -> List[io_spec.MeasuredRange]:
    """Widens every range, except those of tensors in `trained`, to contain all values over the part.

    The part is evaluated until no range grows any more: a wider range passes larger values to later tensors. Returns
    these ranges, before they are widened for their kernels.
    """
    untrained = [trained_range for trained_range in quantized.trained if trained_range.tensor not in trained]
    if not untrained:
        return []
    variables = [variable for untrained_range in untrained for variable in untrained_range.ends]
    extremes = tf.stack([tf.stack([
        tf.reduce_min(tf.stack([tf.reduce_min(tensor) for tensor in untrained_range.observed])),
        tf.reduce_max(tf.stack([tf.reduce_max(tensor) for tensor in untrained_range.observed]))])
        for untrained_range in untrained])
    held, grew = np.zeros((len(untrained), 2), np.float32), True
    while grew:
        seen = held.copy()
        for _, (found,) in evaluate_graph.batches(session, network, quantized.inputs, [extremes], part):
            if not np.all(np.isfinite(found)):
                raise QuantizeError("a tensor without a trained range holds NaN or infinity on the training data",
                                    where="quantize.default_ranges", why="no range holds such values",
                                    next_step="look for values that overflow in training")
            seen = np.stack([np.minimum(seen[:, 0], found[:, 0]), np.maximum(seen[:, 1], found[:, 1])], axis=1)
        held, grew = seen, not np.array_equal(held, seen)
        put(session, variables, held.reshape(-1))
    return [{"tensor": untrained_range.tensor, "low": float(low), "high": float(high)}
            for untrained_range, (low, high) in zip(untrained, held)]


def momentum(settings: SimpleNamespace, part: Part, epochs_done: float) -> float:
    """The momentum of the ranges in a step; 0 once they are frozen. epochs_done: epochs before the step, with the
    fraction of the current one."""
    if settings.freeze_ranges_after is not None and epochs_done >= settings.freeze_ranges_after:
        return 0.0
    steps = settings.epochs * feed.count(part, settings.batch_size)
    return 1 / min(max(LEAST_STEPS, REMEMBERED * steps), MOST_STEPS)
