"""The gradients of fake-quants and ReLUs are those of TensorFlow's kernels, bit for bit."""

from typing import Callable, List

import numpy as np
import pytest
import tensorflow as tf

from tasks.quantize.ranges import fake_quant_gradient

RANGES = [(0.0, 2.5), (-1.3, 2.5), (-0.7, 0.0), (-3e-4, 7e-4), (-0.01, 6.0), (0.0, 40.0)]


def gradients(build: Callable[[tf.Tensor], List[tf.Tensor]], values: np.ndarray, fast: bool) -> np.ndarray:
    """The gradient for the values of a sum of products of what `build` makes of them, by random numbers."""
    with tf.Graph().as_default() as graph, tf.Session() as session:
        fed = tf.placeholder(tf.float32, (None,) + values.shape[1:])
        made = build(fed)
        if fast:
            fake_quant_gradient.use_fast_gradients(graph)
        random = np.random.RandomState(1)
        loss = tf.add_n([tf.reduce_sum(each * random.normal(size=values.shape).astype(np.float32)) for each in made])
        found, = tf.gradients(loss, fed)
        kernels = [operation.type for operation in graph.get_operations()
                   if operation.type in ("FakeQuantWithMinMaxVarsGradient", "ReluGrad", "Relu6Grad")]
        assert bool(kernels) is not fast, kernels
        return session.run(found, {fed: values})


def values_around(low: float, high: float) -> np.ndarray:
    """Values in and beyond a range; among them 0, the ends, 6, all multiples of its scale, and their neighbours."""
    random = np.random.RandomState(0)
    scale = np.float32(high - low) / np.float32(255)
    special = np.concatenate([np.arange(-256, 257, dtype=np.float32) * scale,
                              np.array([0, low, high, 6], np.float32)])
    special = np.concatenate([special, np.nextafter(special, np.float32(9)), np.nextafter(special, np.float32(-9))])
    width = high - low
    ordinary = random.uniform(low - width / 2, high + width / 2, 40000 - special.size)
    return np.concatenate([special, ordinary]).astype(np.float32).reshape(32, -1)


def fake_quant(tensor: tf.Tensor, low: float, high: float, narrow_range: bool = False) -> tf.Tensor:
    return tf.fake_quant_with_min_max_vars(tensor, low, high, narrow_range=narrow_range)


BUILT = {
    "alone": lambda x, *ends: [fake_quant(x, *ends)],
    "of weights": lambda x, *ends: [fake_quant(x, *ends, narrow_range=True)],
    "twice": lambda x, *ends: [fake_quant(fake_quant(x, *ends), *ends)],
    "of a ReLU": lambda x, *ends: [fake_quant(tf.nn.relu(x), *ends)],
    "of a ReLU6": lambda x, *ends: [fake_quant(tf.nn.relu6(x), *ends)],
    "a ReLU alone": lambda x, *ends: [tf.nn.relu(x)],
    "a ReLU6 alone": lambda x, *ends: [tf.nn.relu6(x)],
}


def with_further_reader(x: tf.Tensor, low: float, high: float) -> List[tf.Tensor]:
    made = tf.nn.relu(x)
    return [fake_quant(made, low, high), made]


@pytest.mark.parametrize("ends", RANGES, ids=str)
@pytest.mark.parametrize("build", [*BUILT.values(), with_further_reader], ids=[*BUILT, "of a ReLU with another reader"])
def test_it_is_that_of_the_kernels(build, ends):
    values = values_around(*ends)
    kernel, fast = (gradients(lambda x: build(x, *ends), values, fast) for fast in (False, True))
    assert not np.all(kernel)
    assert np.any(kernel) or ends[1] == 0  # the range holds nothing that a ReLU lets through
    different = kernel != fast
    assert not different.any(), (values[different][:5], kernel[different][:5], fast[different][:5])


def test_a_small_tensor_keeps_the_kernel():
    values = np.zeros([32, 100], np.float32)
    with pytest.raises(AssertionError, match="FakeQuantWithMinMaxVarsGradient"):
        gradients(lambda x: [fake_quant(x, -1.0, 1.0)], values, True)
