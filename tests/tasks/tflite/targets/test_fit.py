"""What each target supports of real files: small graphs for every kernel, converted by toco, and their int8 twins."""

import re

import numpy as np
import pytest
import tensorflow as tf

from octet.errors import InterpreterError
from tasks.tflite import int8_twin, model_file
from tasks.tflite.interpreter import processes
from tasks.tflite.targets import fit, target_list, vela
from tests.export.environments import environment
from tests.tasks.tflite import graphs
from tests.tasks.tflite.graphs import ranged, weights
from tests.tasks.tflite.parity import test_operators

IMAGE = test_operators.IMAGE
GRAPHS = {
    "layers": (test_operators._layers, [IMAGE]),
    "sums": (test_operators._sums, [IMAGE, ((8, 8, 4), -2.0, 4.0)]),
    "pools": (test_operators._pools_and_reductions, [IMAGE]),
    "curves": (test_operators._curves, [((16,), -6.0, 6.0)]),
    "moves": (test_operators._moves, [IMAGE]),
}


@pytest.fixture(scope="module")
def files():
    """{graph: the uint8 file}."""
    return {name: graphs.converted(build, *inputs) for name, (build, inputs) in GRAPHS.items()}


def outside(content, target):
    """{operator: [reason]} of what the target's list excludes."""
    found = {}
    for each in fit.of(model_file.read(content), target_list.read(target)).outside:
        found.setdefault(each.operator, []).append(each.why)
    return found


def test_what_vela_leaves_to_the_cpu(files):
    """The operators are those that ethos-u-vela 5.2.0 reports; see the slow test below."""
    assert {name: sorted(outside(int8_twin.of(content), "ethos-u")) for name, content in files.items()} == {
        "layers": ["SPACE_TO_BATCH_ND"], "sums": [], "pools": ["RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"],
        "curves": ["L2_NORMALIZATION", "LOG_SOFTMAX"],
        "moves": ["BATCH_TO_SPACE_ND", "GATHER", "SPACE_TO_BATCH_ND", "SPACE_TO_DEPTH", "STRIDED_SLICE"]}


@pytest.mark.slow
def test_vela_itself_leaves_the_same_operators_to_the_cpu(files, tmp_path):
    python = environment(tmp_path / "env", "3.11", ["ethos-u-vela==5.2.0"])
    for name, uint8 in files.items():
        for content in (uint8, int8_twin.of(uint8)):
            judged = fit.of(model_file.read(content), target_list.read("ethos-u"))
            assert sorted("{} ({})".format(each.operator, each.layer) for each in judged.outside) == sorted(
                vela.compiled(python, content)["on_cpu"]), name


def test_a_runtime_without_uint8_takes_the_int8_file(files):
    judged = fit.both(files["sums"], ["micro"])["targets"]["micro"]
    assert judged["files"]["uint8"]["verdict"] == fit.NOT_SUPPORTED and "uint8" in judged["files"]["uint8"]["why"]
    assert judged["files"]["int8"]["verdict"] == fit.SUPPORTED and judged["use"] == "int8"


def test_where_a_part_is_left_to_the_cpu_the_file_is_the_one_that_the_cpu_takes(files):
    """Vela leaves LOG_SOFTMAX to TensorFlow Lite for Microcontrollers, which does not support it in uint8."""
    judged = fit.both(files["curves"], ["ethos-u"])["targets"]["ethos-u"]
    assert judged["files"]["uint8"]["verdict"] == fit.NOT_SUPPORTED and judged["use"] == "int8"
    assert judged["files"]["int8"]["elsewhere"] == 2


def test_an_edge_tpu_runs_nothing_behind_the_first_operator_that_it_does_not_take():
    def build(x):
        padded = ranged(tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], constant_values=1.0), -1.0, 3.0)
        first = ranged(tf.nn.conv2d(padded, weights((3, 3, 4, 4)), [1, 1, 1, 1], "VALID"), -9.0, 9.0)
        return ranged(tf.nn.conv2d(first, weights((1, 1, 4, 2)), [1, 1, 1, 1], "SAME"), -9.0, 9.0)
    found = fit.of(model_file.read(graphs.converted(build, IMAGE)), target_list.read("edgetpu"))
    assert (found.verdict, found.operators, found.elsewhere) == (fit.IN_PART, 3, 3)
    only, = found.outside
    assert only.operator == "PADV2" and "zeros" in only.instead
    # Its advice, followed:
    def zeros(x):
        padded = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])
        return ranged(tf.nn.conv2d(padded, weights((3, 3, 4, 4)), [1, 1, 1, 1], "VALID"), -9.0, 9.0)
    assert fit.of(model_file.read(graphs.converted(zeros, IMAGE)), target_list.read("edgetpu")).verdict == fit.SUPPORTED


@pytest.mark.parametrize("target, graph, expected", [
    # Coral: "all strides are equal to 1"; 5 axes of which 4 are longer than 1; no GATHER.
    ("edgetpu", "moves", {"STRIDED_SLICE", "GATHER", "PACK", "UNPACK", "SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND"}),
    ("edgetpu", "sums", set()), ("edgetpu", "curves", {"LOG_SOFTMAX"}),
    # NNAPI's delegate: sums in float32 only; no crops; it packs int8 and no uint8.
    ("nnapi", "pools", {"SUM"}), ("nnapi", "curves", {"LOG_SOFTMAX"}),
    ("nnapi", "moves", {"UNPACK", "PACK", "BATCH_TO_SPACE_ND"}),
])
def test_the_list_excludes_these_operators_in_uint8(files, target, graph, expected):
    found = outside(files[graph], target)
    assert set(found) - {"RESIZE_BILINEAR"} == expected
    assert all(why for whys in found.values() for why in whys)


def test_a_float_file_is_neither_taken_nor_refused_but_not_judged(monkeypatch):
    monkeypatch.setenv("PATH", graphs.toco_path())
    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.placeholder(tf.float32, [1, 4])
        content = tf.lite.TFLiteConverter.from_session(session, [x], [tf.nn.softmax(x)]).convert()
    with pytest.raises(InterpreterError, match="its activations are float32") as refused:
        fit.expect_8_bits(model_file.read(content), "some.tflite")
    assert "octet evaluate" in refused.value.next_step


def test_a_warning_names_the_target_the_operators_and_what_to_do(files):
    lines = fit.warnings(fit.both(files["curves"], ["micro", "edgetpu"]))
    line, = lines
    assert line.startswith("edgetpu supports 4 of 5 operators of the uint8 file")
    assert "LOG_SOFTMAX" in line and "use softmax" in line


@pytest.mark.parametrize("dtype", ["uint8", "int8"])
def test_tensorflow_1_14_runs_what_its_list_takes_and_refuses_the_rest(files, dtype):
    for name, uint8 in files.items():
        content = uint8 if dtype == "uint8" else int8_twin.of(uint8)
        contents = model_file.read(content)
        outcome, = processes.run(content, [processes.Pass(
            1, {index: np.zeros((1,) + contents.tensors[index].shape, dtype) for index in contents.inputs},
            [contents.tensors[index] for index in contents.outputs])])
        excluded = outside(content, "tflite-1.14")
        assert isinstance(outcome, processes.Failure) == bool(excluded), (name, outcome)
        if isinstance(outcome, processes.Failure):
            refused, = re.findall("builtin opcode '(.*?)'", outcome.words)  # the first that it does not have
            assert refused in excluded
