"""Check: whether a recipe's model can become uint8. It reads a few samples of the data, trains nothing and writes no
file.

In:  all sections of the recipe.
Out: no file. Metrics: the source of each tensor's range, the changes of each pass (quantized_graph.Applied), the
     largest error of each approximated activation, warnings (also about operators that a target does not support),
     notes about the few samples, as `data_notes`, and other notes.
Fails with ModelError when the model cannot be built for this data, when the initial weights do not fit it, or when the
user's loss, metric or function for boxes cannot be used; with QuantizeError when a tensor cannot be uint8; with
RecipeError for a gate that applies to no target, or for learning rates of layers that do not exist.
"""

from typing import Any, Dict, Optional

from octet.data import summary
from octet.data.dataset import Dataset, Part
from octet.errors import RecipeError
from octet.gates import definitions as gates
from octet.job import Job, Progress
from tasks import data_source
from tasks.checks import trial
from tasks.evaluation.own_metrics import OwnMetrics
from tasks.keras_model import approximate_activations, sessions
from tasks.keras_model.inference_graph import Inference
from tasks.quantize import quantized_graph
from tasks.quantize.ir import trainable_weights
from tasks.quantize.prepare import recurrent_layers
from tasks.quantize.ranges import coverage
from tasks.report.predicted_boxes import PredictedBoxes
from tasks.tflite.targets import fit
from tasks.training import layer_learning_rates, live_batch_norm

SAMPLES = 32  # of each part are read; PrepareData checks the whole data


def run(job: Job, progress: Progress) -> Dict[str, Any]:
    dataset = data_source.load(job, samples=SAMPLES)
    unfit = gates.unfit(job.settings["validate"], {name: target.kind for name, target in dataset.targets.items()},
                        {name: len(target.classes) for name, target in dataset.targets.items()})
    if unfit:
        raise RecipeError("\n".join(unfit), where="validate", why="such a gate would never be evaluated",
                          next_step="leave it out, or choose a gate for this kind of target")
    # Recurrent layers are refused before anything runs, because a loop cannot be frozen.
    inference = Inference(job, dataset, recurrent_layers.refuse, sessions.RUN_ONCE)
    network = inference.network
    inference.expect_sound_losses(dataset.parts["train"], SAMPLES)
    _expect_sound_metrics(job, inference, dataset.parts["test"])
    inference.move_equal_weights()
    graph_def = inference.frozen()
    found = quantized_graph.check_quantizable(graph_def, network)
    ranges = found.ranges
    settings = job.section("quantize")
    if settings.batch_norm == "live":
        live_batch_norm.expect_no_functions(inference.session.graph, network)
        trained = live_batch_norm.covered(graph_def, network, settings, _training_samples(dataset))
        ranges = coverage.measured(ranges, trained) if settings.default_ranges else ranges
    progress(0.5, "every tensor has a range")
    layer_learning_rates.factors(job.section("train").rates, inference.layers, "train")
    with found.quantized.graph.as_default():
        layer_learning_rates.factors(settings.rates, trainable_weights.layers(), "quantize")
    converted = trial.convert(found, network, dataset.parts["train"])
    judged = fit.both(converted.content, job.settings["export"]["targets"])
    warnings = inference.warnings + converted.warnings + fit.warnings(judged)
    progress(1.0, "it converts, and the interpreter runs it")
    return {"ranges": [item._asdict() for item in ranges], "rewrites": [item._asdict() for item in found.rewrites],
            "approximated": {name: approximate_activations.ERROR[name]
                             for name in job.section("model").approximate},
            "warnings": warnings, "data_notes": summary.notes(dataset), "notes": inference.notes + (
                ["not in the quantized phase: " + sentence for sentence in inference.regularization["left"]]
                if settings.regularization != "none" else [])}


def _expect_sound_metrics(job: Job, inference: Inference, part: Part) -> None:
    """Raises ModelError if a metric or the function for boxes of the user fails on the untrained network's outputs for
    a few samples."""
    own = OwnMetrics(job.settings["metrics"], job.recipe_folder)
    if job.settings["metrics"]:
        inference.give_outputs(part, SAMPLES, own.add)
        own.figures()
    if job.section("report").boxes is not None:
        inference.give_outputs(part, SAMPLES, PredictedBoxes(job.section("report").boxes, job.recipe_folder).add)


def _training_samples(dataset: Dataset) -> Optional[int]:
    """The number of training samples; None if it is unknown because only some were read."""
    if dataset.samples is None:
        return len(dataset.parts["train"])
    return next((len(answers) for answers in dataset.answers.get("train", {}).values()), None)
