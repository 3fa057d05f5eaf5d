import numpy as np
import pytest
import tensorflow as tf

from octet.errors import ModelError
from octet.recipe.schema import Model
from tasks.keras_model import approximate_activations

TRUE = {"softplus": tf.nn.softplus, "elu": tf.nn.elu, "selu": tf.nn.selu}
KERAS = {
    "selu": ("selu", tf.keras.activations.selu),
    "elu_0": ("elu", lambda x: tf.keras.activations.elu(x, 0.0)),
    "elu_half": ("elu", lambda x: tf.keras.activations.elu(x, 0.5)),
    "elu_4": ("elu", tf.keras.layers.ELU(4.0)),
    "elu_of_minus": ("elu", lambda x: tf.keras.activations.elu(x, -0.5)),
}
"""{description: (its name in a recipe, an activation that Keras builds from several operations)}."""
PIECES = {"Placeholder", "Const", "Mul", "Sub", "Add", "Neg", "Relu", "Identity"}
X = np.linspace(-40, 40, 4001).astype(np.float32)


def both(names, function):
    """(values of the activation, values of its approximation) for X, both computed by TensorFlow."""
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [None])
        true = function(x)
        reader = tf.identity(true)
        with tf.Session() as session:
            expected = session.run(reader, {x: X})
        new, = approximate_activations.replace(names, [true])
        with tf.Session() as session:
            output, found = session.run([new, reader], {x: X})
        left = tf.graph_util.extract_sub_graph(graph.as_graph_def(), [new.op.name, reader.op.name])
    assert {node.op for node in left.node} <= PIECES
    np.testing.assert_array_equal(output, found)  # an output of the network and a reader inside it alike
    return expected, found


@pytest.mark.parametrize("name", sorted(TRUE))
def test_largest_error_is_the_one_stated(name):
    expected, found = both([name], TRUE[name])
    error = np.abs(expected - found).max()
    assert 0.5 * approximate_activations.ERROR[name] < error <= 1.05 * approximate_activations.ERROR[name]


@pytest.mark.parametrize("name, function", KERAS.values(), ids=KERAS)
def test_an_activation_of_several_operations_is_recognized(name, function):
    expected, found = both([name], function)
    assert np.abs(expected - found).max() <= 1.05 * approximate_activations.ERROR[name]


def test_every_activation_that_a_recipe_may_name_has_a_stated_error():
    named, = Model.model_fields["approximate"].annotation.__args__
    assert set(named.__args__) == set(approximate_activations.ERROR) == set(TRUE)


@pytest.mark.parametrize("name", sorted(TRUE))
def test_few_pieces_do(name):
    with tf.Graph().as_default() as graph:
        approximate_activations.replace([name], [TRUE[name](tf.placeholder(tf.float32, [None]))])
        assert len([operation for operation in graph.get_operations() if operation.type == "Relu"]) <= 8


def test_an_activation_that_the_network_lacks_is_reported_with_those_that_it_has():
    with tf.Graph().as_default():
        out = tf.keras.activations.selu(tf.placeholder(tf.float32, [None]))
        tf.nn.elu(out)  # which nothing reads
        for name in ("softplus", "elu"):
            with pytest.raises(ModelError, match="the network has no " + name) as caught:
                approximate_activations.replace([name], [out])
            assert "activations of it that can be approximated: selu" in caught.value.why


@pytest.mark.parametrize("function", [
    lambda x: tf.nn.elu(tf.keras.activations.selu(tf.keras.activations.elu(tf.nn.selu(x), 0.3))),
    lambda x: tf.keras.activations.elu(tf.nn.selu(tf.nn.elu(tf.keras.activations.selu(x))), 0.3)])
def test_activations_of_activations_are_all_approximated(function):
    expected, found = both(["elu", "selu"], function)
    steepest = 1.76  # selu's largest slope
    assert np.abs(expected - found).max() <= 4 * steepest * approximate_activations.ERROR["selu"]


def test_an_elu_that_others_read_too_is_approximated_for_them():
    def gated(x):
        inside = tf.nn.elu(x)
        return tf.where(x > 0, inside, 0.5 * inside) + inside

    expected, found = both(["elu"], gated)
    assert np.abs(expected - found).max() <= 2 * 1.05 * approximate_activations.ERROR["elu"]
