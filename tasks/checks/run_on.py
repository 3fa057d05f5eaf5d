"""RunOn: runs a .tflite file, its int8 twin and its float model in the installed runtimes, and measures the latency.

In:  the settings file (its path), network (network.json's inputs and outputs, empty if they are not known),
     environments {target: the Python that has its runtime or compiler}, seconds (how long each run is timed; 0: none),
     operators (whether each operator is timed, too).
     PrepareData.test, the source of the samples, if the file's data is known. TrainFloat, the float model, if it
     exists.
Out: no file; as metrics {samples: their number, of: their source, machine, runs: [{target, runtime, file, failed,
     largest_difference: to the file in TensorFlow 1.14, in codes,
     agreement: share of the samples with the same largest code in each output,
     latency: {inferences, median_ms, p10_ms, p90_ms}, compiled: what Vela reports,
     operators: as of tasks/tflite/targets/operator_latency.py, where these were asked for}]}.
Fails with InterpreterError for a file that is neither uint8 nor int8, or that TensorFlow 1.14's interpreter, with which
the other runtimes are compared, cannot run.
"""

import os
import platform
from typing import Any, Dict, List, Optional, Tuple

import numpy as np

from octet.data import prepared
from octet.errors import ConvertError, InterpreterError
from octet.job import Job, Progress
from octet.quantization import to_real
from tasks.export import samples
from tasks.graph import io_spec
from tasks.quantize import quantized_graph
from tasks.tflite import any_model, int8_run, int8_twin, model_file, toco
from tasks.tflite.targets import fit, operator_latency, running, vela

COUNT = 32
RUNTIMES = {"litert": ("litert", "litert-builtin"), "micro": ("micro",)}
"""{target: its names in runtime_worker.RUNTIMES}."""


def run(job: Job, progress: Progress) -> Dict[str, Any]:
    model = any_model.read(job.settings["file"])
    fit.expect_8_bits(model.contents, model.path)
    codes, of_what = _codes(job, model)
    files = _files(job, model, codes)
    given = fit.activations(model.contents)
    places = [("tflite-1.14", running.TENSORFLOW, running.OURS)] + [
        (target, runtime, python) for target, python in sorted(job.settings["environments"].items())
        for runtime in RUNTIMES.get(target, ())]
    work = [(place, dtype) for place in places for dtype in files
            if dtype != "float32" or place[1] == running.TENSORFLOW]
    expected: Optional[List[np.ndarray]] = None
    runs: List[Dict[str, Any]] = []
    for number, ((target, runtime, python), dtype) in enumerate(work):
        progress(number / len(work), "{} in {}".format(dtype, runtime))
        content, fed = files[dtype]
        ran = running.run(python, runtime, content, model_file.read(content), fed, job.settings["seconds"])
        if expected is None:  # the first is the file itself, in TensorFlow 1.14
            if ran.failed:
                raise InterpreterError("the interpreter of TensorFlow 1.14 cannot run it", where=model.path,
                                       why=ran.failed, next_step="there is nothing to compare other runtimes with")
            expected = [_lifted(values, given) for values in ran.outputs]
        row = {"target": target, "runtime": runtime, "file": dtype, "failed": ran.failed,
               "latency": running.latency(ran.nanoseconds) if ran.nanoseconds else None}
        if not ran.failed and dtype != "float32":
            row.update(_compared(expected, [_lifted(values, dtype) for values in ran.outputs]))
        if not ran.failed and job.settings["operators"]:
            row["operators"] = operator_latency.of(python, runtime, content, model_file.read(content),
                                                   job.settings["seconds"])
        runs.append(row)
    if "ethos-u" in job.settings["environments"]:
        for dtype in files:
            if dtype != "float32":
                found = vela.compiled(job.settings["environments"]["ethos-u"], files[dtype][0])
                runs.append({"target": "ethos-u", "runtime": "vela", "file": dtype, "failed": found.get("failed", ""),
                             "latency": None, "compiled": None if "failed" in found else found})
    return {"samples": len(codes[0]), "of": of_what, "machine": _machine(), "runs": runs}


def _codes(job: Job, model: any_model.AnyModel) -> Tuple[List[np.ndarray], str]:
    """(uint8 codes of each input; where the samples come from)."""
    known = [end["name"] for end in job.settings["network"]["inputs"]]
    if "PrepareData.test" not in job.inputs or len(known) != len(model.inputs):
        random = np.random.RandomState(0)
        return [random.randint(0, 256, (COUNT,) + tensor.shape[1:]).astype(np.uint8) for tensor in model.inputs], \
            "random codes"
    part = prepared.read({"test": job.input("PrepareData.test")}).parts["test"]
    rows = samples.rows(len(part), COUNT)
    return [np.asarray(part.inputs[name][rows]) for name in known], "samples of the test part"


def _files(job: Job, model: any_model.AnyModel, codes: List[np.ndarray]
           ) -> Dict[str, Tuple[bytes, List[np.ndarray]]]:
    """{type: (the .tflite file, the values of its inputs)}. The file itself is the first."""
    given = fit.activations(model.contents)
    lowered = [int8_run.to_int8(each) for each in codes]
    if given == "int8":
        return {"int8": (model.content, lowered)}
    files = {"uint8": (model.content, codes)}
    try:
        files["int8"] = int8_twin.of(model.content), lowered
    except ConvertError:
        pass
    if "TrainFloat" in job.inputs and job.settings["seconds"]:
        network = io_spec.read(job.input("TrainFloat"))
        folded = quantized_graph.apply_rewrites(io_spec.read_graph(job.input("TrainFloat") / "float.pb"), network)
        try:
            reals = [to_real(each.astype(np.float32), np.float32(end["scale"]), end["zero_point"]).astype(np.float32)
                     for each, end in zip(codes, network["inputs"])]
            files["float32"] = toco.convert(folded, network, uint8=False), reals
        except ConvertError:
            pass
    return files


def _lifted(values: np.ndarray, dtype: str) -> np.ndarray:
    """The output codes of an int8 or uint8 file as codes of the uint8 file, int16."""
    return values.astype(np.int16) + (int8_twin.SHIFT if dtype == "int8" else 0)


def _compared(expected: List[np.ndarray], made: List[np.ndarray]) -> Dict[str, Any]:
    same = np.ones(len(expected[0]), bool)
    for one, other in zip(expected, made):
        if one.ndim > 1 and one.shape[-1] > 1:
            same &= (one.argmax(-1) == other.argmax(-1)).reshape(len(one), -1).all(-1)
    return {"largest_difference": max(int(np.abs(one - other).max()) for one, other in zip(expected, made)),
            "agreement": float(same.mean())}


def _machine() -> Dict[str, Any]:
    """{host, processor, load: of the last minute}."""
    name = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            name = next((line.partition(":")[2].strip() for line in file if line.startswith("model name")), name)
    except OSError:
        pass
    return {"host": platform.node(), "processor": name, "load": os.getloadavg()[0]}
