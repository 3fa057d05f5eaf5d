"""TrainFloat: trains the network in float, as its author wrote it.

In:  the recipe's data, model, train, augment and loss sections; the parts train and validation.
Out: float.pb, the trained inference graph with its weights as constants; training.meta, the training graph;
     network.json; regularization.json, the dropout and penalties that an inference graph does not have;
     training.json, the settings and the epochs. By-product: events.
Fails with ModelError when the model cannot be built on this data, when its pretrained weights belong to another
network, or when the loss becomes NaN or infinite.
"""

import logging
from types import SimpleNamespace
from typing import Any, Dict, Iterator, List, Sequence, Tuple

import tensorflow as tf

from octet.data.dataset import Dataset
from octet.errors import ModelError
from octet.job import Job, Progress
from tasks import prepared_data
from tasks.graph import io_spec, scopes
from tasks.keras_model import layer_patterns, model_regularization, own_loss, sessions, training_graph
from tasks.keras_model.build import build
from tasks.keras_model.inference_graph import Inference
from tasks.training import batch_norm_statistics, feed, layer_learning_rates, optimizer, training_record
from tasks.training.augmentation import defaults
from tasks.training.augmentation.augmentation import Augmentation
from tasks.training.best_epoch import Best
from tasks.training.history import History
from tasks.training.loop import Trainer


def run(job: Job, progress: Progress) -> Dict[str, Any]:
    dataset = prepared_data.load(job)
    inference = Inference(job, dataset)
    for warning in inference.warnings:
        logging.warning(warning)
        progress(0.0, warning)
    metrics, not_trained = _train(job, dataset, inference, progress)
    io_spec.write_graph(job.out / "float.pb", inference.frozen())
    network = inference.network.copy()
    network["not_trained"] = not_trained + [name for name in network["layers"] if name == scopes.PREPROCESS]
    io_spec.write(job.out, network)
    model_regularization.write(job.out, inference.regularization)
    training_record.write(job.out, job.settings, metrics["history"], metrics["kept_epoch"])
    return {**metrics, "validation": inference.figures(dataset.parts["validation"])}


def _train(job: Job, dataset: Dataset, inference: Inference,
           progress: Progress) -> Tuple[Dict[str, Any], List[str]]:
    """Trains the model, and loads the kept weights into `inference`. Returns (the stage's metrics, the names of the
    layers that the author excluded from training)."""
    seed, part = job.seed, dataset.parts["train"]
    chosen = defaults.chosen(job.section("augment"), dataset, part, defaults.size_of(inference.weights))
    tf.keras.backend.clear_session()
    with tf.Graph().as_default() as graph:
        tf.keras.backend.set_session(tf.Session(graph=graph, config=sessions.ANY_DEVICE))
        tf.keras.backend.set_learning_phase(1)
        tf.set_random_seed(seed)
        built = build(job, dataset)
        training_graph.write(job.out, built)
        model = built.model
        session, own = sessions.of_keras(), set(model.weights)
        sessions.initialize(session)
        others = [variable for variable in sessions.all_variables() if variable not in own]
        values = session.run(others)
        session.close()
        _expect_same(model.weights, inference)
        statistics = batch_norm_statistics.rates(graph)
        settings = _settings(job, inference.network, bool(statistics), bool(built.losses))
        augmentation = Augmentation(chosen, inference.network, seed) if chosen.varies else None
        trainer = Trainer(inference.network, model.inputs, built.outputs, settings,
                          built.losses, built.updates, augmentation, checkpoints=job.checkpoints_folder,
                          own=own_loss.load(inference.network, job.recipe_folder),
                          factors=layer_learning_rates.factors(
                              settings.rates, layer_patterns.of_variables(model), "train"))
        best = Best(settings, "train")
        # The gradients add outputs to calls of a tf.function. A session that has run before does not see them, so this
        # is a new one.
        with tf.Session(graph=graph, config=sessions.ANY_DEVICE) as session:
            sessions.put(session, others + model.weights, values + inference.weights)
            sessions.initialize(session)
            session.run(tf.tables_initializer())

            def validate() -> Dict[str, Any]:
                feeds = ({**trainer.fed(part, rows), **trainer.random.fed(-1 - batch)} for batch, rows in
                         enumerate(feed.batches(part, settings.batch_size, seed, epoch=0)))
                with trainer.average.in_place(session, model.weights):
                    batch_norm_statistics.reestimate(
                        session, built.updates, statistics, feeds, settings.batch_norm_batches)
                    weights = session.run(model.weights)
                inference.load(weights)
                figures = inference.figures(dataset.parts["validation"])
                best.offer(figures, lambda: weights)
                return figures

            if settings.epochs:
                if settings.monitor is not None:  # reports a misspelt name before the first epoch
                    best.expect_known(inference.figures(dataset.parts["validation"]))
                progress(0.0, "{}; {}".format(optimizer.described(settings), chosen.words))
            history = History(job.out, validate)
            trainer.fit(session, part, seed, history, progress, best)
            if best.values is not None:
                inference.load(best.values)
    return {"history": history.close(), "kept_epoch": best.epoch, "augment": chosen.on,
            "optimization": {"optimizer": settings.optimizer, "learning_rate": settings.learning_rate,
                             "weight_decay": settings.weight_decay}}, list(_not_trained(model))


def _settings(job: Job, network: io_spec.Network, batch_norm: bool, regularised: bool) -> SimpleNamespace:
    """The section `train` with the optimizer's defaults for this network."""
    classifies = all(end["kind"] not in ("value", "raw") for end in network["outputs"])
    return optimizer.with_defaults(job.section("train"), classifies, batch_norm, regularised)


def _not_trained(model: tf.keras.Model) -> Iterator[str]:
    """Names, as in network.json, of the layers that have weights but no trainable ones."""
    return (name for name, layer in layer_patterns.named(model)
            if not isinstance(layer, tf.keras.Model) and layer.weights and not layer.trainable_weights)


def _expect_same(variables: Sequence[tf.Variable], inference: Inference) -> None:
    """Raises ModelError unless the training model has the variables (name, shape) of the inference model, in the same
    order. The layers may have other names."""
    trained, used = ([(variable.op.name.split("/")[-1], tuple(variable.shape.as_list())) for variable in each]
                     for each in (variables, inference.variables))
    if trained != used:
        raise ModelError(
            "the training model and the inference model have different variables", where="model.build",
            why="its function was called with K.learning_phase() 1, then 0, and built {} variables, then {}. "
                "Variables of only one of them:\n{}".format(
                    len(trained), len(used), ", ".join("{} {}".format(*one) for one in set(trained) ^ set(used))),
            next_step="build the same layers in every call, whatever K.learning_phase() is")
