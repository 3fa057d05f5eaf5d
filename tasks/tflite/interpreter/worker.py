"""The process that runs interpreters. A kernel that aborts ends only this process.

It imports numpy and an interpreter, but not TensorFlow, so it starts in a third of a second. It reads one line of JSON
from standard input, which stays open while the parent lives:

    {"parent": pid, "runtime": name of RUNTIMES, "file": descriptor of the .tflite file,
     "arena": descriptor of the file with all arrays, "passes": [one dict each, see `_run`]}

Its reports are lines of JSON on standard output: {"started": number of the pass}, {"done": samples of the pass that are
done}, {"finished": number} or {"failed": the interpreter's message}.
"""

import contextlib
import ctypes
import importlib
import importlib.util
import json
import os
import signal
import sys
import threading
import time
from typing import Any, Callable, Dict, Iterator, List, Tuple, Type

import numpy as np

PR_SET_PDEATHSIG = 1
REPORT_S = 0.5


class TensorFlow:
    """TensorFlow's interpreter, loaded without the rest of TensorFlow."""

    def __init__(self, path: str) -> None:
        wrapper = _wrapper_in_tensorflow().InterpreterWrapper_CreateWrapperCPPFromFile(path)
        wrapper.AllocateTensors()
        self.set, self.get, self.invoke = wrapper.SetTensor, wrapper.GetTensor, wrapper.Invoke


class TFLiteRuntime:
    """The interpreter of the distribution tflite-runtime. It is imported by a string: of the stages, only those that
    import tflite_runtime by name (tasks/tflite/int8_run.py) have its version in their key."""

    MODULE = "tflite_runtime.interpreter"

    def __init__(self, path: str) -> None:
        runtime = importlib.import_module(self.MODULE)
        # By default it would run XNNPACK's kernels; the built-in kernels are the ones that are measured.
        interpreter = runtime.Interpreter(
            path, experimental_op_resolver_type=runtime.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES)
        interpreter.allocate_tensors()
        self.set, self.get = interpreter.set_tensor, interpreter.get_tensor
        self.invoke = interpreter.invoke


RUNTIMES: Dict[str, Type[Any]] = {"tensorflow": TensorFlow, "tflite_runtime": TFLiteRuntime}


def _wrapper_in_tensorflow() -> Any:
    name = "tensorflow_wrap_interpreter_wrapper"
    if name not in sys.modules:
        package: Any = importlib.util.find_spec("tensorflow")
        folder, = package.submodule_search_locations
        path = os.path.join(folder, "lite", "python", "interpreter_wrapper", name + ".py")
        spec: Any = importlib.util.spec_from_file_location(name, path)
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


def main() -> int:
    orders = json.loads(sys.stdin.readline())
    _die_with(orders["parent"])
    reports = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # keeps text that a library prints out of the reports

    def say(**report: Any) -> None:
        reports.write(json.dumps(report) + "\n")

    for number, work in enumerate(orders["passes"]):
        say(started=number)
        try:
            with _patched(orders["file"], work["writes"]):
                _run(orders, work, lambda done: say(done=done))
            say(finished=number)
        except (RuntimeError, ValueError) as error:
            say(failed=str(error))
    return 0


def _run(orders: Dict[str, Any], work: Dict[str, Any], on_done: Callable[[int], None]) -> None:
    """Runs all samples of one pass.

    work: {samples, inputs, outputs, writes}; inputs and outputs: [[index of the tensor, dtype, shape [N, *tensor's
    shape], offset in the arena]].
    """
    model = RUNTIMES[orders["runtime"]]("/proc/self/fd/{}".format(orders["file"]))
    inputs, outputs = (_arrays(orders["arena"], work[side]) for side in ("inputs", "outputs"))
    reported = time.monotonic()
    for sample in range(work["samples"]):
        for index, array in inputs:
            model.set(index, array[sample])
        signal.alarm(orders["longest_s"])  # kills the process: a kernel cannot be interrupted by an exception
        model.invoke()
        signal.alarm(0)
        for index, array in outputs:
            array[sample] = model.get(index)
        if time.monotonic() - reported > REPORT_S:
            reported = time.monotonic()
            on_done(sample + 1)
    on_done(work["samples"])


def _arrays(arena: int, described: List[Any]) -> List[Tuple[int, np.ndarray]]:
    return [(index, np.memmap("/proc/self/fd/{}".format(arena), dtype, "r+", offset, tuple(shape)))
            for index, dtype, shape, offset in described]


@contextlib.contextmanager
def _patched(file: int, writes: List[Tuple[int, str]]) -> Iterator[None]:
    """Applies `writes` to the file within the block, and restores the file afterwards."""
    size, before = os.fstat(file).st_size, []
    for offset, written in writes:
        data = bytes.fromhex(written)
        before.append((offset, os.pread(file, len(data), offset)))
        os.pwrite(file, data, offset)
    try:
        yield
    finally:
        for offset, data in reversed(before):
            os.pwrite(file, data, offset)
        os.ftruncate(file, size)


def _die_with(parent: int) -> None:
    def wait() -> None:
        while os.read(0, 1):  # not sys.stdin: a thread that blocks in it disturbs Python's shutdown
            pass
        os.kill(os.getpid(), signal.SIGKILL)
    threading.Thread(target=wait, daemon=True).start()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # the parent died before prctl
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
