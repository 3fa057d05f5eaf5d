import numpy as np
import pytest
import tensorflow as tf

from tasks.training import batch_norm_statistics

LAYERS = tf.keras.layers


@pytest.mark.parametrize("fused", [True, False])
def test_statistics_are_the_mean_over_the_batches_of_the_weights_as_they_are(fused):
    random = np.random.RandomState(0)
    images = (random.randn(3, 6, 4, 4, 2) * 3 + 5).astype(np.float32)
    with tf.Graph().as_default() as graph, tf.Session() as session:
        tf.keras.backend.set_session(session)
        tf.keras.backend.set_learning_phase(1)
        source = LAYERS.Input((4, 4, 2))
        layer = LAYERS.BatchNormalization(fused=fused)
        model = tf.keras.Model(source, LAYERS.Flatten()(layer(LAYERS.Conv2D(2, 1)(source))))
        kernel, bias = model.layers[1].weights
        session.run(tf.global_variables_initializer())
        before = session.run([kernel, bias])
        rates = batch_norm_statistics.rates(graph)
        done = batch_norm_statistics.reestimate(session, model.updates, rates,
                                     ({source: batch} for batch in images), batches=3)
        mean, variance = session.run([layer.moving_mean, layer.moving_variance])
        after = session.run([kernel, bias])
    tf.keras.backend.clear_session()
    assert done == 3 and len(rates) == 2
    for old, new in zip(before, after):
        np.testing.assert_array_equal(old, new)
    seen = images @ before[0][0, 0]
    np.testing.assert_allclose(mean, seen.mean((0, 1, 2, 3)), rtol=1e-4)
    # TensorFlow's fused kernel divides by the count less one.
    expected = np.mean([batch.var((0, 1, 2), ddof=1 if fused else 0) for batch in seen], 0)
    np.testing.assert_allclose(variance, expected, rtol=1e-4)


def test_statistics_of_a_layer_that_is_used_twice_are_the_mean_over_both_uses():
    images = (np.random.RandomState(0).randn(3, 6, 4, 4, 2) * 3 + 5).astype(np.float32)
    with tf.Graph().as_default() as graph, tf.Session() as session:
        tf.keras.backend.set_session(session)
        tf.keras.backend.set_learning_phase(1)
        source = LAYERS.Input((4, 4, 2))
        layer = LAYERS.BatchNormalization()
        scaled = LAYERS.Lambda(lambda t: 3 * t + 10)(source)
        model = tf.keras.Model(source, LAYERS.Add()([layer(source), layer(scaled)]))
        session.run(tf.global_variables_initializer())
        batch_norm_statistics.reestimate(session, model.updates, batch_norm_statistics.rates(graph),
                              ({source: batch} for batch in images), batches=3)
        mean, variance = session.run([layer.moving_mean, layer.moving_variance])
    tf.keras.backend.clear_session()
    both = [images, 3 * images + 10]
    np.testing.assert_allclose(mean, np.mean([seen.mean((0, 1, 2, 3)) for seen in both], 0), rtol=1e-4)
    expected = np.mean([batch.var((0, 1, 2), ddof=1) for seen in both for batch in seen], 0)
    np.testing.assert_allclose(variance, expected, rtol=1e-4)


def test_a_network_without_batch_norm_is_run_no_further():
    assert batch_norm_statistics.reestimate(None, [], [], iter([{}]), batches=5) == 0
