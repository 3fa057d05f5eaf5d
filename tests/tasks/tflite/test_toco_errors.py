"""Real graphs with which toco fails."""

import re

import numpy as np
import pytest
import tensorflow as tf

from octet.errors import ConvertError
from tasks.tflite import toco_errors
from tests.tasks.tflite import graphs
from tests.tasks.tflite.graphs import constant, ranged

IMAGE = ((8, 8, 4), -1.0, 3.0)


def _bad_weights(x):
    values = np.full((3, 3, 4, 8), -1.0, np.float32)
    return ranged(tf.nn.conv2d(x, constant(values, -1.0, 0.9), [1, 1, 1, 1], "SAME"), -9.0, 9.0)


def _dilated_transposed(x):
    return ranged(tf.nn.conv2d_backprop_input(
        [1, 8, 8, 4], graphs.weights((3, 3, 4, 4)), x, [1, 1, 1, 1], "SAME", dilations=[1, 2, 2, 1]), -5.0, 5.0)


CASES = {
    "range_of_input": (lambda x: ranged(tf.nn.relu(x + x) * x, 0.0, 9.0),
                       r"^tensor Relu has no range; it is an input of the Mul that computes FakeQuant"),
    "range_of_output": (lambda x: tf.stack([x, x], 1), "^tensor stack has no range"),
    "range_of_fixed": (lambda x: tf.nn.relu6(x), "^tensor Relu6 has no range"),
    "no_uint8_kernel": (lambda x: ranged(tf.nn.elu(x), -1.0, 3.0), "^the operator Elu has no uint8 kernel"),
    "no_kernel": (lambda x: ranged(tf.erf(x), -1.0, 1.0), "^TensorFlow Lite has no operator Erf"),
    "later_kernel": (lambda x: ranged(tf.depth_to_space(x, 2), -1.0, 3.0), "no operator DEPTH_TO_SPACE$"),
    "constant_limits": (lambda x: ranged(tf.maximum(x, constant([0.0, 1.0, 2.0, 0.5], -1.0, 3.0)), -1.0, 3.0),
                        "^a maximum or minimum with a constant of 4 values"),
    "weights_with_code_0": (_bad_weights, "use code 0 twice within 16 bytes$"),
    "nothing_between": (lambda x: ranged(x + constant(0.0, 0.0, 1.0), -1.0, 3.0),
                        "^an output of the network is its input input0"),
    "dilated_transposed": (_dilated_transposed, "^the transposed convolution Conv2DBackpropInput is dilated"),
}


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_crash_of_toco_is_explained_with_cause_and_remedy(name):
    build, what = CASES[name]
    with pytest.raises(ConvertError) as caught:
        graphs.converted(build, IMAGE)
    assert re.search(what, caught.value.what), caught.value.what
    assert caught.value.why and caught.value.next_step


@pytest.mark.parametrize("ends", [(np.nan, np.nan), (3.0, -1.0), (0.0, 0.0), (1.0, 3.0), (-1.0, np.inf)])
def test_impossible_range_is_named_before_toco_runs(ends):
    with pytest.raises(ConvertError, match="1 range") as caught:
        graphs.converted(lambda x: ranged(x + x, *ends), IMAGE)
    assert caught.value.where == "FakeQuantWithMinMaxVars"


def test_the_last_lines_of_an_unknown_error_of_toco_are_kept():
    said = "\n".join(["I nothing"] * 20 + ["2026-01-01 00:00:00.0: F toco/some.cc:12] Check failed: something new"]
                     + ["  File a", "Aborted"])
    assert toco_errors.translated(said).why.endswith("Check failed: something new")
    assert toco_errors.translated("one\ntwo\nKilled").why == "one\ntwo\nKilled"
