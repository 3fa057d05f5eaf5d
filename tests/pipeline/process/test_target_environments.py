"""Environments for the runtimes of targets: where they are, and what is said when one cannot be made."""

import sys

import pytest

from octet.errors import StoreError
from octet.target_runtimes import DISTRIBUTIONS
from pipeline.process import target_environments


def test_one_that_was_not_finished_is_not_installed(tmp_path, monkeypatch):
    monkeypatch.setenv("OCTET_CACHE", str(tmp_path))
    folder = tmp_path / "targets" / "-".join(DISTRIBUTIONS["micro"])
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").write_text("")
    assert target_environments.installed() == {}
    (folder / target_environments.READY).write_text("")
    assert target_environments.installed() == {"micro": str(folder / "bin" / "python")}
    assert target_environments.install("micro") == str(folder / "bin" / "python")


def test_a_cache_that_cannot_be_written_is_an_error_in_words(tmp_path, monkeypatch):
    (tmp_path / "cache").write_text("a file, no folder")
    monkeypatch.setenv("OCTET_CACHE", str(tmp_path / "cache"))
    with pytest.raises(StoreError) as refused:
        target_environments.install("micro")
    assert "OCTET_CACHE" in refused.value.next_step and str(tmp_path) in refused.value.where


def test_nothing_of_the_working_folder_is_run_and_nothing_goes_elsewhere(tmp_path, monkeypatch):
    """The environment is made by a real Python; the package index is a folder without packages."""
    monkeypatch.setenv("OCTET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(target_environments, "_newer_python", lambda: sys.executable)
    canary = tmp_path / "canary"
    (tmp_path / "here").mkdir()
    for name in ("types.py", "random.py", "venv.py", "pip.py"):
        (tmp_path / "here" / name).write_text("open({!r}, 'w').close()\n".format(str(canary)))
    monkeypatch.chdir(tmp_path / "here")
    for name, value in (("PIP_TARGET", str(tmp_path / "elsewhere")), ("PYTHONPATH", str(tmp_path / "here")),
                        ("PIP_NO_INDEX", "1"), ("PIP_FIND_LINKS", str(tmp_path / "here"))):
        monkeypatch.setenv(name, value)
    with pytest.raises(StoreError, match="tflite-micro==.* cannot be installed") as refused:
        target_environments.install("micro")
    assert "No matching distribution" in refused.value.why
    assert not canary.exists() and not (tmp_path / "elsewhere").exists()


def test_an_environment_that_cannot_be_made_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setenv("OCTET_CACHE", str(tmp_path))
    monkeypatch.setattr(target_environments, "_newer_python", lambda: "/bin/false")
    with pytest.raises(StoreError, match="tflite-micro==.* cannot be installed"):
        target_environments.install("micro")
    assert [path.name for path in (tmp_path / "targets").iterdir()] == ["-".join(DISTRIBUTIONS["micro"]) + ".lock"]
