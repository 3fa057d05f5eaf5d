"""Commands started in an unusual environment, and unexpected errors: an error message, and no traceback."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.pipeline.checkout import Checkout

BIN = Path(sys.executable).parent


def run(words, folder="/", prefix=(), **env):
    done = subprocess.run(list(prefix) + [str(BIN / words[0])] + list(words[1:]), cwd=str(folder), timeout=60,
                          env=dict({"PATH": "/usr/bin:/bin"}, **env), capture_output=True)
    return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "luigi.cfg"
    path.write_text("[octet]\nstore = here\nrecipes = .\n")
    return {"LUIGI_CONFIG_PATH": str(path)}


LUIGI = ["luigi", "--module", "pipeline", "ConvertUint8", "--local-scheduler", "--recipe", "no/such.yaml"]
LS = ["octet", "ls"]


@pytest.mark.parametrize("words, code", [
    (LUIGI, 3), (LS, 0), (["octet", "--help"], 0), (["octet", "why", "--help"], 0)])
def test_without_docstrings(config, words, code):
    found, out, err = run(words, PYTHONOPTIMIZE="2", **config)
    assert found == code and "Traceback" not in out + err, out + err


@pytest.mark.parametrize("setting, told", [
    ("[worker]\nping_interval = abc\n", "ping_interval"), ("[worker]\nwait_interval = 0\n", "wait_interval is 0"),
    ("[worker]\nping_interval = nan\n", "ping_interval is nan"), ("[worker]\ntimeout = soon\n", "timeout"),
    ("[scheduler]\nretry_delay = abc\n", "retry_delay"), ("[resources]\nmemory = much\n", "much"),
    ("[core]\nrpc-retry-attempts = few\ndefault-scheduler-url = http://127.0.0.1:1/\n", "few"),
    ("[email]\nformat = letter\n", "letter")])
def test_an_invalid_setting_of_luigi_is_named(config, setting, told):
    with open(config["LUIGI_CONFIG_PATH"], "a") as file:
        file.write(setting)
    words = [word for word in LUIGI if word != "--local-scheduler" or "url" not in setting]
    code, out, err = run(words, **config)
    assert code == 2 and told in err and setting.partition("]")[0] in err and "Traceback" not in err, err


@pytest.mark.parametrize("words, told", [
    (["ConvertUint8", "--recipe", "digits"], "luigi --module pipeline ConvertUint8 --recipe digits"),
    (["--recipe", "digits", "TrainQAT"], "--module is missing"),
    (["--module", "pipelines", "ConvertUint8"], "no module named 'pipelines'"),
    (["--module=pipelines", "ConvertUint8"], "luigi --module pipeline STAGE"),
    (["--module", "", "ConvertUint8"], "no module named ''")])
def test_module_that_is_forgotten_or_misspelt(words, told):
    code, out, err = run(["luigi"] + words)
    assert code == 2 and told in err and "Traceback" not in err, err


@pytest.mark.parametrize("words", [LUIGI, LS])
def test_working_folder_that_was_removed(tmp_path, config, words):
    gone = tmp_path / "gone"
    gone.mkdir()
    code, out, err = run(words, folder=gone, prefix=["sh", "-c", 'rmdir "$PWD"; exec "$@"', "sh"], **config)
    assert code == 2 and "working folder cannot be used" in err and str(gone) in err and "Traceback" not in err, err


def test_no_writable_folder_for_temporary_files(tmp_path, config):
    if os.getuid() == 0:
        probe = subprocess.run(["unshare", "--mount", "true"], capture_output=True)
        if probe.returncode:
            pytest.skip("no mount namespace can be had")
        read_only = ["unshare", "--mount", "sh", "-c", 'mount -o remount,bind,ro / && exec "$@"', "sh"]
        mounted = subprocess.run(read_only + ["sh", "-c", "! touch /tmp/probe /var/tmp/probe 2>/dev/null"])
        if mounted.returncode:
            pytest.skip("/ cannot be made read-only")
        prefix = read_only
    else:
        pytest.skip("needs root to make the machine's own temporary folders read-only")
    for words in LUIGI, ["octet", "check", "digits"]:
        code, out, err = run(words, prefix=prefix, **config)
        assert code == 2 and "no folder for temporary files" in err and "set TMPDIR" in err, err
        assert "Traceback" not in err


@pytest.mark.parametrize("words", [LUIGI, LS])
def test_luigi_cfg_that_cannot_be_read_is_an_error(tmp_path, words):
    unreadable = tmp_path / "luigi.cfg"
    unreadable.symlink_to("/proc/self/mem")  # a file that even root can open and not read
    for folder, env in ((tmp_path, {}), ("/", {"LUIGI_CONFIG_PATH": str(unreadable)})):
        code, _, err = run(words, folder=folder, **env)
        assert code == 2 and "luigi.cfg  cannot be read" in err and "Traceback" not in err, err


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to be somebody else")
def test_luigi_cfg_of_somebody_else_is_an_error():
    code = ("import os, sys; from pipeline import settings; from octet.errors import UsageError; os.setuid(65534)\n"
            "try:\n    settings.load()\nexcept UsageError as error:\n    print(error)\n")
    with tempfile.TemporaryDirectory() as folder:  # unlike pytest's folder, others can reach it
        os.chmod(folder, 0o755)
        path = Path(folder) / "luigi.cfg"
        path.write_text("[octet]\nstore = here\n")
        path.chmod(0o600)
        done = subprocess.run([sys.executable, "-c", code], env={"LUIGI_CONFIG_PATH": str(path)},
                              cwd=str(Path(__file__).parents[3]), capture_output=True, text=True)
    assert "cannot be read: Permission denied" in done.stdout and not done.stderr, done


@pytest.mark.parametrize("encoding", ["utf-8:strict", "ascii:strict"])
def test_file_name_that_is_no_text_is_printed_escaped(tmp_path, config, encoding):
    name = os.path.join(os.fsencode(str(tmp_path)), b"n\xff\xe4.yaml")
    Path(os.fsdecode(name)).write_text("data: 3\n")
    for words in (["luigi", "--module", "pipeline", "ConvertUint8", "--local-scheduler", "--recipe", name],
                  ["octet", "why", name], ["octet", "check", name], ["octet", "trace", name]):
        code, out, err = run(words, PYTHONIOENCODING=encoding, **config)
        assert code in (3, 11) and ".yaml" in err and "Traceback" not in err, err
    code, out, err = run(LS, PYTHONIOENCODING=encoding, **config)
    assert code == 0 and "exit 3" in out, out + err


@pytest.mark.parametrize("words, redirected, code", [
    (["octet", "--help"], "| true", 0), (LS, ">/dev/full", 1), (LS, ">&-", 0), (LS, "| true", 0)])
def test_verb_whose_output_goes_nowhere(config, words, redirected, code):
    found, out, err = run(words[:1], prefix=["bash", "-c", 'set -o pipefail; "$0" {} {}'.format(
        " ".join(words[1:]), redirected)], **config)
    assert found == code and "Exception ignored" not in err and "Traceback" not in err, err
    assert (code == 0) == (err == ""), err


# Unexpected errors

@pytest.fixture(scope="module")
def spoilt(tmp_path_factory):
    """A checkout whose code has a fault."""
    return Checkout(tmp_path_factory.mktemp("spoilt"))


def told(code, said):
    """The error's line, and the file with the traceback that it names."""
    assert code == 1 and "Traceback" not in said, said
    assert "unexpected ZeroDivisionError: division by zero\n" in said and said.count("unexpected") == 1, said
    path, = re.findall(r"please report it, with the traceback in (\S+)$", said, re.MULTILINE)
    text = Path(path).read_text()
    os.unlink(path)
    return text


@pytest.mark.parametrize("place, old, workers", [
    ("inputs/key.py", "def of(", "1"),  # called while Luigi schedules
    ("process/child.py", "def run(", "1"), ("process/child.py", "def run(", "2"),
    ("inputs/snapshot.py", "def take(", "1"), ("scheduling/run.py", "def _read_config(", "1")])
def test_error_that_nobody_expected_in_a_run(spoilt, place, old, workers):
    path = spoilt.root / "pipeline" / place
    before = path.read_text()
    name = old[4:-1]
    path.write_text(before + "\n\ndef {}(*_, **__):\n    1 / 0\n".format(name))
    try:
        done = spoilt.luigi("--workers", workers)
    finally:
        path.write_text(before)
    text = told(done.code, done.said)
    assert "ZeroDivisionError" in text and place in text and "--module pipeline" in text


@pytest.mark.parametrize("verb", [
    ["ls"], ["why"], ["check", "faces"], ["gc"], ["verify"], ["force", "faces", "Freeze"],
    ["accept", "faces", "Freeze"]])
def test_error_that_nobody_expected_in_a_verb(spoilt, verb):
    path = spoilt.root / "pipeline" / "settings.py"
    before = path.read_text()
    path.write_text(before + "\n\ndef load():\n    1 / 0\n")
    try:
        done = spoilt.octet(*verb)
    finally:
        path.write_text(before)
    text = told(done.returncode, done.stderr)
    assert "settings.py" in text and done.stderr.startswith("octet {}  unexpected".format(verb[0]))
