"""User code may load tf.contrib, but Octet does not. Each case runs in a process of its own, since a module is loaded
only once."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
STAGES = ("import sys; sys.path.insert(0, {!r})\nimport json\n"
          "from tasks.stages import convert_uint8, eval_graph, freeze, measure, train_float, train_qat\n"
          "from tasks.graph import contrib, io_spec\nimport tensorflow as tf\n".format(str(ROOT)))


def said_by(code, *arguments):
    """The last line that the code prints, which is JSON."""
    done = subprocess.run([sys.executable, "-I", "-c", code] + [str(argument) for argument in arguments],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("use", [
    "import tensorflow.contrib as all_of_it",
    "from tensorflow.contrib.quantize import create_training_graph; all_of_it = tf.contrib; all_of_it.slim"])
def test_no_stage_loads_it_and_user_code_gets_all_of_it(use):
    code = STAGES + (
        "loaded = 'tensorflow.contrib' in sys.modules\n"
        "{}\n"
        "from tensorflow.contrib import quantize, slim\n"
        "tensor = all_of_it.layers.conv2d(tf.zeros([1, 8, 8, 3]), 4, 3)\n"
        "print(json.dumps([loaded, tensor.shape.as_list(), slim is tf.contrib.slim,\n"
        "                  quantize.create_eval_graph is contrib.quantize_graph.create_eval_graph,\n"
        "                  tf.contrib.quantize is quantize]))").format(use)
    assert said_by(code) == [False, [1, 8, 8, 4], True, True, True]


def test_a_graph_with_an_operation_of_contrib_is_read_without_the_code_that_made_it(tmp_path):
    made = tmp_path / "made.pb"
    subprocess.run([sys.executable, "-I", "-c", STAGES + (
        "from pathlib import Path\n"
        "turned = tf.contrib.image.rotate(tf.placeholder(tf.float32, [1, 8, 8, 3], name='input'), 0.5)\n"
        "tf.identity(turned, 'output')\n"
        "io_spec.write_graph(Path(sys.argv[1]), tf.get_default_graph().as_graph_def())"), str(made)],
        check=True, stderr=subprocess.DEVNULL)
    code = STAGES + (
        "from pathlib import Path\n"
        "tf.import_graph_def(io_spec.read_graph(Path(sys.argv[1])), name='')\n"
        "import numpy as np\n"
        "out = tf.Session().run('output:0', {'input:0': np.ones([1, 8, 8, 3])})\n"
        "print(json.dumps([list(out.shape), float(out[0, 4, 4, 0])]))")
    assert said_by(code, made) == [[1, 8, 8, 3], 1.0]
