"""Environments for the runtimes of targets: their place, and the errors if one cannot be made."""

import os
import sys
import zipfile

import pytest

from octet.errors import StoreError
from octet.target_runtimes import DISTRIBUTIONS
from pipeline.files import trust
from pipeline.process import target_environments


def test_an_unfinished_environment_does_not_count_as_installed(tmp_path, monkeypatch):
    monkeypatch.setenv("OCTET_CACHE", str(tmp_path))
    folder = tmp_path / "targets" / "-".join(DISTRIBUTIONS["micro"])
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").write_text("")
    assert target_environments.installed() == {}
    (folder / target_environments.READY).write_text("")
    assert target_environments.installed() == {"micro": str(folder / "bin" / "python")}
    assert target_environments.install("micro") == str(folder / "bin" / "python")


def test_a_cache_that_cannot_be_written_is_an_error(tmp_path, monkeypatch):
    (tmp_path / "cache").write_text("a file, no folder")
    monkeypatch.setenv("OCTET_CACHE", str(tmp_path / "cache"))
    with pytest.raises(StoreError) as refused:
        target_environments.install("micro")
    assert "OCTET_CACHE" in refused.value.next_step and str(tmp_path) in refused.value.where


def test_nothing_of_the_working_folder_is_run_and_nothing_goes_elsewhere(tmp_path, monkeypatch):
    """A real Python makes the environment; the package index is an empty folder."""
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


@pytest.mark.parametrize("damage, said", [
    (lambda folder: os.chown(str(folder / "lib" / "module.py"), 65534, -1), "owns it"),
    (lambda folder: os.lchown(str(folder / "bin" / "python"), 65534, -1), "owns it"),
    (lambda folder: os.chown(str(folder), 65534, -1), "owns it"),
    (lambda folder: (folder / "lib" / "module.py").chmod(0o666), "every user can write to it"),
    (lambda folder: (folder / "lib").chmod(0o777), "every user can write to it"),
    (lambda folder: folder.parents[1].chmod(0o777), "every user can write to it"),
    (lambda folder: (os.chown(str(folder), -1, 65534), folder.chmod(0o775)), "its group can write to it"),
], ids=["file", "link", "folder", "mode of a file", "mode of a folder", "above", "group"])
def test_an_environment_that_others_own_or_can_write_to_is_refused(tmp_path, monkeypatch, damage, said):
    if os.getuid():
        pytest.skip("only root can give files away")
    monkeypatch.setenv("OCTET_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "cache" / "targets" / "-".join(DISTRIBUTIONS["micro"])
    (folder / "bin").mkdir(parents=True)
    (folder / "lib").mkdir()
    (folder / "bin" / "python").symlink_to(sys.executable)
    (folder / "lib" / "module.py").write_text("")
    (folder / target_environments.READY).write_text("")
    assert set(target_environments.installed()) == {"micro"}
    damage(folder)
    for refused in (target_environments.installed, lambda: target_environments.install("micro")):
        with pytest.raises(StoreError, match="it does not belong to this user alone") as caught:
            refused()
        assert said in caught.value.what and str(tmp_path / "cache") in caught.value.where
    monkeypatch.setenv("OCTET_CACHE", str(tmp_path / "own"))  # the advice of the error
    assert target_environments.installed() == {}


def test_a_sticky_folder_above_is_accepted(tmp_path):
    (tmp_path / "cache").mkdir()
    tmp_path.chmod(0o1777)
    if not os.getuid():
        trust.expect_own_place(tmp_path / "cache", "", "")
    with pytest.raises(StoreError, match="every user can write to it"):
        trust.expect_own_place(tmp_path, "", "")


def test_settings_of_pip_cannot_install_elsewhere(tmp_path, monkeypatch):
    """Real pip, which installs a small wheel from a folder that its settings name."""
    name, version = DISTRIBUTIONS["micro"]
    wheels, elsewhere = tmp_path / "wheels", tmp_path / "elsewhere"
    wheels.mkdir()
    stem = "{}-{}".format(name.replace("-", "_"), version)
    with zipfile.ZipFile(str(wheels / (stem + "-py3-none-any.whl")), "w") as wheel:
        wheel.writestr("small.py", "")
        for member, text in (("METADATA", "Metadata-Version: 2.1\nName: {}\nVersion: {}\n".format(name, version)),
                             ("WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"),
                             ("RECORD", "")):
            wheel.writestr("{}.dist-info/{}".format(stem, member), text)
    (tmp_path / "pip.conf").write_text("[global]\nno-index = true\nfind-links = {}\n[install]\ntarget = {}\n".format(
        wheels, elsewhere))
    for variable in [variable for variable in os.environ if variable.startswith("PIP_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("PIP_ROOT", str(elsewhere))
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("OCTET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(target_environments, "_newer_python", lambda: sys.executable)
    before = os.umask(0o002)
    try:
        python = target_environments.install("micro")
    finally:
        os.umask(before)
    assert target_environments.installed() == {"micro": python} and not elsewhere.exists()
    assert [str(path.relative_to(tmp_path).parts[0]) for path in tmp_path.rglob("small.py")] == ["cache"]


def test_an_environment_that_cannot_be_made_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setenv("OCTET_CACHE", str(tmp_path))
    monkeypatch.setattr(target_environments, "_newer_python", lambda: "/bin/false")
    with pytest.raises(StoreError, match="tflite-micro==.* cannot be installed"):
        target_environments.install("micro")
    assert [path.name for path in (tmp_path / "targets").iterdir()] == ["-".join(DISTRIBUTIONS["micro"]) + ".lock"]
