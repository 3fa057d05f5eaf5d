"""The checks that run before a stage, in a process of their own."""

import subprocess
import sys
from pathlib import Path

RECIPE = """
data: {dataset: digits}
model: {build: ./net.py}
validate: {%s}
"""
NET = """
import tensorflow as tf
layers = tf.keras.layers

def build(input_shape, classes):
    return tf.keras.Sequential([layers.Flatten(input_shape=input_shape), layers.Dense(8, activation="%s"),
                                layers.Dense(classes)])
"""


def luigi(folder, gates="", activation="relu", before=""):
    (folder / "luigi.cfg").write_text("[octet]\nstore = store\n")
    (folder / "recipe.yaml").write_text(RECIPE % gates)
    (folder / "net.py").write_text(NET % activation)
    command = [str(Path(sys.executable).with_name("luigi")), "--module", "pipeline", "TrainFloat", "--local-scheduler",
               "--recipe", str(folder / "recipe.yaml")]
    return subprocess.run(
        ["sh", "-c", before + 'exec "$@"', "sh"] + command, cwd="/", timeout=200, capture_output=True, text=True,
        env={"PATH": "/usr/bin:/bin", "LUIGI_CONFIG_PATH": str(folder / "luigi.cfg")})


def test_what_cannot_be_uint8_is_refused_before_training_and_nothing_is_made(tmp_path):
    done = luigi(tmp_path, activation="softplus")
    assert done.returncode == 6, done.stderr
    assert "Softplus" in done.stderr and "Traceback" not in done.stderr
    assert not list((tmp_path / "store").glob("artifacts/*/[!.]*"))


def test_a_check_that_lacks_memory_says_how_much_there_is_and_what_to_make_smaller(tmp_path):
    done = luigi(tmp_path, before="ulimit -v 500000; ")
    assert done.returncode == 13, done.stderr
    # A library that gets no memory may end the process by a signal: then it "may have run out of memory".
    assert " out of memory" in done.stderr and "`ulimit -v` allows 512.0 MB" in done.stderr
    assert "make smaller" in done.stderr and "Traceback" not in done.stderr


def test_a_check_sees_sections_that_its_stage_does_not_read(tmp_path):
    assert luigi(tmp_path, gates="max_error: 1").returncode == 3
