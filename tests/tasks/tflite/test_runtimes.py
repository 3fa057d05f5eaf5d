"""The interpreter of TensorFlow 1.14 compared with tflite-runtime 2.11, with codes over the whole range."""

import numpy as np
import pytest

from tasks.tflite import model_file
from tasks.tflite.interpreter import processes
from tasks.tflite.parity import operators
from tests.tasks.tflite import graphs
from tests.tasks.tflite.graphs import ranged
from tests.tasks.tflite.parity import test_operators

IMAGE = test_operators.IMAGE

UNLIKE_LSB = {"FULLY_CONNECTED": 1, "SOFTMAX": 1, "RESIZE_BILINEAR": 1, "SUM": 1, "LOG_SOFTMAX": 3}
"""Kernels that were rewritten since 1.14; all others are bit-identical."""


def _differences(build, *inputs):
    """[(kind of operator, difference in LSB)] between the two runtimes."""
    content = graphs.converted(build, *inputs)
    found = model_file.read(content)
    passes = [operators.driven(content, found, operator) for operator in found.operators]
    old, new = (processes.run(content, passes, runtime=runtime) for runtime in ("tensorflow", "tflite_runtime"))
    return [(operator.kind, max(int(np.abs(one[index].astype(int) - other[index].astype(int)).max())
                                for index in operator.outputs))
            for operator, one, other in zip(found.operators, old, new)]


@pytest.mark.parametrize("build, inputs", [
    (test_operators._layers, [IMAGE]), (test_operators._sums, [IMAGE, ((8, 8, 4), -2.0, 4.0)]),
    (test_operators._pools_and_reductions, [IMAGE]), (test_operators._curves, [((16,), -6.0, 6.0)]),
    (test_operators._moves, [IMAGE]),
], ids=["layers", "sums", "pools", "curves", "moves"])
def test_newer_runtime_computes_the_same(build, inputs):
    for kind, lsb in _differences(build, *inputs):
        assert lsb <= UNLIKE_LSB.get(kind, 0), kind


def test_newer_runtime_runs_what_the_older_one_dies_of():
    content = graphs.converted(lambda x, y: ranged(x * y, -0.01, 0.01), IMAGE, IMAGE)
    found = model_file.read(content)
    codes = [np.zeros((1, 8, 8, 4), np.uint8)] * 2
    made, = processes.over(content, found, codes, lambda done: None, runtime="tflite_runtime")
    assert made.shape == (1, 8, 8, 4)
