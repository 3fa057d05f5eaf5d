"""The latency of each operator of a .tflite file in a runtime: that of a file which holds this operator alone.

The runtimes have a profiler in C++ only. On three networks, the sum over the operators was this multiple of the latency
of the whole file: 1.01 in TensorFlow 1.14, 1.03 to 1.09 in LiteRT's built-in kernels (about 0.5 us for each operator,
the call from Python), and 1.06 to 1.25 in XNNPACK, which in addition computes several operators at once in the whole
file.
"""

from typing import Any, Dict, List

import numpy as np

from tasks.tflite import cost
from tasks.tflite.interpreter import patch
from tasks.tflite.model_file import Contents, Tensor
from tasks.tflite.targets import running


def of(python: str, runtime: str, content: bytes, contents: Contents, seconds: float) -> List[Dict[str, Any]]:
    """[{layer, operator, macs, latency: as of `running.latency`, or None, failed: why there is none, else ''}], in the
    file's order. runtime: a name of runtime_worker.RUNTIMES. seconds: how long all operators together are timed."""
    rows, files = [], []
    for operator in contents.operators:
        row = {"layer": contents.name(operator), "operator": operator.kind,
               "macs": cost.multiply_accumulates(contents, operator), "latency": None, "failed": ""}
        rows.append(row)
        inputs = contents.variable_inputs(operator)
        try:
            alone = patch.alone(content, contents, operator.number).applied(content)
        except ValueError as error:
            row["failed"] = str(error)
            continue
        files.append((row, (alone, [tensor.index for tensor in inputs], operator.outputs,
                            [_values(tensor) for tensor in inputs])))
    found = running.operators(python, runtime, [file for _, file in files], seconds / max(len(files), 1))
    for (row, _), outcome in zip(files, found):
        if "failed" in outcome:
            row["failed"] = outcome["failed"]
        else:
            row["latency"] = running.latency(outcome["nanoseconds"])
    return rows


def _values(tensor: Tensor) -> np.ndarray:
    """Random codes, or reals of 0 to 1: the time of a kernel hardly depends on them. Integers may be indices, so they
    are 0."""
    random = np.random.RandomState(0)
    if tensor.dtype in ("uint8", "int8"):
        return random.randint(0, 256, tensor.shape).astype(np.uint8).view(tensor.dtype)
    if tensor.dtype == "float32":
        return random.uniform(size=tensor.shape).astype(np.float32)
    return np.zeros(tensor.shape, tensor.dtype)
