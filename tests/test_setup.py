"""`make setup`, its scripts and the commands that it installs."""

import os
import shutil
import stat
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.tracked_files import ROOT, copy_of_the_checkout

SCRIPTS = sorted(path for path in (ROOT / "scripts").iterdir() if path.is_file())


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
    for path in [*SCRIPTS, ROOT / "requirements.lock", ROOT / "requirements-gpu.lock", ROOT / "Makefile",
                 ROOT / "pyproject.toml"]:
        copy = folder / path.relative_to(ROOT)
        copy.write_bytes(path.read_bytes())
        copy.chmod(path.stat().st_mode)
    return folder


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


def made_with(checkout, *arguments):
    """The locks that `make setup` gives to scripts/setup. A script that only notes them is in its place."""
    (checkout / "used").write_text("")
    subprocess.run(["make", "setup", *arguments], cwd=str(checkout), check=True, stdout=subprocess.PIPE)
    return (checkout / "used").read_text().split()


def test_the_environment_keeps_the_lock_that_it_was_made_with(tmp_path):
    checkout = checkout_with_scripts(tmp_path / "checkout")
    stand_in(checkout / "scripts", "setup", """
mkdir -p .venv; echo "$1" >.venv/lock; echo "$1" >>used; touch .venv/ready
""")
    assert made_with(checkout) == ["requirements.lock"]
    assert made_with(checkout) == []
    assert made_with(checkout, "GPU=1") == ["requirements-gpu.lock"]
    assert made_with(checkout) == made_with(checkout, "GPU=1") == []
    os.utime(str(checkout / "requirements-gpu.lock"), (2e9, 2e9))
    assert made_with(checkout) == ["requirements-gpu.lock"]
    assert made_with(checkout, "GPU=0") == ["requirements.lock"]
    assert made_with(checkout, "GPU=0") == []
    refused = subprocess.run(["make", "setup", "GPU=yes"], cwd=str(checkout), capture_output=True, text=True)
    assert refused.returncode and "GPU=yes: write GPU=1" in refused.stderr
