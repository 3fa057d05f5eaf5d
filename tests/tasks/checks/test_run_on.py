"""A file in several runtimes: always TensorFlow 1.14, others if their environments are installed."""

import platform
import sys

import numpy as np
import pytest
import tensorflow as tf

from octet.errors import InterpreterError
from octet.job import Job
from tasks.checks import run_on
from tasks.tflite import int8_twin, model_file
from tasks.tflite.interpreter import processes
from tasks.tflite.targets import operator_latency
from tests.tasks.tflite import graphs
from tests.tasks.tflite.parity import test_operators


def ran(folder, content, environments, seconds=0.0, operators=False):
    path = folder / "some.tflite"
    path.write_bytes(content)
    job = Job("checks.run_on", {"file": str(path), "network": {"inputs": [], "outputs": []},
                                "environments": environments, "seconds": seconds,
                                "operators": operators}, {}, "", "")
    return run_on.run(job, lambda done, message: None)


def by_place(found):
    return {(each["runtime"], each["file"]): each for each in found["runs"]}


@pytest.fixture(scope="module")
def curves():
    return graphs.converted(test_operators._curves, ((16,), -6.0, 6.0))


def test_the_int8_twin_is_compared_with_the_uint8_file_by_codes(tmp_path, curves):
    found = ran(tmp_path, curves, {}, seconds=0.05)
    assert (found["of"], found["samples"], found["machine"]["host"]) == ("random codes", 32, platform.node())
    uint8, int8 = (by_place(found)["tensorflow", dtype] for dtype in ("uint8", "int8"))
    assert (uint8["failed"], uint8["largest_difference"], uint8["agreement"]) == ("", 0, 1.0)
    codes = np.random.RandomState(0).randint(0, 256, (32, 16)).astype(np.uint8)
    one = processes.over(curves, model_file.read(curves), [codes], lambda done: None)
    twin = int8_twin.of(curves)
    other = processes.over(twin, model_file.read(twin), [(codes.astype(np.int16) - 128).astype(np.int8)],
                           lambda done: None)
    assert int8["largest_difference"] == max(
        np.abs(left.astype(int) - right.astype(int) - 128).max() for left, right in zip(one, other)) > 0
    for row in (uint8, int8):
        assert 0 < row["latency"]["p10_ms"] <= row["latency"]["median_ms"] <= row["latency"]["p90_ms"] < 1000
        assert row["latency"]["inferences"] > 10


def test_a_runtime_that_fails_is_a_line_of_its_own_and_stops_no_other(tmp_path, curves):
    environments = {"litert": sys.executable, "micro": "/bin/false", "ethos-u": "/no/such/bin/python"}
    found = by_place(ran(tmp_path, curves, environments))
    assert "No module named 'ai_edge_litert'" in found["litert", "uint8"]["failed"]
    assert found["micro", "int8"]["failed"] == "the process ended with 1"
    assert "cannot be started" in found["vela", "uint8"]["failed"] and found["vela", "uint8"]["compiled"] is None
    assert found["tensorflow", "int8"]["failed"] == ""


def _unequal(x):
    """A convolution of 4.7 million multiply-accumulates, and a reshape."""
    made = graphs.ranged(tf.nn.conv2d(x, graphs.weights((3, 3, 16, 32)), [1, 1, 1, 1], "SAME"), -9.0, 9.0)
    return tf.reshape(made, [1, 32 * 32 * 32])


def test_each_operator_of_each_file_is_timed_alone(tmp_path):
    content = graphs.converted(_unequal, ((32, 32, 16), -1.0, 1.0))
    found = by_place(ran(tmp_path, content, {}, seconds=0.2, operators=True))
    for dtype in ("uint8", "int8"):
        convolution, reshape = found["tensorflow", dtype]["operators"]
        assert (convolution["operator"], convolution["macs"]) == ("CONV_2D", 32 * 32 * 32 * 9 * 16)
        assert (reshape["operator"], reshape["macs"]) == ("RESHAPE", 0)
        assert convolution["failed"] == reshape["failed"] == ""
        assert convolution["latency"]["median_ms"] > 3 * reshape["latency"]["median_ms"] > 0


def test_an_operator_whose_process_does_not_start_says_why():
    content = graphs.converted(_unequal, ((32, 32, 16), -1.0, 1.0))
    rows = operator_latency.of("/bin/false", "micro", content, model_file.read(content), 0.1)
    assert [(row["latency"], row["failed"]) for row in rows] == [(None, "the process ended with 1")] * 2


def test_a_float_file_is_not_compared_by_codes(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", graphs.toco_path())
    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.placeholder(tf.float32, [1, 4])
        content = tf.lite.TFLiteConverter.from_session(session, [x], [tf.nn.softmax(x)]).convert()
    with pytest.raises(InterpreterError, match="float32") as refused:
        ran(tmp_path, content, {})
    assert "octet evaluate" in refused.value.next_step
