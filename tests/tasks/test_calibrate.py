from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from octet.datasets.dataset import Part
from tasks import network as net
from tasks.quantize import plan
from tasks.training import calibrate, feed
from tests.tasks.networks import LAYERS, frozen, outputs

SETTINGS = SimpleNamespace(calibration_batches=3, batch_size=8, freeze_ranges_after=1.5)


def test_the_output_range_is_the_mean_of_what_it_was_over_the_batches():
    graph_def, network = frozen(lambda x: LAYERS.Dense(4)(LAYERS.Flatten()(x)))
    part = Part({"image": np.random.RandomState(0).randint(0, 256, (40, 8, 8, 3)).astype(np.uint8)}, {})
    quantized = plan.rewritten(plan.folded(graph_def, network), network, training=True)
    with tf.Session(graph=quantized.graph) as session:
        with quantized.graph.as_default():
            session.run(tf.global_variables_initializer())
            weights = tf.trainable_variables()
            before = session.run(weights)
        done = calibrate.calibrate(session, network, quantized, part, SETTINGS, 1, lambda *_: None)
        low, high = session.run(list(quantized.outputs[0].op.inputs[1:]),
                                net.feed(network, quantized.inputs, part, slice(0, 8)))
        after = session.run(weights)
    assert done == 3
    seen = [outputs(graph_def, network, net.real(network["inputs"][0], part.inputs["image"][rows]))
            for rows in list(feed.batches(part, 8, 1, 0))[:3]]
    assert low == pytest.approx(np.mean([scores.min() for scores in seen]), rel=0.02)
    assert high == pytest.approx(np.mean([scores.max() for scores in seen]), rel=0.02)
    for old, new in zip(before, after):
        np.testing.assert_array_equal(old, new)


def test_ranges_move_until_they_are_frozen():
    assert [calibrate.momentum(SETTINGS, done) for done in (0.0, 1.49, 1.5, 3.0)] == [0.001, 0.001, 0.0, 0.0]
    never = SimpleNamespace(freeze_ranges_after=None)
    assert calibrate.momentum(never, 99.0) == 0.001
