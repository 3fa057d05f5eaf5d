"""What can be trained in a model: each loss and update of the calls in the network, once."""

import numpy as np
import pytest
import tensorflow as tf

from octet.datasets import digits
from tasks.keras_model.build import Built
from tasks.keras_model.sessions import initialize, put
from tests.tasks import user_models


@pytest.mark.parametrize("build, approximated, losses, updates", [
    (user_models.nested, (), 2, 4),  # the inner model is called twice, and its batch norm has a mean and a variance
    (user_models.nested_penalty, (), 1, 0),
    (lambda *shape: user_models.nested_penalty(*shape, activation="softplus"), ("softplus",), 1, 0),
    (lambda *shape: user_models.nested_penalty(*shape, penalty=user_models.PenaltyOnCondition), (), 1, 0),
], ids=["called_twice", "penalty", "approximated", "on_condition"])
def test_losses_and_updates_are_those_of_the_outer_calls(build, approximated, losses, updates):
    dataset = digits.load()
    images = dataset.parts["test"].inputs["image"][:4] / np.float32(255)
    with tf.Graph().as_default() as graph, tf.Session(graph=graph) as session:
        tf.keras.backend.set_session(session)
        tf.keras.backend.set_learning_phase(1)
        built = Built(build((8, 8, 1), 10), dataset, approximated)
        initialize(session)
        assert (len(built.losses), len(built.updates)) == (losses, updates)
        values, _ = session.run([built.losses, built.updates], {built.model.inputs[0]: images})
        assert all(value > 0 for value in values)


def test_variables_that_share_their_first_value_have_each_its_own():
    with tf.Graph().as_default() as graph, tf.Session(graph=graph) as session:
        first = tf.constant(1.0)
        variables = [tf.Variable(first), tf.Variable(2.0), tf.Variable(first), tf.Variable(first)]
        put(session, variables, [3.0, 4.0, 5.0, 6.0])
        assert session.run(variables) == [3.0, 4.0, 5.0, 6.0]
