"""Ranges that do not fit the data, each made deliberately in a real training graph."""

import numpy as np
import pytest
import tensorflow as tf

from octet.errors import QuantizeError
from tasks.keras_model import approximate_activations
from tasks.quantize import quantized_graph
from tasks.quantize.ranges import health
from tests.tasks.networks import LAYERS, frozen

IMAGES = np.random.RandomState(0).rand(40, 8, 8, 3).astype(np.float32)


def _net(x, alive=True):
    x = LAYERS.Conv2D(6, 3, name="conv")(x)
    dead = LAYERS.ReLU(name="relu")(LAYERS.BatchNormalization(name="norm")(x)) if alive else (
        LAYERS.Conv2D(6, 3, activation="relu", kernel_initializer="zeros", name="dead")(x))
    return LAYERS.Dense(4, name="logits")(LAYERS.Flatten()(dead))


def _findings(build, change=None, calibrate=True):
    """{layer: findings} after a calibration on the images, and after `change`, which maps {tensor: (low, high)}."""
    graph_def, network = frozen(build)
    rewritten = quantized_graph.apply_rewrites(graph_def, network)
    quantized = quantized_graph.insert_fake_quants(rewritten, network, training=True)
    with quantized.graph.as_default(), tf.Session() as session:
        session.run(tf.global_variables_initializer())
        feed = {quantized.inputs[0]: IMAGES}
        if calibrate:
            session.run(quantized.outputs, {**feed, quantized.momentum: 1.0})
        for each in quantized.trained:
            if change is not None:
                low, high = session.run(each.ends)
                for variable, value in zip(each.ends, change(each.tensor, low, high)):
                    variable.load(value, session)
        counts, ends = session.run(health.observed(quantized.trained), feed)
        return health.check_ranges(quantized.trained, quantized.ranges, counts, ends), network, quantized


def _of(findings):
    return {(finding.layer, finding.what) for finding in findings}


def test_calibrated_ranges_are_healthy():
    findings, _, quantized = _findings(_net)
    assert findings == [] and len(quantized.trained) == 2


def test_a_clamp_that_the_range_does_clips_nothing():
    findings, _, _ = _findings(lambda x: LAYERS.ReLU(0.2)(LAYERS.Conv2D(6, 3, name="conv")(x)))
    assert findings == []


def test_what_saturates_on_its_way_into_a_maximum_clips_nothing():
    def build(x):
        return LAYERS.Maximum()([LAYERS.Conv2D(6, 3)(x), LAYERS.ReLU()(LAYERS.Conv2D(6, 3)(x))])

    assert _findings(build)[0] == []


def test_a_tensor_that_is_always_0_has_no_width():
    findings, _, _ = _findings(lambda x: _net(x, alive=False))
    assert ("dead", health.NO_WIDTH) in _of(findings)


def test_a_range_that_training_did_not_see_is_distinguished_from_a_dead_tensor():
    findings, _, quantized = _findings(_net, calibrate=False)
    assert [finding.what for finding in findings] == [health.NEVER_MOVED] * len(quantized.trained)


def test_a_range_five_times_too_wide_leaves_most_codes_unused():
    findings, _, _ = _findings(_net, lambda tensor, low, high: (
        (5 * low, 5 * high) if tensor.startswith("relu") else (low, high)))
    assert _of(findings) == {("relu", health.FEW_CODES)}
    assert 0.1 < findings[0].codes / 64 < 1


def test_the_share_that_a_narrow_range_clips_is_the_share_of_the_values_outside():
    findings, _, _ = _findings(_net, lambda tensor, low, high: (
        (low, 0.3 * high) if tensor.startswith("relu") else (low, high)))
    (found,) = [finding for finding in findings if finding.layer == "relu"]
    graph_def, network = frozen(_net)
    with tf.Graph().as_default():
        tf.import_graph_def(graph_def, name="")
        with tf.Session() as session:
            values = session.run("relu/Relu:0", {network["inputs"][0]["node"] + ":0": IMAGES})
    # Weights are quantized in the one and not in the other.
    assert found.what == health.CLIPS
    assert found.clipped == pytest.approx(np.mean(values > found.range[1]), abs=0.01)
    assert found.values == values.size
    assert "clips" in str(found) and "relu" in str(found)


def test_an_output_without_a_fake_quant_is_refused():
    _, network, quantized = _findings(_net)
    health.expect_ranged(network, quantized.outputs)
    behind = quantized.outputs[0].op.inputs[0]
    with pytest.raises(QuantizeError, match="an output has no fake-quant: label"):
        health.expect_ranged(network, [behind])


@pytest.mark.parametrize("build", [
    lambda x: LAYERS.Softmax()(_net(x)),
    lambda x: LAYERS.Reshape((2, 2))(_net(x)),
    lambda x: LAYERS.Flatten()(x),
    lambda x: LAYERS.GlobalAveragePooling2D()(x),
], ids=["fixed", "moved", "input", "said_again"])
def test_outputs_behind_a_range_that_is_not_their_own_are_accepted(build):
    graph_def, network = frozen(build)
    quantized_graph.insert_fake_quants(quantized_graph.apply_rewrites(graph_def, network), network, training=False)


def test_unused_pieces_of_an_approximation_are_not_reported():
    def build(x):
        x = LAYERS.Conv2D(6, 3, name="conv")(x)
        (x,) = approximate_activations.replace(["softplus"], [LAYERS.Activation("softplus", name="soft")(x)])
        return LAYERS.Dense(4, name="logits")(LAYERS.Flatten()(LAYERS.Lambda(lambda t: t)(x)))

    findings, _, quantized = _findings(build)
    assert findings == []
    assert len([each for each in quantized.trained if "approximated" in each.tensor]) > 3
