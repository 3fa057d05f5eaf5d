import os
import signal
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest
import tensorflow as tf

from octet.errors import InterpreterError
from tasks.tflite import model_file
from tasks.tflite.interpreter import processes, worker
from tests.tasks.tflite import graphs

IMAGE = ((4, 4, 2), -1.0, 3.0)


def _sum(x, y):
    return graphs.ranged(x + y, -2.0, 6.0)


def _aborting_product(x, y):
    x = graphs.ranged(x + y, -2.0, 6.0)
    return graphs.ranged(graphs.ranged(x * y, -0.01, 0.01) + y, -1.0, 3.0)


def _refused_maximum(x):
    return graphs.ranged(tf.reduce_max(graphs.ranged(x + 0.5, -1.0, 4.0), [1, 2]), -2.0, 9.0)


def _endless_depthwise(x):
    return graphs.ranged(tf.nn.depthwise_conv2d(x, graphs.weights((1, 1, 2049, 1)), [1, 1, 1, 1], "SAME"), -2.0, 2.0)


def _codes(samples, count):
    return [np.random.RandomState(seed).randint(0, 256, (samples, 4, 4, 2)).astype(np.uint8)
            for seed in range(count)]


def test_outputs_are_those_of_tensorflows_own_interpreter_in_the_order_of_the_samples():
    content, codes = graphs.converted(_sum, IMAGE, IMAGE), _codes(7, 2)
    heard = []
    found, = processes.over(content, model_file.read(content), codes, heard.append)

    own = tf.lite.Interpreter(model_content=content)
    own.allocate_tensors()
    for sample in range(7):
        for detail, values in zip(own.get_input_details(), codes):
            own.set_tensor(detail["index"], values[sample:sample + 1])
        own.invoke()
        np.testing.assert_array_equal(found[sample], own.get_tensor(own.get_output_details()[0]["index"])[0])
    assert heard == sorted(heard) and heard[-1] == 1.0


def test_samples_are_chunked_where_they_are_many(monkeypatch):
    content, codes = graphs.converted(_sum, IMAGE, IMAGE), _codes(7, 2)
    whole, = processes.over(content, model_file.read(content), codes, lambda done: None)
    monkeypatch.setattr(processes, "CHUNK_BYTES", 3 * 3 * 32)
    heard = []
    pieces, = processes.over(content, model_file.read(content), codes, heard.append)
    np.testing.assert_array_equal(pieces, whole)
    assert heard == sorted(heard) and heard[-1] == 1.0


def test_abort_of_the_interpreter_is_an_error_that_names_the_operator():
    content = graphs.converted(_aborting_product, IMAGE, IMAGE)
    found = model_file.read(content)
    product = found.name(next(operator for operator in found.operators if operator.kind == "MUL"))
    with pytest.raises(InterpreterError) as caught:
        processes.over(content, found, _codes(2, 2), lambda done: None)
    assert "1 of the 3 operators" in str(caught.value)
    assert "{} (MUL): the process was killed by SIGABRT".format(product) in caught.value.why
    assert "to 7.84314e-05 x (code - 128)" in caught.value.why


def test_kernel_that_never_returns_is_an_error_that_names_the_operator(monkeypatch):
    monkeypatch.setattr(processes, "LONGEST_S", 2)
    content = graphs.converted(_endless_depthwise, ((1, 1, 2049), 0.0, 1.0))
    codes = [np.zeros((1, 1, 1, 2049), np.uint8)]
    with pytest.raises(InterpreterError, match="cannot run 1 of the 1 operators") as caught:
        processes.over(content, model_file.read(content), codes, lambda done: None)
    assert "(DEPTHWISE_CONV_2D): an inference did not return within 2 s" in str(caught.value)


def test_refusal_of_the_interpreter_is_an_error_with_its_words():
    content = graphs.converted(_refused_maximum, IMAGE)
    with pytest.raises(InterpreterError, match="1 of the 2 operators") as caught:
        processes.over(content, model_file.read(content), _codes(2, 1), lambda done: None)
    assert "(REDUCE_MAX): tensorflow/lite/kernels/reduce.cc" in caught.value.why


def test_a_crash_costs_only_one_pass():
    content = graphs.converted(_aborting_product, IMAGE, IMAGE)
    found = model_file.read(content)
    passes = [processes.Pass(1, {tensor.index: np.zeros((1,) + tensor.shape, np.uint8)
                                 for tensor in found.variable_inputs(operator)},
                             [found.tensors[index] for index in operator.outputs],
                             processes.patch.alone(content, found, operator.number)) for operator in found.operators]
    for outcomes in (processes.run(content, passes), list(processes.each(content, passes))):
        assert [isinstance(outcome, processes.Failure) for outcome in outcomes] == [False, True, False]


def test_interpreters_process_dies_with_the_process_that_started_it(tmp_path):
    (tmp_path / "sum.tflite").write_bytes(graphs.converted(_sum, IMAGE, IMAGE))
    program = (
        "import sys, numpy as np\n"
        "from tasks.tflite import model_file\nfrom tasks.tflite.interpreter import processes\n"
        "content = open(sys.argv[1], 'rb').read()\n"
        "codes = [np.zeros((3000000, 4, 4, 2), np.uint8)] * 2\n"
        "processes.over(content, model_file.read(content), codes, lambda done: print(done, flush=True))\n")
    parent = subprocess.Popen([sys.executable, "-c", program, str(tmp_path / "sum.tflite")],
                              stdout=subprocess.PIPE)
    try:
        assert parent.stdout.readline()  # an interpreter is at work
        children = psutil.Process(parent.pid).children()
        assert children and all(worker.__file__ in child.cmdline() for child in children)
    finally:
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
        parent.stdout.close()
    deadline = time.monotonic() + 10
    while any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children):
        assert time.monotonic() < deadline, "it outlives its parent"
        time.sleep(0.05)


def test_worker_loads_no_tensorflow():
    found = subprocess.check_output([
        sys.executable, "-I", "-c",
        "import sys; from tasks.tflite.interpreter import worker; worker._wrapper_in_tensorflow(); "
        "print([name for name in sys.modules if name.split('.')[0] == 'tensorflow'])"])
    assert found.strip() == b"[]"
