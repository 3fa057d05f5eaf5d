"""The whole line on the small digits, through the real `luigi`, toco and interpreter."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

LUIGI = Path(sys.executable).with_name("luigi")
RECIPE = """\
data: {dataset: digits}
model: {build: lenet, args: {filters: [8, 16, 16], dense: 32}}
train: {epochs: 6, batch_size: 32}
quantize: {epochs: 2, batch_size: 32}
validate: {max_accuracy_drop: %s, min_accuracy: %s}
"""


def command(folder, stage="ValidateInterpreter"):
    return [str(LUIGI), "--module", "pipeline", stage, "--local-scheduler",
            "--recipe", str(folder / "recipe.yaml")]


def luigi(folder, **options):
    return subprocess.run(command(folder), cwd="/", timeout=240, capture_output=True, text=True,
                          env={"PATH": "/usr/bin:/bin", "LUIGI_CONFIG_PATH": str(folder / "luigi.cfg")})


def prepare(folder, drop="0.05", floor="0.8"):
    (folder / "luigi.cfg").write_text("[octet]\nrecipe = recipe.yaml\nstore = store\nrecipes = .\n")
    (folder / "recipe.yaml").write_text(RECIPE % (drop, floor))
    return folder


def products(folder):
    """{stage/file: sha256} of every product in the store."""
    found = {}
    for path in (folder / "store" / "artifacts").glob("*/*/manifest.json"):
        manifest = json.loads(path.read_text())
        found.update({manifest["stage"] + "/" + output["path"]: output["sha256"]
                      for output in manifest["outputs"] if output["product"]})
    return found


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = prepare(tmp_path_factory.mktemp("line"))
    done = luigi(folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_uint8_file_is_as_good_as_the_fake_quantized_graph(built):
    (path,) = (built / "store" / "artifacts" / "ValidateInterpreter").glob("*/measurement.json")
    measured = json.loads(path.read_text())
    assert measured["samples"] == 400
    label = measured["outputs"]["label"]
    assert label["accuracy"]["uint8"] > 0.8
    assert abs(label["accuracy"]["uint8"] - label["accuracy"]["fake_quantized"]) <= 0.01
    assert sum(map(sum, label["confusion"])) == 400


def test_second_run_makes_nothing(built):
    before = {path: path.stat().st_mtime_ns for path in (built / "store" / "artifacts").rglob("*")}
    done = luigi(built)
    assert done.returncode == 0
    assert "started" not in done.stdout + done.stderr
    assert before == {path: path.stat().st_mtime_ns
                      for path in (built / "store" / "artifacts").rglob("*")}


def test_missed_gate_fails_with_figures_and_measures_nothing_again(built):
    before = products(built)
    prepare(built, floor="1.0")
    try:
        done = luigi(built)
    finally:
        prepare(built)
    assert done.returncode == 10
    assert "min_accuracy" in done.stderr and "Traceback" not in done.stderr
    assert products(built) == before


def test_two_empty_stores_get_the_same_bytes(built, tmp_path):
    assert luigi(prepare(tmp_path)).returncode == 0
    assert products(tmp_path) == products(built)


@pytest.mark.parametrize("victim", ["child", "luigi"])
def test_kill_leaves_no_artifact_and_no_process_and_the_next_run_finishes(tmp_path, victim):
    prepare(tmp_path)
    process = subprocess.Popen(
        command(tmp_path, "TrainFloat"), cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={"PATH": "/usr/bin:/bin", "LUIGI_CONFIG_PATH": str(tmp_path / "luigi.cfg")})
    child = _until(lambda: [p for p in psutil.Process(process.pid).children()
                            if "tasks" in p.cmdline()])[0]
    time.sleep(2)
    (child if victim == "child" else process).send_signal(signal.SIGKILL)
    assert process.wait(timeout=60) != 0
    _until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
    assert products(tmp_path) == {}
    assert luigi(tmp_path).returncode == 0


def _until(condition, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("not within {} s".format(seconds))
