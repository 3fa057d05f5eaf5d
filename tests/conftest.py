"""How `make test` distributes the tests to its workers, what ends a test that hangs, and what is done about forks and
Python's garbage collector."""

import faulthandler
import gc
import os
import signal
import threading
from pathlib import Path
from typing import Any, Iterator, List

import pytest
from xdist.scheduler.loadscope import LoadScopeScheduling

from octet.job import THREADS

# As in a stage's process: a test that runs a stage in its own process must get the same bytes.
os.environ["TF_NUM_INTRAOP_THREADS"] = str(THREADS)
ROOT = Path(__file__).resolve().parent.parent
SHARED = ("tests/export/", "tests/pipeline/cli/verbs/")
"""Folders whose modules share a session fixture: two workers would make it twice."""
FORKING = (
    "tests/octet/recipe/test_hostile.py",
    "tests/pipeline/process/",
    "tests/pipeline/inputs/test_snapshot.py",
    "tests/pipeline/inputs/test_private_source.py",
)
"""Folders and modules whose tests fork their own process, or start processes with Python code between fork and exec.
Such a fork may never end where TensorFlow has threads: so they come before all tests that run a session."""
FIRST = (
    *FORKING,
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
    "tests/pipeline/execution/test_resume.py",
    "tests/pipeline/scheduling/test_run_endings.py",
    "tests/pipeline/scheduling/test_run_scheduler.py",
    "tests/pipeline/scheduling/test_run_records.py",
    "tests/pipeline/scheduling/test_verdict.py",
    "tests/docs/test_site.py",
    "tests/test_setup.py",
    "tests/test_wheel.py",
)
"""Modules and folders that are started first, in this order: those that fork, then those that take longest. xdist
starts with those that have most tests; many of these have few, and at the end one worker alone would run them."""


class ByModule(LoadScopeScheduling):  # type: ignore
    """All tests of a module, or of a folder in SHARED, run in one worker, so that their fixtures are made once."""

    def _split_scope(self, nodeid: str) -> str:
        shared = [folder for folder in SHARED if nodeid.startswith(folder)]
        return shared[0] if shared else super()._split_scope(nodeid)

    def _assign_work_unit(self, node: Any) -> None:
        waiting = [scope for first in FIRST for scope in self.workqueue if scope.startswith(first)]
        if waiting:
            self.workqueue.move_to_end(waiting[0], last=False)
        super()._assign_work_unit(node)

    def remove_node(self, node: Any) -> Any:
        """As xdist, but a test that has ended its worker is not run again, nor given out what has been run."""
        left = [(name, test) for name, tests in self.assigned_work[node].items()
                for test, has_run in tests.items() if not has_run]
        if left:
            name, ended = left[0]
            self.assigned_work[node][name][ended] = True
        for name in set(self.assigned_work[node]) - {name for name, _ in left[1:]}:
            del self.assigned_work[node][name]
        super().remove_node(node)
        return left[0][1] if left else None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: Any, log: Any) -> ByModule:
    gone = [name for name in SHARED + FIRST if not (ROOT / name).exists()]
    assert not gone, "tests/conftest.py names what is not there: {}".format(", ".join(gone))
    return ByModule(config, log)


def pytest_configure() -> None:
    """Lets Ctrl-C reach the processes that tests start, although this one may have been started to ignore it, as with
    `nohup ... &`."""
    global _stderr
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _stderr = os.dup(2)  # during a test, pytest captures what is written to 2


def pytest_collection_modifyitems(items: List[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.nodeid.startswith(FORKING))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Ends the worker, after the stacks of its threads, if a test hangs where no exception reaches it: xdist then names
    the test, and runs the others in a new worker."""
    marker = item.get_closest_marker("timeout")
    limit_s = marker.args[0] if marker else float(item.config.getini("timeout"))
    faulthandler.dump_traceback_later(limit_s + 60, exit=True, file=_stderr)
    yield
    faulthandler.cancel_dump_traceback_later()


_stderr = 2
_native_threads = 0
_unsafe_forks: List[str] = []


@pytest.fixture(autouse=True)
def _forks_are_safe() -> Iterator[None]:
    yield
    unsafe = _unsafe_forks[:]
    _unsafe_forks.clear()
    assert not unsafe, "forked with threads of TensorFlow, see FORKING in tests/conftest.py: {}".format(unsafe)


def _count_native_threads() -> int:
    """How many threads this process has that Python did not start."""
    return len(os.listdir("/proc/self/task")) - threading.active_count()


def _before_fork() -> None:
    if _count_native_threads() > _native_threads + 2:  # one of faulthandler, and one that starts or ends just now
        _unsafe_forks.append(os.environ.get("PYTEST_CURRENT_TEST", "between tests"))


def pytest_collection_finish() -> None:
    """Objects that the imports have made stay to the end, and a graph of TensorFlow is thousands of objects that live
    long: the collector would look through all of them again and again. In a fork it leaves alone what the process had:
    to close a TensorFlow session there waits forever for threads that a fork does not have."""
    global _native_threads
    _native_threads = _count_native_threads()
    os.register_at_fork(before=_before_fork, after_in_child=gc.freeze)
    gc.collect()
    gc.freeze()
    gc.set_threshold(10000, 20, 20)
