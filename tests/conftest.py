"""How `make test` distributes the tests to its workers, and what it does about Python's garbage collector."""

import gc
import os
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler.loadscope import LoadScopeScheduling

ROOT = Path(__file__).resolve().parent.parent
SHARED = ("tests/export/", "tests/pipeline/cli/verbs/")
"""Folders whose modules share a session fixture: two workers would make it twice."""
FIRST = (
    "tests/octet/recipe/test_hostile.py",  # it forks: TensorFlow must have no threads yet
    "tests/tasks/quantize/test_conversion.py",
    "tests/pipeline/staleness/test_edits.py",
    "tests/export/",
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
    "tests/test_wheel.py",
)
"""Modules and folders of SHARED that take longest, started in this order. xdist starts with those that have most tests;
many of these have few, and at the end one worker alone would run them."""


class ByModule(LoadScopeScheduling):  # type: ignore
    """All tests of a module, or of a folder in SHARED, run in one worker, so that their fixtures are made once."""

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
    """Objects that the imports have made stay to the end, and a graph of TensorFlow is thousands of objects that live
    long: the collector would look through all of them again and again. In a fork it leaves alone what the process had:
    to close a TensorFlow session there waits forever for threads that a fork does not have."""
    os.register_at_fork(after_in_child=gc.freeze)
    gc.collect()
    gc.freeze()
    gc.set_threshold(10000, 20, 20)
