"""Targets: which runtimes and accelerators support a .tflite file.

In:  the settings file (its path) and targets (names of octet/target_runtimes.py).
Out: no file; as metrics {file: {operators, dtype}, int8: why the uint8 file has no int8 twin, targets: see
     tflite.targets.fit.both, kernel_faults: the known faults of kernels that the int8 file uses}.
Fails with InterpreterError for a file that is no .tflite file, or is neither uint8 nor int8.
"""

from typing import Any, Dict, List

from octet.errors import ConvertError
from octet.job import Job, Progress
from tasks.export import runtime_faults
from tasks.tflite import any_model, int8_twin, model_file
from tasks.tflite.targets import fit


def run(job: Job, progress: Progress) -> Dict[str, Any]:
    model = any_model.read(job.settings["file"])
    fit.expect_8_bits(model.contents, model.path)
    judged = fit.both(model.content, job.settings["targets"])
    return {"file": {"operators": len(model.contents.operators), "dtype": fit.activations(model.contents)},
            "kernel_faults": _kernel_faults(model), **judged}


def _kernel_faults(model: any_model.AnyModel) -> List[str]:
    """The known faults of kernels for the int8 file: this file, or its int8 twin."""
    try:
        int8 = model.contents if fit.activations(model.contents) == "int8" else model_file.read(
            int8_twin.of(model.content))
    except ConvertError:
        return []
    return runtime_faults.found(int8)
