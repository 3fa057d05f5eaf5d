"""A command that may open too few files says so before it begins, and what it advises is enough."""

import subprocess

import pytest

from tests.pipeline.checkout import Checkout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    return Checkout(tmp_path_factory.mktemp("open_files"))


def _run(checkout, limit, *command):
    done = subprocess.run(["bash", "-c", 'ulimit -n {}; exec "$@"'.format(limit), "bash", *command], cwd="/",
                          env=checkout.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          stdin=subprocess.DEVNULL, timeout=100)
    return done.returncode, done.stdout.decode()


@pytest.mark.parametrize("limit", [6, 31])
def test_a_limit_of_open_files_that_is_too_low_is_told_before_anything_begins(checkout, limit):
    for command in (checkout.command(), [str(checkout.python), "-m", "pipeline.cli.main", "ls"]):
        code, said = _run(checkout, limit, *command)
        assert code == 13 and "this process may have {} files open at once".format(limit) in said, said
        assert "`ulimit -n 1024`" in said and "Traceback" not in said
    assert not checkout.store.exists()


def test_the_least_and_the_advised_limit_are_enough_for_a_run(checkout):
    for limit in (32, 1024):
        code, said = _run(checkout, limit, *checkout.command("--workers", "4"))
        assert code == 0, said
