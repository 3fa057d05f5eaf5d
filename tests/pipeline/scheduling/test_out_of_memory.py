"""A command that gets no memory reports that, and how much memory there is."""

import subprocess

import pytest

from tests.pipeline.checkout import Checkout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    return Checkout(tmp_path_factory.mktemp("no_memory"))


@pytest.mark.parametrize("option, megabytes", [("d", 30), ("v", 46), ("v", 56)])
def test_a_lack_of_memory_is_reported(checkout, option, megabytes):
    """Memory runs out while Luigi is imported, while a library of pydantic is loaded, and inside pydantic, which then
    panics."""
    limited = ["sh", "-c", 'ulimit -{} {}; exec "$0" "$@"'.format(option, megabytes * 1024), *checkout.command()]
    run = subprocess.run(limited, cwd="/", env=checkout.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         stdin=subprocess.DEVNULL, timeout=100)
    said = run.stdout.decode()
    assert run.returncode == 13 and "luigi --module pipeline  ran out of memory" in said, said
    assert "Traceback" not in said
    assert "`ulimit -{}` allows {:.1f} MB".format(option, megabytes * (1 << 20) / 1e6) in said
