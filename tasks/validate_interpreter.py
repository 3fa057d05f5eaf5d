"""ValidateInterpreter: the float model, the fake-quantized graph and the uint8 file side by side.

In:  TrainFloat's float.pb, Freeze's frozen.pb, ConvertUint8's model.tflite; the part test.
Out: measurement.json. It holds no threshold: the gates are judged by the pipeline, each time.

    samples, size_bytes: {float, uint8}
    outputs: {name: {kind, accuracy: {float, fake_quantized, uint8}, agreement,
                     output_difference_lsb: {LSB: number of outputs}, confusion}}
    parity: each operator against float arithmetic, each tensor against the graphs (see `tflite/parity.py`)
"""

import json
from typing import Dict

import numpy as np

from octet.job import Job, Progress
from tasks import data
from tasks import network as net
from tasks.quantize import plan
from tasks.tflite import contents as tflite_contents
from tasks.tflite import interpreter, parity, toco
from tasks.training import evaluate


def run(job: Job, progress: Progress) -> dict:
    part = data.load(job).parts["test"]
    float_network = net.read(job.input("TrainFloat"))
    frozen_network = net.read(job.input("Freeze"))
    network = net.read(job.input("ConvertUint8"))
    uint8_path = job.input("ConvertUint8") / "model.tflite"

    content = uint8_path.read_bytes()
    contents = tflite_contents.read(content)
    inputs = [part.inputs[end["name"]] for end in network["inputs"]]
    codes = interpreter.over(
        content, contents, inputs,
        lambda done: progress(0.8 * done, "the uint8 file over the test set"))
    frozen, floating = (net.read_graph(job.input(stage) / name)
                        for stage, name in (("Freeze", "frozen.pb"), ("TrainFloat", "float.pb")))
    progress(0.85, "the float model and the fake-quantized graph")
    scores = {
        "float": evaluate.of_frozen(floating, float_network, part),
        "fake_quantized": evaluate.of_frozen(frozen, frozen_network, part),
        "uint8": [net.real(end, values) for end, values in zip(network["outputs"], codes)],
    }
    measurement = {
        "samples": len(part),
        "outputs": {
            end["name"]: _measured(end, {side: values[place] for side, values in scores.items()},
                                   part.targets[end["name"]])
            for place, end in enumerate(network["outputs"])},
        "parity": parity.measure(content, contents, frozen_network, frozen, plan.folded(floating, float_network),
                                 inputs, lambda done: progress(0.9 + 0.1 * done, "operator by operator")),
        "size_bytes": {"float": len(toco.convert(job.input("TrainFloat") / "float.pb",
                                                 float_network, uint8=False)),
                       "uint8": uint8_path.stat().st_size},
    }
    text = json.dumps(measurement, indent=1, sort_keys=True)
    (job.out / "measurement.json").write_text(text + "\n", encoding="utf-8")
    return {**measurement, "parity": {"wrong": measurement["parity"]["wrong"]}}


def _measured(end: Dict, scores: Dict[str, np.ndarray], labels: np.ndarray) -> Dict:
    """One output's figures, from its scores on each side."""
    top = {side: np.argmax(values, -1) for side, values in scores.items()}
    confusion = np.zeros((len(end["classes"]),) * 2, int)
    np.add.at(confusion, (labels, top["uint8"]), 1)
    return {
        "kind": end["kind"],
        "accuracy": {side: evaluate.accuracy(values, labels) for side, values in scores.items()},
        "agreement": float(np.mean(top["float"] == top["uint8"])),
        "output_difference_lsb": _difference(scores, end["scale"]),
        "confusion": confusion.tolist(),
    }


def _difference(scores: Dict[str, np.ndarray], scale: float) -> Dict[str, int]:
    """How far the uint8 outputs are from the fake-quantized ones, in units of the output's scale:
    {LSB: number of outputs}."""
    lsb = np.rint(np.abs(scores["uint8"] - scores["fake_quantized"]) / scale).astype(int)
    values, counts = np.unique(lsb, return_counts=True)
    return {str(value): int(count) for value, count in zip(values, counts)}
