"""A command that gets no memory reports that, and how much memory there is."""

import resource
import subprocess

import pytest

from tests.pipeline.checkout import Checkout

MB = 1 << 20


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    return Checkout(tmp_path_factory.mktemp("no_memory"))


@pytest.mark.parametrize("limit, option, megabytes", [
    (resource.RLIMIT_DATA, "d", 30), (resource.RLIMIT_AS, "v", 46), (resource.RLIMIT_AS, "v", 56)])
def test_a_lack_of_memory_is_reported(checkout, limit, option, megabytes):
    """Memory runs out while Luigi is imported, while a library of pydantic is loaded, and inside pydantic, which then
    panics."""
    run = subprocess.run(checkout.command(), cwd="/", env=checkout.environment, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, timeout=100,
                         preexec_fn=lambda: resource.setrlimit(limit, (megabytes * MB, megabytes * MB)))
    said = run.stdout.decode()
    assert run.returncode == 13 and "luigi --module pipeline  ran out of memory" in said, said
    assert "`ulimit -{}` allows {:.1f} MB".format(option, megabytes * MB / 1e6) in said and "Traceback" not in said
