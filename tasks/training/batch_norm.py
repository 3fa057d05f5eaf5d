"""Batch norm's statistics for the weights as they are at the end (Wu & Johnson 2021, arXiv:2105.07576, 3).

While a network trains, each statistic is a moving average over weights that are no more; after few steps
it still holds its first value. Here it becomes the mean over so many batches of one network.
"""

from itertools import islice
from typing import Dict, Iterable, List

import tensorflow as tf


def rates(graph: tf.Graph) -> List[tf.Tensor]:
    """The `rate` of every moving average in the graph: variable <- variable - (variable - value) * rate.

    Keras computes it from the layer's momentum for each update; it can be fed.
    """
    updates = [operation for operation in graph.get_operations()
               if operation.type in ("AssignSubVariableOp", "AssignSub")]
    products = [update.inputs[1].op for update in updates if update.inputs[1].op.type == "Mul"]
    return [product.inputs[1] for product in products
            if product.inputs[0].op.type == "Sub" and product.inputs[1].shape.as_list() == []]


def reestimate(session: tf.Session, updates, moving: List[tf.Tensor], feeds: Iterable[Dict],
               batches: int) -> int:
    """Each moving average is the mean over the first `batches` of `feeds`; weights are what they were.

    Returns the number of batches.
    """
    if not moving:
        return 0
    done = 0
    for fed in islice(feeds, batches):
        session.run(updates, {**fed, **{rate: 1 / (done + 1) for rate in moving}})
        done += 1
    return done
