"""Batch norm's statistics for the weights as they are at the end (Wu & Johnson 2021, arXiv:2105.07576, 3).

While a network trains, each statistic is a moving average over weights that are no more; after few steps
it still holds its first value. Here it becomes the mean over so many batches of one network.
"""

from itertools import islice
from typing import Dict, Iterable, List, Tuple

import tensorflow as tf

SUBTRACTIONS = ("AssignSubVariableOp", "AssignSub")


def rates(graph: tf.Graph) -> List[tf.Tensor]:
    """The `rate` of every moving average in the graph: variable <- variable - (variable - value) * rate.

    Keras computes it from the layer's momentum for each update; it can be fed.
    """
    updates = [operation for operation in graph.get_operations()
               if operation.type in SUBTRACTIONS]
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
    done, turns = 0, _turns(updates, moving)
    for fed in islice(feeds, batches):
        for number, turn in enumerate(turns):
            session.run([update for update, _, _ in turn], {
                **fed, **{rate: 1 / (done * uses + number + 1) for _, rate, uses in turn if rate is not None}})
        done += 1
    return done


def _turns(updates, moving: List[tf.Tensor]) -> List[List[Tuple]]:
    """[(update, its rate, how many the variable has)], in so many turns that each variable has one update in each.

    A layer that is used twice takes both of what it sees into one mean: at once, each would go the whole way from
    where the mean was, and the variance of the two below 0.
    """
    rates_of = {update: rate for rate in moving for product in rate.consumers()
                for update in product.outputs[0].consumers()}
    variables = [_changed(update) for update in updates]
    turns: List[List[Tuple]] = []
    for number, (update, variable) in enumerate(zip(updates, variables)):
        before = variables[:number].count(variable)
        turns.extend([] for _ in range(before + 1 - len(turns)))
        turns[before].append((update, rates_of.get(_operation(update)), variables.count(variable)))
    return turns


def _operation(update) -> tf.Operation:
    return update.op if isinstance(update, tf.Tensor) else update


def _changed(update) -> tf.Operation:
    """The variable's operation; of an update of another form its own, which no other shares."""
    operation = _operation(update)
    return operation.inputs[0].op if operation.type in SUBTRACTIONS else operation
