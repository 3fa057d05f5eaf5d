"""requirements.lock and requirements-gpu.lock: they pin all packages by hash, without addresses, and the environment
has them."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import importlib_metadata
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.tracked_files import ROOT

PACKAGES = ["pipeline", "tasks", "models", "octet"]
LOCK = (ROOT / "requirements.lock").read_text()
GPU_LOCK = (ROOT / "requirements-gpu.lock").read_text()
PIN = re.compile(r"(?P<name>[a-z0-9-]+)==(?P<version>[\w.]+)")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def locked_entries(lock=LOCK):
    """A string for each pinned package, with its continuation lines joined."""
    return lock.replace("\\\n", " ").splitlines()


@pytest.mark.parametrize("lock", [LOCK, GPU_LOCK], ids=["cpu", "gpu"])
def test_every_locked_package_is_pinned_and_hashed(lock):
    assert len(locked_entries(lock)) > 40
    for entry in locked_entries(lock):
        pin, *rest = entry.split()
        assert PIN.fullmatch(pin), entry
        hashes = [word for word in rest if HASH.fullmatch(word)]
        assert hashes and hashes == rest, entry


@pytest.mark.parametrize("lock", [LOCK, GPU_LOCK], ids=["cpu", "gpu"])
def test_lock_holds_no_address_and_no_path(lock):
    assert not re.search(r"[a-z]+://|/|\bfile:|index-url|find-links|trusted-host", lock)


def test_the_lock_for_gpus_differs_in_tensorflow_alone():
    cpu, gpu = ({entry.split()[0]: entry for entry in locked_entries(lock)} for lock in (LOCK, GPU_LOCK))
    assert set(cpu) - set(gpu) == {"tensorflow==1.14.0"} and set(gpu) - set(cpu) == {"tensorflow-gpu==1.14.0"}
    assert all(cpu[pin] == gpu[pin] for pin in set(cpu) & set(gpu))


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
    asked.add("tensorflow-gpu")  # requirements-gpu.lock has it in the place of tensorflow
    distributions = importlib_metadata.packages_distributions()
    for name in sorted(imported - set(PACKAGES)):
        named = {canonicalize_name(distribution) for distribution in distributions.get(name, [])}
        assert not named or named & asked, "{} comes with {}".format(name, named)
    assert {"numpy", "yaml", "tensorflow"} <= imported


def test_environment_holds_what_the_lock_names():
    frozen = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "freeze", "--all"],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    installed = {line.lower().replace("_", "-") for line in frozen.splitlines()}
    used = Path(sys.prefix, "lock")  # an environment that was made before there were two has no such file
    lock = GPU_LOCK if used.exists() and used.read_text().strip() == "requirements-gpu.lock" else LOCK
    assert {entry.split()[0] for entry in locked_entries(lock)} - installed == set()
