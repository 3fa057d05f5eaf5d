"""The guarantees of set-up: pinned by hash, free of addresses, and importable from any folder."""

import ast
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import importlib_metadata
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = sorted(path for path in (ROOT / "scripts").iterdir() if path.is_file())
PACKAGES = ["pipeline", "tasks", "models", "octet"]
LOCK = (ROOT / "requirements.lock").read_text()
PIN = re.compile(r"(?P<name>[a-z0-9-]+)==(?P<version>[\w.]+)")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def locked_entries():
    """A string for each pinned package, with its continuation lines joined."""
    return LOCK.replace("\\\n", " ").splitlines()


def stand_in(folder, name, script):
    """An executable shell script called `name` in `folder`."""
    folder.mkdir(exist_ok=True)
    program = folder / name
    program.write_text("#!/bin/sh\n" + script)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


def checkout_with_scripts(folder):
    """A folder with the files that set-up reads, and no environment."""
    (folder / "scripts").mkdir(parents=True)
    for path in [*SCRIPTS, ROOT / "requirements.lock", ROOT / "pyproject.toml"]:
        copy = folder / path.relative_to(ROOT)
        copy.write_bytes(path.read_bytes())
        copy.chmod(path.stat().st_mode)
    return folder


def test_every_locked_package_is_pinned_and_hashed():
    assert len(locked_entries()) > 40
    for entry in locked_entries():
        pin, *rest = entry.split()
        assert PIN.fullmatch(pin), entry
        hashes = [word for word in rest if HASH.fullmatch(word)]
        assert hashes and hashes == rest, entry


def test_lock_holds_no_address_and_no_path():
    assert not re.search(r"[a-z]+://|/|\bfile:|index-url|find-links|trusted-host", LOCK)


def asked_for(extras=()):
    """The requirements in the package's metadata, with these extras."""
    requirements = [Requirement(line) for line in importlib_metadata.requires("octet")]
    return [requirement for requirement in requirements if requirement.marker is None
            or any(requirement.marker.evaluate({"extra": extra}) for extra in extras)]


def test_lock_pins_what_the_project_asks_for_within_its_bounds():
    pinned = dict(entry.split()[0].split("==") for entry in locked_entries())
    wanted = asked_for(["test", "docs", "parquet"])
    assert len(wanted) > 15
    for requirement in wanted:
        assert requirement.specifier.contains(pinned[canonicalize_name(requirement.name)]), str(requirement)


def test_lock_pins_what_installs_and_builds_it():
    lines = (ROOT / "requirements.in").read_text().splitlines()
    pins = {line for line in lines if not line.startswith("#")}
    assert {pin.split("==")[0] for pin in pins} == {"pip", "setuptools", "wheel"}  # the rest: pyproject.toml
    assert pins <= {entry.split()[0] for entry in locked_entries()}


def test_every_import_of_ours_is_asked_for():
    imported = set()
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Import):
                    imported |= {alias.name.split(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom):
                    imported.add(node.module.split(".")[0])
    asked = {canonicalize_name(requirement.name) for requirement in asked_for(["parquet"])}
    distributions = importlib_metadata.packages_distributions()
    for name in sorted(imported - set(PACKAGES)):
        named = {canonicalize_name(distribution) for distribution in distributions.get(name, [])}
        assert not named or named & asked, "{} comes with {}".format(name, named)
    assert {"numpy", "yaml", "tensorflow"} <= imported


def test_wheel_holds_every_module_recipe_and_embedded_data(tmp_path):
    wheel = build_wheel(tmp_path)
    tracked = [path for path in tracked_files() if path.split("/")[0] in PACKAGES + ["recipes"]]
    assert "recipes/mnist.yaml" in tracked and "octet/datasets/data/digits.npz" in tracked
    with zipfile.ZipFile(str(wheel)) as archive:
        assert [path for path in tracked if path not in archive.namelist()] == []


def tracked_files():
    return subprocess.run(["git", "-C", str(ROOT), "ls-files"], check=True, stdout=subprocess.PIPE,
                          text=True).stdout.split()


def copy_of_the_checkout(folder):
    """The files that git knows, with their present content."""
    for path in tracked_files():
        if (ROOT / path).is_file():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(str(ROOT / path), str(folder / path))
    return folder


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


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(not shutil.which("zstd"), reason="the archive that uv asks for is made with zstd")
def test_setup_fetches_a_python_where_there_is_none(tmp_path):
    mirror = tmp_path / "mirror" / "20200822"  # as uv 0.6.17 asks for it
    mirror.mkdir(parents=True)
    archive_of_this_python(mirror / "cpython-3.7.9-x86_64-unknown-linux-gnu-pgo-20200823T0036.tar.zst")
    checkout = copy_of_the_checkout(tmp_path / "checkout")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").symlink_to(a_later_python())
    env = {"PATH": "{}:/usr/bin:/bin".format(tmp_path / "bin"), "HOME": str(tmp_path), "PYENV_ROOT": str(tmp_path),
           "UV_PYTHON_INSTALL_MIRROR": "file://{}".format(mirror.parent)}
    done = subprocess.run(["make", "setup"], cwd=str(checkout), env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "no Python 3.7 on this machine" in done.stderr
    python = subprocess.run([str(checkout / ".venv/bin/python"), "-c", "import sys; print(sys.base_prefix)"],
                            check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    assert python.startswith(str(checkout / ".tools" / "python"))
    checked = subprocess.run([str(checkout / ".venv/bin/octet"), "check", "digits"], env=env, cwd=str(tmp_path))
    assert checked.returncode == 0
    again = subprocess.run(["make", "setup"], cwd=str(checkout), env=env, stdout=subprocess.PIPE, text=True)
    assert "installing" not in again.stdout


def archive_of_this_python(path):
    """The Python 3.7 that runs the tests, packed like python-build-standalone's."""
    def wanted(item):
        left_out = ("lib/python3.7/test/", "lib/python3.7/site-packages/", "__pycache__")
        return None if any(part in item.name for part in left_out) or item.name.endswith(".a") else item

    with tarfile.open(str(path.with_suffix("")), "w") as archive:
        for name in ("bin", "lib", "include"):
            archive.add(os.path.join(sys.base_prefix, name), "python/install/" + name, filter=wanted)
    subprocess.run(["zstd", "-q", "-1", "--rm", str(path.with_suffix("")), "-o", str(path)], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("python", sorted(Path(os.environ.get("PYENV_ROOT", str(Path.home() / ".pyenv"))).glob(
    "versions/3.[4-9]*/bin/python3")), ids=str)
def test_any_python_fetches_uv(tmp_path, python):
    checkout = checkout_with_scripts(tmp_path / "checkout")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").symlink_to(python)
    done = subprocess.run([str(checkout / "scripts/uv"), "--version"], capture_output=True, text=True,
                          env={"PATH": "{}:/usr/bin:/bin".format(tmp_path / "bin"), "HOME": str(tmp_path)})
    assert done.stdout.strip() == "uv 0.6.17", done.stderr
    assert [path.name for path in (checkout / ".tools/uv-0.6.17").rglob("*") if path.is_file()] == ["uv"]


def test_the_luigi_command_is_ours_and_luigi_is_behind_it():
    assert "from pipeline.scheduling.luigi_command import main" in Path(sys.executable).with_name("luigi").read_text()


def a_later_python():
    """A Python 3.8 or newer, whose pip downloads uv."""
    pyenv = Path(os.environ.get("PYENV_ROOT", str(Path.home() / ".pyenv")))
    for python in [*sorted(map(str, pyenv.glob("versions/3.*/bin/python"))), "/usr/bin/python3"]:
        asked = subprocess.run([python, "-c", "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 8))"],
                               stderr=subprocess.DEVNULL)
        if asked.returncode == 0:
            return python
    pytest.skip("no Python from 3.8 on")


def test_environment_holds_what_the_lock_names():
    frozen = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "freeze", "--all"],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    installed = {line.lower().replace("_", "-") for line in frozen.splitlines()}
    assert {entry.split()[0] for entry in locked_entries()} - installed == set()


def test_import_from_a_hostile_folder_finds_ours(tmp_path):
    for name in ["tasks", "models", "pipeline", "octet"]:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit('not ours')\n")
    (tmp_path / "yaml.py").write_text("raise SystemExit('not ours')\n")
    found = subprocess.run(
        [
            sys.executable,
            "-I",
            "-c",
            "import models, octet, pipeline, tasks, yaml\n"
            "for package in models, octet, pipeline, tasks: print(list(package.__path__)[0])",
        ],
        cwd=str(tmp_path),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout.split()
    assert found == [str(ROOT / name) for name in ["models", "octet", "pipeline", "tasks"]]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_script_is_executable_posix_shell(script):
    assert script.read_text().startswith("#!/bin/sh\n")
    assert os.access(str(script), os.X_OK)
    subprocess.run(["sh", "-n", str(script)], check=True)


def test_make_alone_lists_the_targets():
    listed = subprocess.run(
        ["make", "--no-print-directory", "-C", str(ROOT)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    for target in ["make demo ", "make test ", "make setup "]:
        assert target in listed


def test_setup_without_any_python_says_what_to_install(tmp_path):
    checkout = checkout_with_scripts(tmp_path / "checkout")
    for name in ["python3.7", "python3", "python"]:  # what a pyenv shim with nothing behind it does
        stand_in(tmp_path / "bin", name, "echo 'command not found' >&2; exit 127\n")
    # `uv` stands in as one that cannot download, so that nothing is fetched here.
    stand_in(checkout / "scripts", "uv", "echo 'no route to anywhere' >&2; exit 1\n")
    refused = subprocess.run(
        [str(checkout / "scripts" / "setup")],
        env={"PATH": "{}:/usr/bin:/bin".format(tmp_path / "bin"), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert refused.returncode == 1
    assert "no route to anywhere" in refused.stderr
    assert "looked for python3.7, python3 and python on PATH" in refused.stderr
    assert "install Python 3.7" in refused.stderr
    assert not (checkout / ".venv").exists()


def test_setup_that_stops_half_way_is_not_taken_for_finished(tmp_path):
    checkout = checkout_with_scripts(tmp_path / "checkout")
    (checkout / ".venv").mkdir()
    (checkout / ".venv" / "ready").touch()
    # A Python 3.7 that makes the environment, whose pip then fails.
    stand_in(
        tmp_path / "bin",
        "python3.7",
        'case "$1" in\n'
        "  -c) echo 3.7 ;;\n"
        "  -V) echo Python 3.7 ;;\n"
        '  *) mkdir -p .venv/bin; printf "#!/bin/sh\\nexit 9\\n" >.venv/bin/python\n'
        "     chmod +x .venv/bin/python ;;\n"
        "esac\n",
    )
    stopped = subprocess.run(
        [str(checkout / "scripts" / "setup")],
        env={"PATH": "{}:/usr/bin:/bin".format(tmp_path / "bin"), "HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert stopped.returncode == 9
    assert "setup: done" not in stopped.stdout
    assert not (checkout / ".venv" / "ready").exists()
    assert not (checkout / ".venv" / "installed.lock").exists()
