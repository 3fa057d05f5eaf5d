"""CPU seconds of each process of a run of `digits`, and of the imports before its work.

    python -m benchmarks.fixed_cost             prints two tables in Markdown

The CPU seconds of a process include those of its children, such as toco and the interpreter.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Tuple

from octet.job import Job
from pipeline.process import child, fork_client, new_process
from pipeline.scheduling import luigi_command
from pipeline.terminal import startup

ROOT = Path(__file__).resolve().parents[1]
TURNS = 5
STARTS = {
    "Python": "pass",
    "and numpy": "import numpy",
    "and TensorFlow": "import tensorflow",
    "and tf.contrib.quantize": "import sys; sys.path.insert(0, {!r}); from tasks.graph import contrib".format(
        str(ROOT)),
    "and all of tf.contrib": "import tensorflow.contrib",
}
FORKED = """
import json, os, sys
os.read(int(sys.argv[2]), 65536)
import tensorflow
os.write(int(sys.argv[1]), b'{"metrics": {}}\\n')
os._exit(0)
"""


def starts() -> Iterator[Tuple[str, float]]:
    """(what a new process imports, median of its CPU seconds) for each of STARTS, and at last for a fork of the fork
    server."""
    for name, code in STARTS.items():
        yield name, statistics.median(_cpu_s(new_process.PYTHON + ["-c", code]) for _ in range(TURNS))
    yield "a fork of the server", statistics.median(_forks())


def _cpu_s(command: List[str]) -> float:
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = status
    return float(usage.ru_utime + usage.ru_stime)


def _forks() -> List[float]:
    found: Dict[str, List[float]] = {}
    fork_client.allow()
    fork_client.start_for({fork_client.MODULE})
    try:
        with tempfile.TemporaryDirectory(prefix="octet-bench-") as folder, _watched(found):
            script = Path(folder) / "script.py"
            script.write_text(FORKED)
            for turn in range(TURNS):
                job = Job("fork", {}, {}, str(Path(folder) / str(turn)), "")
                child.run(job, lambda fraction, message: None, Path(folder) / "log",
                          lambda source: new_process.PYTHON + [str(script)], modules={fork_client.MODULE})
    finally:
        fork_client.stop()
    return found["fork"]


class _watched:
    """A context manager. found: {stage: CPU seconds of each of its processes}, to which the block adds."""

    def __init__(self, found: Dict[str, List[float]]) -> None:
        self.found, self.run = found, child.run

    def __enter__(self) -> None:
        def run(job: Job, *arguments: object, **named: object) -> object:
            before = [kind.end for kind in kinds]

            def end_of(end: Callable) -> Callable:
                def ended(process: object) -> object:
                    result = end(process)
                    self.found.setdefault(job.stage, []).append(result.cpu_s or 0.0)
                    return result
                return ended
            for kind, end in zip(kinds, before):
                kind.end = end_of(end)
            try:
                return self.run(job, *arguments, **named)
            finally:
                for kind, end in zip(kinds, before):
                    kind.end = end
        kinds = (child.NewProcess, child.ForkedProcess)
        child.run = run

    def __exit__(self, *raised: object) -> None:
        child.run = self.run


def whole_run(folder: Path) -> None:
    """Runs `luigi` in this process, and prints the CPU seconds of each of its processes."""
    (folder / "luigi.cfg").write_text(
        "[octet]\nrecipe = digits\nstore = store\nrecipes = {}\n".format(ROOT / "recipes"))
    os.environ.update(LUIGI_CONFIG_PATH=str(folder / "luigi.cfg"), OCTET_CACHE=str(folder / "cache"))
    startup.begin()
    found: Dict[str, List[float]] = {}
    started = time.perf_counter()
    try:
        with _watched(found):
            luigi_command.take_over(["--module", "pipeline", "Export", "--local-scheduler"])
    except SystemExit as end:
        code = end.code
    took, times = time.perf_counter() - started, os.times()
    everything = times.user + times.system + times.children_user + times.children_system
    rows = [(stage, sum(seconds)) for stage, seconds in found.items()]
    rows.append(("the command itself", times.user + times.system))
    rows.append(("the fork server, and what is not seen", everything - sum(seconds for _, seconds in rows)))
    _table("process", rows + [("all", everything)])
    print("\n{:.0f} s, exit code {}".format(took, code))


def _table(head: str, rows: List[Tuple[str, float]]) -> None:
    print("| {} | CPU s |\n|---|---|".format(head))
    for name, seconds in rows:
        print("| {} | {:.2f} |".format(name, seconds))


def main(folder: str = "") -> None:
    if folder:
        return whole_run(Path(folder))
    _table("a process, before its work", list(starts()))
    print(flush=True)
    with tempfile.TemporaryDirectory(prefix="octet-bench-") as place:
        subprocess.run([sys.executable, "-m", "benchmarks.fixed_cost", place], stderr=subprocess.DEVNULL, check=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
