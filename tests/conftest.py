"""How `make test` spreads the tests over its workers, and what it does about Python's garbage collector."""

import gc
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler.loadscope import LoadScopeScheduling

ROOT = Path(__file__).resolve().parent.parent
SHARED = ("tests/export/", "tests/pipeline/cli/verbs/")
"""Folders whose modules share what is made once for a session: in two workers it would be made twice."""
FIRST = (
    "tests/tasks/quantize/test_conversion.py",
    "tests/pipeline/staleness/test_edits.py",
    "tests/export/",
    "tests/octet/recipe/test_hostile.py",
    "tests/tasks/quantize/ranges/test_kernel_limits.py",
    "tests/tasks/training/test_phases.py",
    "tests/test_kills.py",
    "tests/test_bad_inputs.py",
    "tests/attacks/test_attacks.py",
    "tests/pipeline/scheduling/test_concurrent_runs.py",
    "tests/pipeline/store/test_never_recorded.py",
    "tests/test_whole_pipeline.py",
    "tests/test_scheduler.py",
    "tests/pipeline/test_faults.py",
    "tests/pipeline/inputs/test_private_source.py",
    "tests/pipeline/execution/test_resume.py",
    "tests/pipeline/scheduling/test_run_endings.py",
    "tests/pipeline/scheduling/test_run_scheduler.py",
    "tests/pipeline/scheduling/test_run_records.py",
    "tests/pipeline/scheduling/test_verdict.py",
    "tests/docs/test_site.py",
    "tests/test_setup.py",
)
"""Modules and folders of SHARED that take longest, begun in this order. xdist begins with those that have most tests;
many of these have few, and one worker would be left alone with them at the end."""


class ByModule(LoadScopeScheduling):  # type: ignore
    """A module is one worker's, and so is a folder of SHARED: what a fixture makes for all of it is made once."""

    def _split_scope(self, nodeid: str) -> str:
        shared = [folder for folder in SHARED if nodeid.startswith(folder)]
        return shared[0] if shared else super()._split_scope(nodeid)

    def _assign_work_unit(self, node: Any) -> None:
        waiting = [scope for scope in FIRST if scope in self.workqueue]
        if waiting:
            self.workqueue.move_to_end(waiting[0], last=False)
        super()._assign_work_unit(node)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: Any, log: Any) -> ByModule:
    gone = [name for name in SHARED + FIRST if not (ROOT / name).exists()]
    assert not gone, "tests/conftest.py names what is not there: {}".format(", ".join(gone))
    return ByModule(config, log)


def pytest_collection_finish() -> None:
    """What the imports have made stays to the end, and a graph of TensorFlow is thousands of objects that live long:
    the collector would look through all of it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10000, 20, 20)
