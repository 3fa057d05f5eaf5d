import numpy as np
import pytest
import tensorflow as tf

from tasks.training import approximate

TRUE = {"softplus": tf.nn.softplus, "elu": tf.nn.elu, "selu": tf.nn.selu}
X = np.linspace(-40, 40, 4001).astype(np.float32)


def both(name):
    """(the activation, what takes its place) over X, each run by TensorFlow."""
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [None])
        true = TRUE[name](x)
        reader = tf.identity(true)
        with tf.Session() as session:
            expected = session.run(reader, {x: X})
        new, = approximate.replace(graph, [name], [true])
        with tf.Session() as session:
            output, found = session.run([new, reader], {x: X})
    np.testing.assert_array_equal(output, found)  # an output of the network and a reader inside it alike
    return expected, found


@pytest.mark.parametrize("name", sorted(TRUE))
def test_largest_error_is_the_one_stated(name):
    expected, found = both(name)
    error = np.abs(expected - found).max()
    assert 0.5 * approximate.ERROR[name] < error <= 1.05 * approximate.ERROR[name]


def test_every_activation_with_a_stated_error_has_a_curve():
    assert set(approximate.CURVES) == set(approximate.ERROR) == set(TRUE)


@pytest.mark.parametrize("name", sorted(TRUE))
def test_few_pieces_do(name):
    assert len(approximate.pieces(name).knees) <= 8
