"""TrainQAT: quantization-aware training of the float network.

With `batch_norm: fold`, the float graph is folded and rewritten, its ranges are calibrated, and it is trained with
fake-quants. With `epochs: 0` it is calibrated only. The stage works on graphs, not on a Keras model. Dropout and
penalties continue where `regularization` says so.

With `batch_norm: live`, the training graph is trained with fake-quants first; the trained graph is then folded,
rewritten and calibrated. With `default_ranges: measured`, tensors that were trained without a fake-quant get a range
that covers all their values on the training data.

In:  TrainFloat's float.pb, training.meta, regularization.json; the recipe's quantize, augment and loss sections; the
     parts train and validation.
Out: network.pb, the folded graph of constants; variables.*, the trained weights and ranges; network.json,
     which names the measured ranges; training.json, the settings, the epochs and the findings about the ranges.
     By-product: events.
Fails with QuantizeError when a tensor cannot be uint8, with ModelError when the loss becomes NaN or infinite, and with
RecipeError when `delay` leaves no training step.
"""

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Dict, List, NamedTuple, Optional, Set

import numpy as np
import tensorflow as tf

from octet.data.dataset import Dataset, Part
from octet.job import Job, Progress
from tasks import prepared_data
from tasks.evaluation import evaluate_graph
from tasks.graph import io_spec
from tasks.keras_model import model_regularization as of_model
from tasks.keras_model import own_loss
from tasks.keras_model.sessions import put
from tasks.quantize import quantized_graph
from tasks.quantize.ir import trainable_weights
from tasks.quantize.ranges import coverage, fake_quant_gradient, health
from tasks.quantize.weights import channel_spread, equalize
from tasks.training import (
    distill,
    layer_learning_rates,
    live_batch_norm,
    optimizer,
    qat_regularization,
    training_record,
)
from tasks.training.augmentation import defaults
from tasks.training.augmentation.augmentation import Augmentation
from tasks.training.best_epoch import Best
from tasks.training.calibrate import calibrate, measure, momentum
from tasks.training.history import History
from tasks.training.loop import Trainer

CALIBRATION = 0.05  # share of the progress bar
HEALTH_SAMPLES = 1000  # enough to see whether a range fits


class _Phase(NamedTuple):
    """What the training of this phase needs. teacher: the float graph. best: chooses the epoch that is kept."""

    job: Job
    dataset: Dataset
    settings: SimpleNamespace
    network: io_spec.Network
    teacher: tf.GraphDef
    augmentation: Optional[Augmentation]
    own: own_loss.OwnLosses
    best: Best
    report: Progress

    def report_training(self, done: float, message: str) -> None:
        """Reports the progress of the training, after the calibration."""
        self.report(CALIBRATION + (1 - CALIBRATION) * done, message)


class _Trained(NamedTuple):
    """The results of calibration and training.

    batches: of the calibration. calibrated, trained: figures on the validation part, after the calibration and at the
    end. ranges: where the range of each tensor comes from. measured: ranges that are not trained. history: the epochs.
    findings: about the ranges."""

    batches: int
    calibrated: evaluate_graph.Figures
    trained: evaluate_graph.Figures
    ranges: List[coverage.RangeSource]
    measured: List[io_spec.MeasuredRange]
    history: List[Dict[str, Any]]
    findings: List[health.Finding]


def run(job: Job, progress: Progress) -> Dict[str, Any]:
    dataset, source = prepared_data.load(job), job.input("TrainFloat")
    settings = optimizer.with_defaults(job.section("quantize"), classifies=True, batch_norm=False, regularised=False)
    part = dataset.parts["train"]
    network, graph_def = io_spec.read(source), io_spec.read_graph(source / "float.pb")
    chosen = defaults.chosen(job.section("augment"), dataset, part, defaults.size_of(_constants(graph_def)))
    phase = _Phase(job, dataset, settings, network, graph_def,
                   Augmentation(chosen, network, job.seed) if chosen.varies else None,
                   own_loss.load(network, job.recipe_folder), Best(settings, "quantize"), progress)
    if settings.epochs:
        progress(0.0, "{}; {}".format(optimizer.described(settings), chosen.words))
    covered: Set[str] = set()
    history: List[Dict[str, Any]] = []
    if settings.batch_norm == "live":
        covered = live_batch_norm.covered(graph_def, network, settings, len(part))
        graph_def, history = live_batch_norm.train(
            job, dataset, source, network, phase.report_training, settings, phase.augmentation, phase.best, phase.own)
    graph_def = quantized_graph.apply_rewrites(graph_def, network)
    pairs: List[Any] = []
    if settings.equalize:
        graph_def, pairs = equalize.equalized(graph_def, io_spec.nodes(network, "outputs"))
    quantized = quantized_graph.insert_fake_quants(graph_def, network, training=True)
    carried = _regularization(settings.regularization, source, phase.teacher, graph_def, network, part)
    for sentence in carried.left:
        progress(0.0, "regularization that does not continue: " + sentence)
    found = _train(phase, quantized, carried, covered, history)
    for finding in found.findings:
        logging.warning(finding)
        progress(1.0, str(finding))
    io_spec.write_graph(job.out / "network.pb", graph_def)
    network["measured"] = found.measured
    io_spec.write(job.out, network)
    training_record.write(job.out, job.settings, found.history, phase.best.epoch, calibrated=found.calibrated,
                          health=[dict(item._asdict(), words=str(item)) for item in found.findings])
    return {"calibration": {"batches": found.batches, "validation": found.calibrated}, "history": found.history,
            "kept_epoch": phase.best.epoch, "augment": chosen.on, "validation": found.trained,
            "regularization": _names(carried), "ranges": [item._asdict() for item in found.ranges],
            "health": [item._asdict() for item in found.findings], "equalized": pairs,
            "channels": [item._asdict() for item in channel_spread.worst_first(graph_def)]}


def _train(phase: _Phase, quantized: quantized_graph.Quantized, carried: qat_regularization.Found, covered: Set[str],
           history: List[Dict[str, Any]]) -> _Trained:
    """Calibrates the ranges, trains with fake-quants where batch norm is folded, and writes the variables. carried: the
    regularization that continues. covered, history: of the training with live batch norm, which is over."""
    job, settings, network, best = phase.job, phase.settings, phase.network, phase.best
    part, validation = phase.dataset.parts["train"], phase.dataset.parts["validation"]
    inputs, outputs, seed = quantized.inputs, quantized.outputs, job.seed
    measured: List[io_spec.MeasuredRange] = []
    fake_quant_gradient.use_fast_gradients(quantized.graph)
    with quantized.graph.as_default(), tf.Session() as session:
        tf.set_random_seed(seed)
        variables = tf.global_variables()  # without the optimizer's
        saver = tf.train.Saver(variables)
        put_back = qat_regularization.PutBack(carried, seed)
        trainer = Trainer(
            network, inputs, outputs, settings, put_back.losses, augmentation=phase.augmentation,
            frozen=trainable_weights.of_layers(network["not_trained"]),
            distance=distill.loss(phase.teacher, network, inputs, outputs) if settings.distill else None,
            checkpoints=job.checkpoints_folder if settings.batch_norm == "fold" else None, own=phase.own,
            factors=layer_learning_rates.factors(settings.rates, trainable_weights.layers(), "quantize"),
            noise=put_back.fed)
        raw = own_loss.raw_losses(network, outputs, phase.own)
        session.run(tf.global_variables_initializer())

        def validate() -> evaluate_graph.Figures:
            return evaluate_graph.figures(session, network, inputs, outputs, validation, raw)

        def end_epoch() -> evaluate_graph.Figures:
            with trainer.average.in_place(session):
                figures = validate()
                best.offer(figures, lambda: session.run(variables))
            return figures

        batches = calibrate(session, network, quantized, part, settings, seed,
                            lambda done, message: phase.report(CALIBRATION * done, message))
        ranges = quantized.ranges
        if settings.default_ranges:
            measured = measure(session, network, quantized, part, covered)
            ranges = coverage.measured(ranges, covered)
        calibrated = validate()
        if settings.batch_norm == "fold":
            best.offer_start(calibrated, lambda: session.run(variables))
            epochs = History(job.out, end_epoch)
            trainer.fit(session, part, seed, epochs, phase.report_training, best,
                        lambda epochs_done: {quantized.momentum: momentum(settings, part, epochs_done)})
            history = epochs.close()
            if best.values is not None:
                put(session, variables, best.values)
        saver.save(session, str(job.out / "variables"), write_meta_graph=False, write_state=False)
        return _Trained(batches, calibrated, validate(), ranges, measured, history,
                        _health(session, network, quantized, validation))


def _names(regularization: qat_regularization.Found) -> Dict[str, List[str]]:
    """The metric `regularization`: the layers whose noise and whose penalties continue, and a sentence for each
    regularization that does not."""
    return {"noises": [noise["layer"] for noise, _ in regularization.noises],
            "penalties": [penalty["layer"] for penalty, _, _ in regularization.penalties],
            "left": regularization.left}


def _regularization(choice: str, source: Path, float_graph: tf.GraphDef, folded: tf.GraphDef,
                    network: io_spec.Network, part: Part) -> qat_regularization.Found:
    """The part of the float phase's regularization that `choice` selects, located in the folded graph."""
    if choice == "none":
        return qat_regularization.Found([], [], [])
    selected = of_model.read(source)
    if choice == "noise":
        selected["penalties"] = []
    elif choice == "penalties":
        selected["noises"] = []
    carried = qat_regularization.find(selected, float_graph, folded, network, part)
    if not carried.noises and not carried.penalties:
        logging.warning("quantize.regularization is %s, but the float phase has no regularization that can continue",
                        choice)
    return carried


def _constants(graph_def: tf.GraphDef) -> List[np.ndarray]:
    """The values of the float constants of a graph: its weights."""
    return [tf.make_ndarray(node.attr["value"].tensor) for node in graph_def.node
            if node.op == "Const" and node.attr["dtype"].type == tf.float32.as_datatype_enum]


def _health(session: tf.Session, network: io_spec.Network, quantized: quantized_graph.Quantized,
            part: Part) -> List[health.Finding]:
    """Findings about the ranges, on the first samples of the part. No range is changed."""
    if not quantized.trained:
        return []
    observed, counts, ends = health.observed(quantized.trained), 0, None
    for rows, (counted, seen) in evaluate_graph.batches(session, network, quantized.inputs, observed, part):
        counts, ends = counts + counted.astype(np.int64), seen
        if rows.stop >= HEALTH_SAMPLES:
            break
    return health.check_ranges(quantized.trained, quantized.ranges, counts, ends)
