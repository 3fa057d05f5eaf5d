"""Networks at the ends of what the kernels' integers hold.

A tensor of 3 numbers is used where the kernels' vector instructions hide a shift of 32 bits, which one by one they
get wrong.
"""

import numpy as np
import pytest

from tests.tasks import conversion
from tests.tasks.catalogue import conv, head, lam
from tests.tasks.networks import LAYERS as L
from tests.tasks.networks import frozen

CODES = np.random.RandomState(0).randint(0, 256, (8, 8, 8, 3)).astype(np.uint8)


def large(x, scale=1e3):
    return lam(lambda t: scale * t, conv(x))


def three(x, scale):
    return lam(lambda t: scale * t, L.Dense(3)(L.Flatten()(x)))


def clipped(x, bound):
    return lam(lambda t: L.ReLU(max_value=bound)(t) - bound / 2, x)


def layer_far_below_a_maximum(x):
    small = lam(lambda t: 1e-3 * t, L.Flatten()(conv(x, 16, activation="relu")))
    small = L.Dense(3, kernel_initializer="random_normal")(small)
    return L.Maximum()([lam(lambda t: 0.02 * t, small), three(x, 1e3)])


def leaky_difference(x):
    return L.LeakyReLU(0.1)(L.Subtract()([three(x, 1e-4), three(x, 1e-4)]))


NETWORKS = {
    "sigmoid_of_a_product": lambda x: head(L.Activation("sigmoid")(L.Multiply()([large(x), large(x)]))),
    "sigmoid_of_a_moved_product": lambda x: head(L.Activation("sigmoid")(L.Reshape((16, 16))(
        L.MaxPooling2D(1)(L.Multiply()([large(x), large(x)]))))),
    "tanh_of_a_sum_of_products": lambda x: head(L.Activation("tanh")(L.Add()([
        L.Multiply()([large(x), large(x)]), conv(x)]))),
    "clip_of_a_product": lambda x: head(clipped(L.Multiply()([large(x), large(x)]), 0.01)),
    "clip_of_what_is_made_of_a_product": lambda x: head(clipped(conv(L.Multiply()([large(x), large(x)])), 0.01)),
    "clip_of_millions": lambda x: head(clipped(large(x, 1e7), 1.0)),
    "clip_to_a_thousandth": lambda x: head(clipped(large(conv(x, 64, activation="relu")), 1e-3)),
    "layer_far_below_a_maximum": layer_far_below_a_maximum,
    "difference_far_below_a_maximum": lambda x: L.Maximum()([
        L.Subtract()([three(x, 1e-4), three(x, 1e-4)]), three(x, 1e5)]),
    "leaky_difference_far_below_a_maximum": lambda x: L.Maximum()([leaky_difference(x), three(x, 33)]),
    "leaky_difference_far_below_a_minimum": lambda x: L.Minimum()([leaky_difference(x), three(x, 33)]),
}


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_network_at_the_ends_of_the_integers_is_right(name):
    assert conversion.faults(*frozen({name: NETWORKS[name]}), [CODES]) == []
