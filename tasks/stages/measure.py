"""Measure: compares the float model, the fake-quantized graph, the uint8 file and its int8 twin on the part test.

In:  TrainFloat's float.pb, Freeze's frozen.pb, ConvertUint8's model.tflite; the part test; the recipe's
     metrics section.
Out: measurement.json. It holds no threshold: the stage ValidateInterpreter judges it.

    samples: number of samples
    size_bytes: {float, uint8, int8}; None for a file that could not be made
    outputs: {name: {kind, METRIC: {SIDE: figure} for each of the kind's metrics,
                     output_difference_lsb: {LSB: number of outputs},
                     recall, precision: {class: {SIDE: share}}; agreement, classes, confusion, never_correct:
                         only where the output has classes,
                     int8: the int8 file compared with the uint8 file (see `evaluation/int8_side.py`)}}
    metrics: {NAME: {SIDE: result}} of the recipe's section `metrics`
    int8: {made, measured: booleans for the int8 file; why: the reason where one of them is false, else '';
           runtime: the runtime it was measured in; samples: number of samples it was measured on;
           metrics: only if these are not all samples: {NAME: {uint8, int8: result}} of the recipe's section `metrics`,
                    both on these samples}
    default_ranges: [{tensor, low, high}]: the tensors whose range was measured and not trained, in real values
    parity: each operator against float arithmetic, each tensor against the graphs (see `tflite/parity/`)
    gaps: what could not be made or measured beside the uint8 file, with the reasons; the stage does not fail for it

    SIDE is float, fake_quantized or uint8; also int8, if the int8 file was measured on all samples. The int8 kernels
    are slow, so the int8 file of a large network is measured on some of the samples only. The fields `int8` then have
    its figures, beside those of the uint8 file on the same samples: figures of different samples are not compared.

     model_int8.tflite: the int8 twin of the uint8 file; absent where it could not be made
     mistakes.json: {output: the samples that the uint8 file gets wrong} (see `evaluation/mistakes.py`)
"""

import json
import logging
from contextlib import closing
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
import tensorflow as tf

from octet.data.dataset import Part
from octet.job import Job, Progress
from tasks import prepared_data
from tasks.evaluation import evaluate_graph
from tasks.evaluation.comparison import SIDES, Comparison
from tasks.evaluation.gaps import stated
from tasks.evaluation.int8_side import SIDE as INT8
from tasks.evaluation.int8_side import Int8Side
from tasks.evaluation.own_metrics import OwnMetrics
from tasks.graph import io_spec
from tasks.process import free_memory
from tasks.quantize import quantized_graph
from tasks.tflite import input_output_names, int8_run, int8_twin, model_file, toco
from tasks.tflite.interpreter import processes
from tasks.tflite.parity import operators


class Measured(NamedTuple):
    """The fields `outputs` and `metrics` of measurement.json, and `int8.metrics` as on_int8_samples: empty where the
    int8 file was measured on all samples, or not at all."""

    outputs: Dict[str, Dict[str, Any]]
    metrics: Dict[str, Dict[str, Optional[float]]]
    on_int8_samples: Dict[str, Dict[str, Optional[float]]]


def run(job: Job, progress: Progress) -> Dict[str, Any]:
    dataset = prepared_data.load(job)
    part = dataset.parts["test"]
    float_network = io_spec.read(job.input("TrainFloat"))
    network = io_spec.named(io_spec.read(job.input("ConvertUint8")), dataset)
    uint8_path = job.input("ConvertUint8") / "model.tflite"

    content = uint8_path.read_bytes()
    contents = input_output_names.with_graph_names(model_file.read(content), network)
    inputs = [part.inputs[end["name"]] for end in network["inputs"]]
    codes = processes.over(
        content, contents, inputs,
        lambda done: progress(0.7 * done, "the uint8 file over the test set"))
    frozen, float_graph = (io_spec.read_graph(job.input(stage) / name)
                           for stage, name in (("Freeze", "frozen.pb"), ("TrainFloat", "float.pb")))
    progress(0.75, "the float model and the fake-quantized graph")
    comparisons, own = _compared(job, network, part, codes)
    free_memory.give_back()  # that of the two sessions, before parity needs its own
    folded, gaps = quantized_graph.apply_rewrites(float_graph, float_network), []  # type: tf.GraphDef, List[str]
    measured = Measured({name: comparison.figures() for name, comparison in comparisons.items()},
                        _by_metric({side: each.figures() for side, each in own.items()}), {})
    int8_size, int8 = _make_int8(job, content, gaps)
    if int8["made"]:
        before, int8_rows = len(gaps), int8_run.rows(contents, len(part))
        with stated(gaps, "the accuracy of the int8 file"):
            measured = _with_int8(job, network, part, int8_rows, inputs, codes, measured,
                                  lambda done: progress(0.8 + 0.1 * done, "the int8 file over the test set"))
            int8.update(measured=True, runtime=int8_run.runtime(), samples=len(int8_rows))
            if measured.on_int8_samples:
                int8["metrics"] = measured.on_int8_samples
        int8["why"] = "; ".join(gaps[before:])
    measurement: Dict[str, Any] = {
        "samples": len(part),
        "metrics": measured.metrics,
        "int8": int8,
        "default_ranges": network["measured"],
        "outputs": measured.outputs,
        "parity": operators.measure(
            content, contents, io_spec.read(job.input("Freeze")), frozen, folded, inputs,
            lambda done: progress(0.9 + 0.1 * done, "operator by operator"), gaps),
        "size_bytes": {"float": _float_size(folded, float_network, gaps), "uint8": uint8_path.stat().st_size,
                       "int8": int8_size},
    }
    measurement["gaps"] = gaps
    if gaps:
        progress(1.0, "; ".join(gaps))
    if network["measured"]:
        words = "{} ranges were measured and not trained: {}".format(
            len(network["measured"]), ", ".join(item["tensor"] for item in network["measured"]))
        logging.warning(words)
        progress(1.0, words)
    for comparison in comparisons.values():
        for words in comparison.warnings():
            logging.warning(words)
            progress(1.0, words)
    mistakes = {name: comparison.mistakes.to_json() for name, comparison in comparisons.items()}
    for file, figures in (("measurement.json", measurement), ("mistakes.json", mistakes)):
        text = json.dumps(figures, indent=1, sort_keys=True)
        (job.out / file).write_text(text + "\n", encoding="utf-8")
    return {**measurement, "parity": {key: measurement["parity"][key] for key in ("wrong", "not_measured")}}


def _compared(job: Job, network: io_spec.Network, part: Part, codes: Sequence[np.ndarray]
              ) -> Tuple[Dict[str, Comparison], Dict[str, OwnMetrics]]:
    """({output: its comparison}, {side: the recipe's own metrics}) over the part. codes: the outputs of the uint8 file,
    [N, ...] each."""
    comparisons = {end["name"]: Comparison(end) for end in network["outputs"]}
    own = {side: OwnMetrics(job.settings["metrics"], job.recipe_folder) for side in SIDES}
    for (rows, real), (_, fake) in zip(_batches(job, "TrainFloat", "float.pb", part),
                                       _batches(job, "Freeze", "frozen.pb", part)):
        for index, (name, comparison) in enumerate(comparisons.items()):
            comparison.add(real[index], fake[index], codes[index][rows], part.targets[name][rows])
        uint8 = [io_spec.real(end, codes[index][rows]) for index, end in enumerate(network["outputs"])]
        for side, outputs in zip(SIDES, (real, fake, uint8)):
            own[side].add(network["outputs"], outputs, part, rows)
    return comparisons, own


def _make_int8(job: Job, content: bytes, gaps: List[str]) -> Tuple[Optional[int], Dict[str, Any]]:
    """Writes model_int8.tflite. Returns (its size in bytes, the field `int8` of measurement.json). Where it cannot be
    made, the size is None and `gaps` gets the reason."""
    twin, before = None, len(gaps)
    with stated(gaps, "the int8 file", "made"):
        twin = int8_twin.of(content)
    if twin is not None:
        (job.out / int8_run.FILE).write_bytes(twin)
    return None if twin is None else len(twin), {
        "made": twin is not None, "measured": False, "runtime": None, "samples": 0, "why": "; ".join(gaps[before:])}


def _with_int8(job: Job, network: io_spec.Network, part: Part, measured_on: np.ndarray, inputs: Sequence[np.ndarray],
               codes: Sequence[np.ndarray], measured: Measured, progress: Callable[[float], None]) -> Measured:
    """`measured` with the figures of the int8 file added. measured_on: the rows of the part that the int8 file is run
    on. codes: the outputs of the uint8 file, [N, ...] each."""
    content = (job.out / int8_run.FILE).read_bytes()
    int8_outputs = int8_run.over(content, model_file.read(content), inputs, measured_on, progress)
    sides, on_all = {end["name"]: Int8Side(end) for end in network["outputs"]}, len(measured_on) == len(part)
    own = {side: OwnMetrics(job.settings["metrics"], job.recipe_folder) for side in ("uint8", INT8)}
    for start in range(0, len(measured_on), evaluate_graph.MOST_SAMPLES):
        batch = slice(start, start + evaluate_graph.MOST_SAMPLES)
        rows = measured_on[batch]
        for index, (name, side) in enumerate(sides.items()):
            side.add(codes[index][rows], int8_outputs[index][batch], part.targets[name][rows])
        own[INT8].add(network["outputs"], [io_spec.real(end, int8_outputs[index][batch])
                                           for index, end in enumerate(network["outputs"])], part, rows)
        if not on_all:
            own["uint8"].add(network["outputs"], [io_spec.real(end, codes[index][rows])
                                                  for index, end in enumerate(network["outputs"])], part, rows)
    outputs = {name: sides[name].put_beside(figures, len(part)) for name, figures in measured.outputs.items()}
    if not on_all:
        return Measured(outputs, measured.metrics, _by_metric({side: each.figures() for side, each in own.items()}))
    results = own[INT8].figures()
    return Measured(outputs, {name: {**by_side, INT8: results[name]} for name, by_side in measured.metrics.items()}, {})


def _by_metric(by_side: Dict[str, Dict[str, Optional[float]]]) -> Dict[str, Dict[str, Optional[float]]]:
    """{metric: {side: result}} of {side: {metric: result}}."""
    return {name: {side: figures[name] for side, figures in by_side.items()} for name in by_side["uint8"]}


def _float_size(folded: tf.GraphDef, network: io_spec.Network, gaps: List[str]) -> Optional[int]:
    """Size in bytes of the float .tflite file of the folded graph: toco refuses some graphs as Keras builds them. Where
    toco refuses the folded graph, too, None, and `gaps` gets the reason: the float file is no product."""
    with stated(gaps, "the size of the float model's file"):
        return len(toco.convert(folded, network, uint8=False))
    return None


def _batches(job: Job, stage: str, file: str, part: Part) -> Iterator[Tuple[slice, List[np.ndarray]]]:
    """Yields (rows, real values of each output) of the graph `file` of an earlier stage, batch by batch."""
    network = io_spec.read(job.input(stage))
    # Not `with session`: two of these generators run interleaved, and default sessions must end in reverse order.
    with closing(evaluate_graph.session_of(io_spec.read_graph(job.input(stage) / file))) as session:
        yield from evaluate_graph.batches(session, network, *evaluate_graph.ends(session.graph, network), part)
