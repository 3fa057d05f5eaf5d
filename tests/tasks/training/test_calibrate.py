from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from octet.data.dataset import Part
from tasks.graph import io_spec
from tasks.quantize import quantized_graph
from tasks.training import calibrate, feed
from tests.tasks.networks import LAYERS, frozen, outputs

FIVE_BATCHES = Part({"image": np.zeros((40, 1), np.uint8)}, {})
SETTINGS = SimpleNamespace(calibration_batches=3, batch_size=8)


def test_the_output_range_is_the_mean_of_what_it_was_over_the_batches():
    graph_def, network = frozen(lambda x: LAYERS.Dense(4)(LAYERS.Flatten()(x)))
    part = Part({"image": np.random.RandomState(0).randint(0, 256, (40, 8, 8, 3)).astype(np.uint8)}, {})
    rewritten = quantized_graph.apply_rewrites(graph_def, network)
    quantized = quantized_graph.insert_fake_quants(rewritten, network, training=True)
    with tf.Session(graph=quantized.graph) as session:
        with quantized.graph.as_default():
            session.run(tf.global_variables_initializer())
            weights = tf.trainable_variables()
            before = session.run(weights)
        done = calibrate.calibrate(session, network, quantized, part, SETTINGS, 1, lambda *_: None)
        low, high = session.run(list(quantized.outputs[0].op.inputs[1:]),
                                io_spec.feed(network, quantized.inputs, part, slice(0, 8)))
        after = session.run(weights)
    assert done == 3
    seen = [outputs(graph_def, network, io_spec.real(network["inputs"][0], part.inputs["image"][rows]))
            for rows in list(feed.batches(part, 8, 1, 0))[:3]]
    assert low == pytest.approx(np.mean([scores.min() for scores in seen]), rel=0.02)
    assert high == pytest.approx(np.mean([scores.max() for scores in seen]), rel=0.02)
    for old, new in zip(before, after):
        np.testing.assert_array_equal(old, new)


def phase(epochs, freeze_ranges_after=None):
    return SimpleNamespace(epochs=epochs, batch_size=8, freeze_ranges_after=freeze_ranges_after)


def test_ranges_move_until_they_are_frozen():
    moved = [calibrate.momentum(phase(20, 1.5), FIVE_BATCHES, done) for done in (0.0, 1.49, 1.5, 3.0)]
    assert moved[0] == moved[1] > 0 and moved[2:] == [0.0, 0.0]


@pytest.mark.parametrize("epochs, remembered", [(1, 10), (20, 10), (200, 100), (100000, 1000)])
def test_a_range_remembers_a_tenth_of_the_phase_but_for_very_short_and_long_ones(epochs, remembered):
    assert calibrate.momentum(phase(epochs), FIVE_BATCHES, 0.0) == pytest.approx(1 / remembered)
