"""A moving average of the weights over the steps of training (Polyak & Juditsky 1992).

The average is validated and kept. Training itself continues with the unaveraged weights.
"""

from contextlib import contextmanager
from typing import Iterator, List, Optional, Sequence

import tensorflow as tf

from tasks.keras_model.sessions import put


class Average:
    """Averages of the current graph's trainable variables, in variables of their own; none where `decay` is None or 0.

    after: the operations of a training step. `update` runs them and then updates the averages. In early steps the decay
    is (1 + t) / (10 + t), where that is smaller, so that the first weights are soon forgotten.
    """

    def __init__(self, decay: Optional[float], after: Sequence[tf.Operation]) -> None:
        self._variables: List[tf.Variable] = tf.trainable_variables() if decay else []
        self._averages: List[tf.Variable] = []
        self.update = tf.group(*after)
        if not self._variables:
            return
        with tf.variable_scope("octet/average"):
            steps = tf.Variable(0.0, trainable=False, name="steps")
            self._averages = [tf.Variable(tf.zeros(variable.shape, variable.dtype.base_dtype), trainable=False,
                                          name="weights") for variable in self._variables]
        with tf.control_dependencies([self.update]):
            counted = tf.assign_add(steps, 1.0)
            kept = tf.minimum(decay, (1 + counted) / (10 + counted))
            moves = [tf.assign_sub(average, (average - variable.read_value()) * (1 - kept))
                     for average, variable in zip(self._averages, self._variables)]
        self.update = tf.group(*moves)

    def start(self, session: tf.Session) -> None:
        """Sets the averages to the session's current weights."""
        put(session, self._averages, session.run(self._variables) if self._variables else [])

    @contextmanager
    def in_place(self, session: tf.Session, others: Sequence[tf.Variable] = ()) -> Iterator[None]:
        """Replaces the weights by their averages within the block. At its end, the weights and `others` (batch norm's
        statistics, which the block computes for the averages) are restored."""
        if not self._variables:
            yield
            return
        put_back = self._variables + [variable for variable in others if variable not in self._variables]
        values = session.run(put_back)
        put(session, self._variables, session.run(self._averages))
        try:
            yield
        finally:
            put(session, put_back, values)
