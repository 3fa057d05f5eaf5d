"""How `make test` distributes the tests to its workers."""

from typing import Any

import pytest
from xdist.scheduler.loadscope import LoadScopeScheduling

SHARED = ("tests/export/", "tests/pipeline/cli/verbs/")
"""Folders whose modules share a session fixture: two workers would make it twice."""


class ByModule(LoadScopeScheduling):  # type: ignore
    """All tests of a module, or of a folder in SHARED, run in one worker, so that their fixtures are made once."""

    def _split_scope(self, nodeid: str) -> str:
        shared = [folder for folder in SHARED if nodeid.startswith(folder)]
        return shared[0] if shared else super()._split_scope(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: Any, log: Any) -> ByModule:
    return ByModule(config, log)
