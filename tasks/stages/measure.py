"""Measure: the float model, the fake-quantized graph and the uint8 file side by side.

In:  TrainFloat's float.pb, Freeze's frozen.pb, ConvertUint8's model.tflite; the part test; the recipe's
     metrics section.
Out: measurement.json. It holds no threshold: the stage ValidateInterpreter judges it.

    samples, size_bytes: {float, uint8}; float is None where toco takes the float model as no file
    outputs: {name: {kind, METRIC: {float, fake_quantized, uint8} for each of the kind's metrics,
                     output_difference_lsb: {LSB: number of outputs},
                     of classes: recall, precision: {class: {float, fake_quantized, uint8}},
                                 agreement, classes, confusion, never_answered}}
    metrics: {NAME: {float, fake_quantized, uint8}} of the recipe's section `metrics`
    default_ranges: [{tensor, low, high}] of what has a range that was measured and not trained, in reals
    parity: each operator against float arithmetic, each tensor against the graphs (see `tflite/parity/`)
    gaps: side figures that could not be measured, each with the reason: they fail nothing

     mistakes.json, {output: the samples that the uint8 file gets wrong} (see `evaluation/mistakes.py`)
"""

import json
import logging
from contextlib import closing
from typing import Any, Dict, Iterator, List, Optional, Tuple

import numpy as np
import tensorflow as tf

from octet.data.dataset import Part
from octet.job import Job, Progress
from tasks import prepared_data
from tasks.evaluation import evaluate_graph
from tasks.evaluation.comparison import SIDES, Comparison
from tasks.evaluation.gaps import stated
from tasks.evaluation.own_metrics import OwnMetrics
from tasks.graph import io_spec
from tasks.quantize import quantized_graph
from tasks.tflite import input_output_names, model_file, toco
from tasks.tflite.interpreter import processes
from tasks.tflite.parity import operators


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
        lambda done: progress(0.8 * done, "the uint8 file over the test set"))
    frozen, floating = (io_spec.read_graph(job.input(stage) / name)
                        for stage, name in (("Freeze", "frozen.pb"), ("TrainFloat", "float.pb")))
    progress(0.85, "the float model and the fake-quantized graph")
    comparisons = {end["name"]: Comparison(end) for end in network["outputs"]}
    own = {side: OwnMetrics(job.settings["metrics"], job.recipe_folder) for side in SIDES}
    for (rows, real), (_, fake) in zip(_batches(job, "TrainFloat", "float.pb", part),
                                       _batches(job, "Freeze", "frozen.pb", part)):
        for place, (name, comparison) in enumerate(comparisons.items()):
            comparison.add(real[place], fake[place], codes[place][rows], part.targets[name][rows])
        uint8 = [io_spec.real(end, codes[place][rows]) for place, end in enumerate(network["outputs"])]
        for side, found in zip(SIDES, (real, fake, uint8)):
            own[side].add(network["outputs"], found, part, rows)
    folded, gaps = quantized_graph.apply_rewrites(floating, float_network), []  # type: tf.GraphDef, List[str]
    measurement: Dict[str, Any] = {
        "samples": len(part),
        "metrics": _by_metric({side: each.figures() for side, each in own.items()}),
        "default_ranges": network["measured"],
        "outputs": {name: comparison.figures() for name, comparison in comparisons.items()},
        "parity": operators.measure(
            content, contents, io_spec.read(job.input("Freeze")), frozen, folded, inputs,
            lambda done: progress(0.9 + 0.1 * done, "operator by operator"), gaps),
        "size_bytes": {"float": _float_size(folded, float_network, gaps), "uint8": uint8_path.stat().st_size},
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


def _by_metric(by_side: Dict[str, Dict[str, Optional[float]]]) -> Dict[str, Dict[str, Optional[float]]]:
    """{metric: {side: its result}}."""
    return {name: {side: figures[name] for side, figures in by_side.items()} for name in by_side[SIDES[0]]}


def _float_size(folded: tf.GraphDef, network: io_spec.Network, gaps: List[str]) -> Optional[int]:
    """Bytes of the float model's .tflite file: of the folded graph, for toco refuses some as Keras has them. None, and
    a gap, where it refuses this one too: float files are not what it is checked for."""
    with stated(gaps, "the size of the float model's file"):
        return len(toco.convert(folded, network, uint8=False))
    return None


def _batches(job: Job, stage: str, file: str, part: Part) -> Iterator[Tuple[slice, List[np.ndarray]]]:
    """(rows, each output's reals) of an upstream graph, batch by batch."""
    network = io_spec.read(job.input(stage))
    # Not `with session`: two of these are under way at once, and defaults end in the order of a stack.
    with closing(evaluate_graph.session_of(io_spec.read_graph(job.input(stage) / file))) as session:
        yield from evaluate_graph.batches(session, network, *evaluate_graph.ends(session.graph, network), part)
