"""Runs two stages beside each other, of which one cannot be killed.

    python -m tests.pipeline.process.unkillable FOLDER forked|new

Prints a line of JSON. It says whether the call for the unkillable stage returned before the other stage ended. It says
whether the other stage, and one after it, had the expected parent. The exit code is 77 if tracing is not permitted.

This runs in a process of its own: a fork may never end if TensorFlow has threads in the process."""

import faulthandler
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import List, Tuple

from pipeline.process import child, fork_client, new_process
from tests.pipeline.process.test_fork_server import WHERE, run

NOT_TRACED = 77
TRACE = """
import ctypes, sys, time
PTRACE_SEIZE = 0x4206
print(ctypes.CDLL(None).ptrace(PTRACE_SEIZE, int(sys.argv[1]), 0, 0), flush=True)
time.sleep(60)
"""
"""Traces a process like a debugger. If a traced process is killed, its parent does not see its end before the tracer
releases it, just as for a process that waits in the kernel for a device that does not answer."""
STUCK = "say(progress=0, message=str(os.getpid())); time.sleep(1); say(metrics={})\ntime.sleep(60)"
OTHER = "time.sleep(4); say(metrics={'parent': os.getppid()})"


def main(folder: Path, kind: str) -> None:
    faulthandler.dump_traceback_later(60, exit=True)
    new_process.KILL_WITHIN_S, child.END_WITHIN_S = 1.0, 0.1
    fork_client.MODULE = "numpy"
    if kind == "forked":
        fork_client.allow()
        fork_client.start_for({fork_client.MODULE})
    parent = fork_client._server.process.pid if fork_client._server else os.getpid()
    tracers: List[subprocess.Popen] = []

    def trace(fraction: float, message: str) -> None:
        tracers.append(subprocess.Popen([sys.executable, "-c", TRACE, message], stdout=subprocess.PIPE, text=True))
        if tracers[-1].stdout.readline() != "0\n":  # type: ignore
            os._exit(NOT_TRACED)

    def stuck() -> float:
        run(folder / "stuck", STUCK, trace)
        return time.monotonic()

    def other() -> Tuple[int, float]:
        return run(folder / "other", OTHER)["parent"], time.monotonic()

    with ThreadPoolExecutor(2) as pool:
        second, first = pool.submit(other), pool.submit(stuck)
        parent_of_other, other_ended = second.result()
        returned = first.result()
    after = run(folder / "next", WHERE)["parent"]
    for tracer in tracers:
        tracer.kill()
        tracer.communicate()
    fork_client.stop()
    print(json.dumps({"the run does not wait for it": returned < other_ended,
                      "parents": [parent_of_other == parent, after == parent]}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
