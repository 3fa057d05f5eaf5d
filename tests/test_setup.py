"""What set-up promises: pinned by hash, free of addresses, and importable from anywhere."""

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = sorted(path for path in (ROOT / "scripts").iterdir() if path.is_file())
LOCK = (ROOT / "requirements.lock").read_text()
PIN = re.compile(r"(?P<name>[a-z0-9-]+)==(?P<version>[\w.]+)")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def locked_entries():
    """One string for each pinned package, its continuation lines joined."""
    return LOCK.replace("\\\n", " ").splitlines()


def stand_in(folder, name, script):
    """An executable shell script called `name` in `folder`."""
    folder.mkdir(exist_ok=True)
    program = folder / name
    program.write_text("#!/bin/sh\n" + script)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


def checkout_with_scripts(folder):
    """A folder with what set-up reads, and no environment."""
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


def test_lock_pins_all_that_requirements_in_names():
    wanted = {
        line.split("#")[0].strip()
        for line in (ROOT / "requirements.in").read_text().splitlines()
        if line.split("#")[0].strip()
    }
    assert wanted <= {entry.split()[0] for entry in locked_entries()}


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
