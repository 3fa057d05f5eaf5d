"""The wheel of the package: what it contains, and the commands that it installs."""

import json
import re
import subprocess
import sys
import zipfile

import pytest

from tests.tracked_files import copy_of_the_checkout, tracked_files

PACKAGES = ["pipeline", "tasks", "models", "octet"]


def test_wheel_holds_every_module_recipe_and_embedded_data(tmp_path):
    wheel = build_wheel(tmp_path)
    tracked = [path for path in tracked_files() if path.split("/")[0] in PACKAGES + ["recipes"]]
    assert "recipes/mnist.yaml" in tracked and "octet/datasets/data/digits.npz" in tracked
    with zipfile.ZipFile(str(wheel)) as archive:
        assert [path for path in tracked if path not in archive.namelist()] == []


def build_wheel(folder):
    """The wheel of this checkout. It is built from a copy, because setuptools leaves files beside the source."""
    source = copy_of_the_checkout(folder / "source")
    subprocess.run([sys.executable, "-m", "pip", "-q", "--disable-pip-version-check", "wheel", "--no-deps",
                    "--no-build-isolation", "-w", str(folder), str(source)], check=True)
    (wheel,) = folder.glob("octet-*.whl")
    return wheel


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_installed_package_has_both_commands_and_they_work(tmp_path):
    home, binaries = tmp_path / "home", tmp_path / "venv" / "bin"
    home.mkdir()
    env = {"PATH": "/usr/bin:/bin", "HOME": str(home)}

    def run(*command):
        done = subprocess.run([str(binaries / command[0]), *command[1:]], cwd=str(home), env=env,
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    subprocess.run([str(binaries / "pip"), "-q", "install", str(build_wheel(tmp_path))], check=True)
    store = home / ".local" / "share" / "octet" / "store"
    assert run("octet", "ls") == "no runs in {}\n".format(store)
    assert "pipeline.scheduling.luigi_command" in (binaries / "luigi").read_text()  # Luigi was installed before it
    assert "fit to run" in run("octet", "check", "digits")
    run("luigi", "--module", "pipeline", "ConvertUint8", "--recipe", "digits", "--local-scheduler")
    (model,) = store.glob("artifacts/ConvertUint8/*/model.tflite")
    assert "recipe    digits" in run("octet", "trace", str(model))

    packages, = (tmp_path / "venv" / "lib").glob("python*/site-packages")
    helper = packages / "tasks" / "tflite" / "toco.py"
    helper.write_text(helper.read_text() + "\n\ndef unused():\n    pass\n")
    states = {stage: [said["state"]] + said["reasons"]
              for stage, said in json.loads(run("octet", "why", "digits", "--json")).items()}
    assert [states[stage] for stage in ("TrainFloat", "TrainQAT", "EvalGraph", "Freeze")] == [["fresh"]] * 4
    assert states["ConvertUint8"] == ["stale", "tasks/tflite/toco.py: unused() added"]
    said = subprocess.run([str(binaries / "luigi"), "--module", "pipeline", "ConvertUint8", "--recipe", "digits",
                           "--local-scheduler"], cwd=str(home), env=env, stderr=subprocess.PIPE, text=True).stderr
    assert re.findall(r"^([\w.]+): started$", said, re.MULTILINE) == ["ConvertUint8"]
