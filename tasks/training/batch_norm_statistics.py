"""Recomputes batch norm's statistics for the final weights (Wu & Johnson 2021, arXiv:2105.07576, section 3).

In training, each statistic is a moving average over earlier weights, and after few steps it is still close to its
initial value. Here it becomes the mean over some batches with the same weights.
"""

from itertools import islice
from typing import Any, Dict, Iterable, List, Sequence, Tuple

import tensorflow as tf

SUBTRACTIONS = ("AssignSubVariableOp", "AssignSub")


def rates(graph: tf.Graph) -> List[tf.Tensor]:
    """The `rate` of every moving average in the graph: variable <- variable - (variable - value) * rate.

    Keras computes the rate from the layer's momentum in each update; a feed can replace it.
    """
    updates = [operation for operation in graph.get_operations()
               if operation.type in SUBTRACTIONS]
    products = [update.inputs[1].op for update in updates if update.inputs[1].op.type == "Mul"]
    return [product.inputs[1] for product in products
            if product.inputs[0].op.type == "Sub" and product.inputs[1].shape.as_list() == []]


def reestimate(session: tf.Session, updates: Sequence[Any], moving: List[tf.Tensor],
               feeds: Iterable[Dict[tf.Tensor, Any]], batches: int) -> int:
    """Sets each moving average to the mean over the first `batches` of `feeds`. Weights do not change.

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


def _turns(updates: Sequence[Any], moving: List[tf.Tensor]) -> List[List[Tuple[Any, Any, int]]]:
    """Turns of [(update, its rate, number of updates of the variable)]; a turn has at most one update of each variable.

    A layer that is used twice has two updates of one mean. Run together, each would start from the same old value, and
    the variance could become negative.
    """
    rates_of = {update: rate for rate in moving for product in rate.consumers()
                for update in product.outputs[0].consumers()}
    variables = [_changed(update) for update in updates]
    turns: List[List[Tuple[Any, Any, int]]] = []
    for number, (update, variable) in enumerate(zip(updates, variables)):
        before = variables[:number].count(variable)
        turns.extend([] for _ in range(before + 1 - len(turns)))
        turns[before].append((update, rates_of.get(_operation(update)), variables.count(variable)))
    return turns


def _operation(update: Any) -> tf.Operation:
    return update.op if isinstance(update, tf.Tensor) else update


def _changed(update: Any) -> tf.Operation:
    """The operation of the variable that an update changes; for an update of another form, the operation itself."""
    operation = _operation(update)
    return operation.inputs[0].op if operation.type in SUBTRACTIONS else operation
