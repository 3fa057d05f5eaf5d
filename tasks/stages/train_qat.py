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
from typing import Any, Dict, List

import numpy as np
import tensorflow as tf

from octet.data.dataset import Part
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


def run(job: Job, progress: Progress) -> Dict[str, Any]:
    dataset, seed = prepared_data.load(job), job.seed
    settings = optimizer.with_defaults(job.section("quantize"), classifies=True, batch_norm=False, regularised=False)
    part, validation = dataset.parts["train"], dataset.parts["validation"]
    source = job.input("TrainFloat")
    network, graph_def = io_spec.read(source), io_spec.read_graph(source / "float.pb")
    measured: List[io_spec.MeasuredRange] = []
    chosen = defaults.chosen(job.section("augment"), dataset, part, defaults.size_of(_constants(graph_def)))
    augmentation = Augmentation(chosen, network, seed) if chosen.varies else None
    own = own_loss.load(network, job.recipe_folder)
    teacher, best = graph_def, Best(settings, "quantize")
    history: List[Dict[str, Any]] = []

    def training(done: float, message: str) -> None:
        progress(CALIBRATION + (1 - CALIBRATION) * done, message)

    if settings.epochs:
        progress(0.0, "{}; {}".format(optimizer.described(settings), chosen.words))
    if settings.batch_norm == "live":
        trained_live = live_batch_norm.covered(graph_def, network, settings, len(part))
        graph_def, history = live_batch_norm.train(
            job, dataset, source, network, training, settings, augmentation, best, own)
    graph_def = quantized_graph.apply_rewrites(graph_def, network)
    pairs: List[Any] = []
    if settings.equalize:
        graph_def, pairs = equalize.equalized(graph_def, io_spec.nodes(network, "outputs"))
    quantized = quantized_graph.insert_fake_quants(graph_def, network, training=True)
    ends = quantized.inputs, quantized.outputs
    carried = _regularization(settings.regularization, source, teacher, graph_def, network, part)
    for sentence in carried.left:
        progress(0.0, "regularization that does not continue: " + sentence)
    fake_quant_gradient.use_fast_gradients(quantized.graph)
    with quantized.graph.as_default(), tf.Session() as session:
        tf.set_random_seed(seed)
        variables = tf.global_variables()  # without the optimizer's
        saver = tf.train.Saver(variables)
        put_back = qat_regularization.PutBack(carried, seed)
        trainer = Trainer(network, *ends, settings, put_back.losses, augmentation=augmentation,
                          frozen=trainable_weights.of_layers(network["not_trained"]),
                          distance=distill.loss(teacher, network, *ends) if settings.distill else None,
                          checkpoints=job.checkpoints_folder if settings.batch_norm == "fold" else None, own=own,
                          factors=layer_learning_rates.factors(settings.rates, trainable_weights.layers(), "quantize"),
                          noise=put_back.fed)
        raw = own_loss.raw_losses(network, quantized.outputs, own)
        session.run(tf.global_variables_initializer())

        def validate() -> Dict[str, Any]:
            return evaluate_graph.figures(session, network, *ends, validation, raw)

        def end_epoch() -> Dict[str, Any]:
            with trainer.average.in_place(session):
                figures = validate()
                best.offer(figures, lambda: session.run(variables))
            return figures

        batches = calibrate(session, network, quantized, part, settings, seed,
                            lambda done, message: progress(CALIBRATION * done, message))
        covering = quantized.ranges
        if settings.default_ranges:
            measured = measure(session, network, quantized, part, trained_live)
            covering = coverage.measured(covering, trained_live)
        calibrated = validate()
        if settings.batch_norm == "fold":
            best.offer_start(calibrated, lambda: session.run(variables))
            epochs = History(job.out, end_epoch)
            trainer.fit(session, part, seed, epochs, training, best,
                        lambda epochs_done: {quantized.momentum: momentum(settings, part, epochs_done)})
            history = epochs.close()
            if best.values is not None:
                put(session, variables, best.values)
        saver.save(session, str(job.out / "variables"), write_meta_graph=False, write_state=False)
        trained = validate()
        findings = _health(session, network, quantized, validation)
    for finding in findings:
        logging.warning(finding)
        progress(1.0, str(finding))
    io_spec.write_graph(job.out / "network.pb", graph_def)
    network["measured"] = measured
    io_spec.write(job.out, network)
    training_record.write(job.out, job.settings, history, best.epoch, calibrated=calibrated,
                 health=[dict(item._asdict(), words=str(item)) for item in findings])
    return {"calibration": {"batches": batches, "validation": calibrated}, "history": history,
            "kept_epoch": best.epoch, "augment": chosen.on, "validation": trained,
            "regularization": {"noises": [noise["layer"] for noise, _ in carried.noises],
                               "penalties": [penalty["layer"] for penalty, _, _ in carried.penalties],
                               "left": carried.left},
            "ranges": [item._asdict() for item in covering],
            "health": [item._asdict() for item in findings], "equalized": pairs,
            "channels": [item._asdict() for item in channel_spread.worst_first(graph_def)]}


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
