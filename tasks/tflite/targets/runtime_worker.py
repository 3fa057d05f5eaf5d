"""The process that runs a .tflite file in a runtime, and times it. A kernel that aborts ends only this process.

It is started by path, with the Python of the runtime's environment. It needs numpy and the runtime; of Octet, it needs
only the file that loads TensorFlow 1.14's interpreter. It reads one line of JSON:

    {"parent": pid, "runtime": name of RUNTIMES, "model": path, "worker": path of interpreter/worker.py,
     "inputs": [path of a .npy file with the samples of each input], "outputs": path of a folder,
     "seconds": how long inferences are timed; 0 for no timing, "count": number of outputs,
     "input_indices", "output_indices": indices of the tensors, for TensorFlow 1.14's interpreter}

It writes outputs/NUMBER.npy, and one line of JSON: {"nanoseconds": [duration of each timed inference]} or
{"failed": error message}.

If the line has "operators", a list of {"model", "inputs", "input_indices", "output_indices", "count"}, these files are
timed instead, one after the other, each for "seconds". The answer is {"operators": [{"nanoseconds"} or {"failed"}]}.
"""

import ctypes
import importlib
import importlib.util
import json
import os
import signal
import sys
import time
from typing import Any, Callable, Dict, List

import numpy as np

PR_SET_PDEATHSIG = 1
LONGEST_S = 300  # for one sample
WARM_UP, MOST_TIMED = 5, 1000
ARENA_BYTES = 1 << 28  # of Micro: an arena that is too small may end the process


class LiteRT:
    """ai-edge-litert. builtin: whether it uses its built-in kernels; else its default, XNNPACK's kernels."""

    def __init__(self, orders: Dict[str, Any], builtin: bool) -> None:
        litert = importlib.import_module("ai_edge_litert.interpreter")
        resolver = litert.OpResolverType
        interpreter = litert.Interpreter(
            orders["model"], num_threads=1, experimental_op_resolver_type=resolver.BUILTIN_WITHOUT_DEFAULT_DELEGATES
            if builtin else resolver.AUTO)
        interpreter.allocate_tensors()
        self.inputs = [each["index"] for each in interpreter.get_input_details()]
        self.outputs = [each["index"] for each in interpreter.get_output_details()]
        self.set, self.get, self.invoke = interpreter.set_tensor, interpreter.get_tensor, interpreter.invoke


class Micro:
    """tflite-micro."""

    def __init__(self, orders: Dict[str, Any]) -> None:
        runtime = importlib.import_module("tflite_micro.python.tflite_micro.runtime")
        made = runtime.Interpreter.from_file(orders["model"], arena_size=ARENA_BYTES)
        self.interpreter = made
        self.inputs, self.outputs = range(len(orders["inputs"])), range(orders["count"])
        self.get, self.invoke = made.get_output, made.invoke

    def set(self, index: int, values: np.ndarray) -> None:
        self.interpreter.set_input(values, index)


class TensorFlow:
    """The interpreter in TensorFlow 1.14."""

    def __init__(self, orders: Dict[str, Any]) -> None:
        spec: Any = importlib.util.spec_from_file_location("worker", orders["worker"])
        worker = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(worker)
        wrapper = worker.TensorFlow(orders["model"])
        self.inputs, self.outputs = orders["input_indices"], orders["output_indices"]
        self.set, self.get, self.invoke = wrapper.set, wrapper.get, wrapper.invoke


RUNTIMES: Dict[str, Callable[[Dict[str, Any]], Any]] = {
    "tensorflow": TensorFlow, "litert": lambda orders: LiteRT(orders, False),
    "litert-builtin": lambda orders: LiteRT(orders, True), "micro": Micro}


def main() -> int:
    orders = json.loads(sys.stdin.readline())
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != orders["parent"]:  # the parent died before prctl
        os.kill(os.getpid(), signal.SIGKILL)
    reports = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # keeps text that a library prints out of the report
    # One processor, so one thread: TensorFlow 1.14's Python interface has no setting for the number of threads.
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    try:
        report = {"operators": _each(orders)} if "operators" in orders else {
            "nanoseconds": _run(orders)}  # type: Dict[str, Any]
    except Exception as error:
        report = {"failed": "{}: {}".format(type(error).__name__, error).strip()}
    reports.write(json.dumps(report) + "\n")
    return 0


def _run(orders: Dict[str, Any]) -> List[int]:
    samples = [np.load(path) for path in orders["inputs"]]
    runtime = RUNTIMES[orders["runtime"]](orders)
    made: List[List[np.ndarray]] = [[] for _ in runtime.outputs]
    for row in range(len(samples[0])):
        _once(runtime, samples, row)
        for place, index in enumerate(runtime.outputs):
            made[place].append(np.array(runtime.get(index)))
    for place, values in enumerate(made):
        np.save(os.path.join(orders["outputs"], "{}.npy".format(place)), np.concatenate(values))
    return _timed(runtime, samples, orders["seconds"]) if orders["seconds"] else []


def _each(orders: Dict[str, Any]) -> List[Dict[str, Any]]:
    found: List[Dict[str, Any]] = []
    for each in orders["operators"]:
        try:
            runtime = RUNTIMES[orders["runtime"]]({**orders, **each})
            found.append({"nanoseconds": _timed(runtime, [np.load(path) for path in each["inputs"]],
                                                orders["seconds"])})
        except Exception as error:
            found.append({"failed": "{}: {}".format(type(error).__name__, error).strip()})
    return found


def _timed(runtime: Any, samples: List[np.ndarray], seconds: float) -> List[int]:
    """The duration in nanoseconds of each inference after WARM_UP ones: as many as end in time, but at least one."""
    times: List[int] = []
    end = time.monotonic() + seconds
    while len(times) <= WARM_UP or time.monotonic() < end and len(times) < WARM_UP + MOST_TIMED:
        times.append(_once(runtime, samples, len(times) % len(samples[0])))
    return times[WARM_UP:]


def _once(runtime: Any, samples: List[np.ndarray], row: int) -> int:
    """Runs one inference. Returns its duration in nanoseconds, without setting the inputs."""
    for index, values in zip(runtime.inputs, samples):
        runtime.set(index, values[row:row + 1])
    signal.alarm(LONGEST_S)  # kills the process: a kernel cannot be interrupted by an exception
    started = time.perf_counter_ns()
    runtime.invoke()
    ended = time.perf_counter_ns()
    signal.alarm(0)
    return ended - started


if __name__ == "__main__":
    sys.exit(main())
