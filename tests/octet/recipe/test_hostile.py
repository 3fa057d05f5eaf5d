"""Every case of the table `hostile.py`, through the command, in a process with bounded memory and time."""

import importlib
import os
import resource
import signal
import sys
import traceback
from pathlib import Path

import pytest

from octet.datasets import digits, image_folder, npz  # noqa: F401

# The modules that a command imports are imported here, once for all cases.
from octet.recipe import loading, schema  # noqa: F401
from pipeline.cli import main
from tests.octet.recipe.hostile import CASES

for verb in main.verbs():  # the command imports all verbs
    importlib.import_module("pipeline.cli.verbs." + verb)

CPU_SECONDS = 10
SECONDS = 60  # wall time, for commands that hang; the machine may be busy
MOST_BYTES = 1 << 30  # in addition to what the process has already
CONFIG = "[octet]\nrecipe = ./recipe.yaml\nstore = store\nrecipes = .\n"
BIN = Path(sys.executable).parent


def lay_out(case, folder):
    for name, content in {"luigi.cfg": CONFIG, **case.files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if callable(content):
            content(path)
        else:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())


def expect(case, folder, code, said):
    codes = case.code if isinstance(case.code, tuple) else (case.code,)
    assert code in codes, "exit code {}, not {}\n{}".format(code, case.code, said[-3000:])
    assert "Traceback" not in said
    assert len(said) < 40000
    missing = [words for words in case.words if words.format(folder=folder) not in said]
    assert not missing, said
    if code:
        assert said.strip()


def bounded(argv, folder, cache):
    """The exit code of the command in a process that may use 1 GiB and ten seconds of CPU time. It is forked from this
    process: a new Python would take half a second, 860 times."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    code = 70
    try:
        os.chdir(str(folder))
        os.environ.update(LUIGI_CONFIG_PATH=str(folder / "luigi.cfg"), OCTET_CACHE=str(cache))
        with open(str(folder / ".said"), "wb") as out:
            os.dup2(out.fileno(), 1)
            os.dup2(out.fileno(), 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        sys.stdout, sys.stderr = (open(number, "w", errors=errors, closefd=False) for number, errors in (
            (1, "strict"), (2, "backslashreplace")))
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(SECONDS)
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS,) * 2)
        taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + MOST_BYTES,) * 2)
        code = main.main(list(argv))
    except BaseException:
        traceback.print_exc()
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """Computes the digests of Octet's own source once. Looks up the functions that most cases name, too: else each fork
    would read and parse their source."""
    folder = tmp_path_factory.mktemp("cache")
    (folder / "recipe.yaml").write_text("data: {dataset: digits}\nmodel: {build: lenet}\n")
    loading.load(folder / "recipe.yaml")
    return folder


@pytest.mark.parametrize("case", CASES, ids=lambda case: ascii(case.name).strip("'")[:60])
def test_mistakes_are_reported_in_words(case, tmp_path, cache):
    lay_out(case, tmp_path)
    status = bounded(case.argv, tmp_path, cache)
    said = (tmp_path / ".said").read_text(encoding="utf-8", errors="backslashreplace")
    assert os.WIFEXITED(status), "killed by signal {}\n{}".format(os.WTERMSIG(status), said[-3000:])
    expect(case, tmp_path, os.WEXITSTATUS(status), said)


def test_no_two_cases_have_one_name():
    names = [case.name for case in CASES]
    assert sorted(names) == sorted(set(names))
