"""Runs a .tflite file in a runtime, in a separate process with the Python of the runtime's environment."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Sequence, Tuple

import numpy as np

from tasks.tflite.interpreter import worker
from tasks.tflite.model_file import Contents
from tasks.tflite.targets import runtime_worker

TENSORFLOW, MICRO = "tensorflow", "micro"
OURS = sys.executable
LONGEST_S = 600
LAST_LINES = 3


class Ran(NamedTuple):
    """The result of a run. outputs: the values [samples, ...] of each output; empty where the runtime failed.
    nanoseconds: the duration of each timed inference. failed: the runtime's error message, else ''."""

    outputs: List[np.ndarray]
    nanoseconds: List[int]
    failed: str


def run(python: str, runtime: str, content: bytes, contents: Contents, samples: Sequence[np.ndarray],
        seconds: float) -> Ran:
    """Runs the file on the samples, and times inferences. runtime: a name of runtime_worker.RUNTIMES.

    python: the path of the Python of the runtime's environment. samples: [samples, ...] for each input, of its type.
    seconds: how long inferences are timed, on one processor; 0 for no timing."""
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.tflite"
        model.write_bytes(content)
        names = []
        for number, values in enumerate(samples):
            names.append(os.path.join(folder, "input_{}.npy".format(number)))
            np.save(names[-1], values.reshape((-1,) + contents.tensors[contents.inputs[number]].shape[1:]))
        orders = {"parent": os.getpid(), "runtime": runtime, "model": str(model), "worker": worker.__file__,
                  "inputs": names, "outputs": folder, "seconds": seconds, "count": len(contents.outputs),
                  "input_indices": list(contents.inputs), "output_indices": list(contents.outputs)}
        report = _report(python, orders)
        if "failed" in report:
            return Ran([], [], report["failed"])
        return Ran([np.load(os.path.join(folder, "{}.npy".format(number))) for number in range(len(contents.outputs))],
                   report["nanoseconds"], "")


def operators(python: str, runtime: str, files: Sequence[Tuple[bytes, Sequence[int], Sequence[int], List[np.ndarray]]],
              seconds: float) -> List[Dict[str, Any]]:
    """Times inferences of several files in one process, each for so many seconds. files: (content, indices of its
    inputs, of its outputs, the value of each input). Returns {nanoseconds: of each inference} or {failed: the error
    message} for each file, in order."""
    with tempfile.TemporaryDirectory() as folder:
        each = []
        for number, (content, inputs, outputs, values) in enumerate(files):
            model = Path(folder) / "{}.tflite".format(number)
            model.write_bytes(content)
            names = [os.path.join(folder, "{}_{}.npy".format(number, place)) for place in range(len(values))]
            for name, value in zip(names, values):
                np.save(name, value)
            each.append({"model": str(model), "inputs": names, "input_indices": list(inputs),
                         "output_indices": list(outputs), "count": len(outputs)})
        report = _report(python, {"parent": os.getpid(), "runtime": runtime, "worker": worker.__file__,
                                  "seconds": seconds, "operators": each})
    return list(report.get("operators", [report] * len(files)))


def _report(python: str, orders: Dict[str, Any]) -> Dict[str, Any]:
    # By path and isolated: Octet is not installed in the runtime's environment, and Python must not read user folders.
    try:
        process = subprocess.run([python, "-I", "-B", runtime_worker.__file__], timeout=LONGEST_S,
                                 input=json.dumps(orders).encode("utf-8") + b"\n", capture_output=True)
    except subprocess.TimeoutExpired:
        return {"failed": "it did not end within {} s".format(LONGEST_S)}
    except OSError as error:
        return {"failed": "it cannot be started: {}".format(error)}
    try:
        report = json.loads(process.stdout.decode("utf-8"))
    except ValueError:
        report = {"failed": "the process ended with {}".format(process.returncode)}
    if "failed" in report:
        lines = [line for line in process.stderr.decode("utf-8", "replace").splitlines()
                 if line.strip() and not line.startswith(("INFO:", "WARNING:"))]
        report["failed"] = "; ".join(dict.fromkeys([report["failed"]] + lines[-LAST_LINES:]))
    return dict(report)


def latency(nanoseconds: Sequence[int]) -> Dict[str, Any]:
    """{inferences, median_ms, p10_ms, p90_ms} of the timed inferences."""
    low, median, high = (float(np.percentile(nanoseconds, share)) / 1e6 for share in (10, 50, 90))
    return {"inferences": len(nanoseconds), "median_ms": median, "p10_ms": low, "p90_ms": high}
