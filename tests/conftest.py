"""How `make test` spreads the tests over its workers."""

from typing import Any

import pytest
from xdist.scheduler.loadscope import LoadScopeScheduling

SHARED = ("tests/export/", "tests/pipeline/cli/verbs/")
"""Folders whose modules share what is made once for a session: in two workers it would be made twice."""


class ByModule(LoadScopeScheduling):  # type: ignore
    """A module is one worker's, and so is a folder of SHARED: what a fixture makes for all of it is made once."""

    def _split_scope(self, nodeid: str) -> str:
        shared = [folder for folder in SHARED if nodeid.startswith(folder)]
        return shared[0] if shared else super()._split_scope(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: Any, log: Any) -> ByModule:
    return ByModule(config, log)
