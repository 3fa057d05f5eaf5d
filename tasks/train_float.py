"""TrainFloat: the network as its author wrote it, trained in float.

In:  the recipe's data, model, train and loss sections; the parts train and validation.
Out: float.pb, the trained inference graph with its weights as constants; training.meta, the graph that it
     was trained as; network.json. By-product: events.
Fails with ModelError when the model cannot be built on this data, its weights are another network's, or
the loss leaves the numbers.
"""

import logging
from typing import Dict, List, Sequence

import tensorflow as tf

from octet.datasets.dataset import Dataset
from octet.errors import ModelError
from octet.job import Job, Progress
from tasks import data
from tasks import network as net
from tasks.training import batch_norm, feed, sessions, training_graph
from tasks.training.history import History
from tasks.training.inference import Inference
from tasks.training.loop import Trainer
from tasks.training.model import build


def run(job: Job, progress: Progress) -> dict:
    dataset = data.load(job)
    inference = Inference(job, dataset)
    for warning in inference.warnings:
        logging.warning(warning)
        progress(0.0, warning)
    history = _train(job, dataset, inference, progress)
    net.write_graph(job.out / "float.pb", inference.frozen())
    net.write(job.out, inference.network)
    return {"history": history, "validation": inference.figures(dataset.parts["validation"])}


def _train(job: Job, dataset: Dataset, inference: Inference, progress: Progress) -> List[Dict]:
    """What each epoch came to; `inference` has the trained weights."""
    settings, seed, part = job.section("train"), job.settings["seed"], dataset.parts["train"]
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
        statistics = batch_norm.rates(graph)
        trainer = Trainer(inference.network, model.inputs, built.outputs, settings,
                          built.losses, built.updates)
        # A gradient adds outputs to the calls of a tf.function, and no session that has run sees them.
        with tf.Session(graph=graph, config=sessions.ANY_DEVICE) as session:
            sessions.put(session, others + model.weights, values + inference.weights)
            sessions.initialize(session)
            session.run(tf.tables_initializer())

            def validate() -> Dict:
                feeds = (trainer.fed(part, rows) for rows in feed.batches(part, settings.batch_size, seed, epoch=0))
                batch_norm.reestimate(session, built.updates, statistics, feeds, settings.batch_norm_batches)
                inference.load(session.run(model.weights))
                return inference.figures(dataset.parts["validation"])

            history = History(job.out, validate)
            trainer.fit(session, part, seed, history, progress)
    return history.close()


def _expect_same(variables: Sequence[tf.Variable], inference: Inference) -> None:
    """The model that is trained has the variables of the one that will be used; layers may be called something else."""
    trained, used = ([(variable.op.name.split("/")[-1], tuple(variable.shape.as_list())) for variable in each]
                     for each in (variables, inference.variables))
    if trained != used:
        raise ModelError(
            "the model is another one in training", where="model.build",
            why="its function is called with K.learning_phase() 1 and 0, and gives {} variables, then {}:\n{}".format(
                len(trained), len(used), ", ".join("{} {}".format(*one) for one in set(trained) ^ set(used))),
            next_step="build the same layers each time, whatever K.learning_phase() is and how often it was called")
