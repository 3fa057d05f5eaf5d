"""Recomputes batch norm's statistics for the final weights (Wu & Johnson 2021, arXiv:2105.07576, section 3).

In training, each statistic is a moving average over the steps, so it lags behind the weights, and after few steps it is
still close to its initial value. `reestimate` replaces it by the mean over some batches with the final weights.
"""

from itertools import islice
from typing import Any, Dict, Iterable, List, Sequence, Tuple

import tensorflow as tf

SUBTRACTIONS = ("AssignSubVariableOp", "AssignSub")


def rates(graph: tf.Graph) -> List[tf.Tensor]:
    """The `rate` tensor of every moving average in the graph: variable <- variable - (variable - value) * rate.

    Keras computes it from the layer's momentum; a feed can replace it.
    """
    updates = [operation for operation in graph.get_operations()
               if operation.type in SUBTRACTIONS]
    products = [update.inputs[1].op for update in updates if update.inputs[1].op.type == "Mul"]
    return [product.inputs[1] for product in products
            if product.inputs[0].op.type == "Sub" and product.inputs[1].shape.as_list() == []]


def reestimate(session: tf.Session, updates: Sequence[Any], moving: List[tf.Tensor],
               feeds: Iterable[Dict[tf.Tensor, Any]], batches: int) -> int:
    """Sets each moving average to its mean over the first `batches` of `feeds`. Weights do not change.

    moving: the `rates` of the graph. Returns the number of batches that were run.
    """
    if not moving:
        return 0
    done, rounds = 0, _rounds(updates, moving)
    for fed in islice(feeds, batches):
        for number, members in enumerate(rounds):
            session.run([update for update, _, _ in members], {
                **fed, **{rate: 1 / (done * uses + number + 1) for _, rate, uses in members if rate is not None}})
        done += 1
    return done


def _rounds(updates: Sequence[Any], moving: List[tf.Tensor]) -> List[List[Tuple[Any, Any, int]]]:
    """The updates in rounds that run one after the other: [(update, its rate or None, updates of its variable)].

    A round updates each variable at most once. A layer that is used twice has two updates of one mean. In one run, both
    would start from the same old value, and the variance could become negative.
    """
    rates_of = {update: rate for rate in moving for product in rate.consumers()
                for update in product.outputs[0].consumers()}
    variables = [_updated_variable(update) for update in updates]
    rounds: List[List[Tuple[Any, Any, int]]] = []
    for number, (update, variable) in enumerate(zip(updates, variables)):
        before = variables[:number].count(variable)
        rounds.extend([] for _ in range(before + 1 - len(rounds)))
        rounds[before].append((update, rates_of.get(_operation(update)), variables.count(variable)))
    return rounds


def _operation(update: Any) -> tf.Operation:
    return update.op if isinstance(update, tf.Tensor) else update


def _updated_variable(update: Any) -> tf.Operation:
    """The operation of the variable that an update changes; the update's own operation where it is no subtraction."""
    operation = _operation(update)
    return operation.inputs[0].op if operation.type in SUBTRACTIONS else operation
