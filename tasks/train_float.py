"""TrainFloat: the network as its author wrote it, trained in float.

In:  the recipe's data, model and train sections; the parts train and validation.
Out: float.pb, the trained inference graph with its weights as constants; network.json.
Fails with ModelError when the model cannot be built on this data or the loss leaves the numbers.
"""

from pathlib import Path

import tensorflow as tf

from octet.datasets.dataset import Dataset
from octet.errors import ModelError
from octet.job import Job, Progress
from octet.resolve import load_attribute
from tasks import data
from tasks import network as net
from tasks.quantize import plan
from tasks.training import evaluate
from tasks.training.loop import Trainer


def build(job: Job, dataset: Dataset) -> tf.keras.Model:
    """The recipe's model for this dataset, in the current graph. Raises ModelError."""
    section = job.section("model")
    function = load_attribute(section.build, "models", "build", Path(job.recipe_folder))
    shape = next(iter(dataset.inputs.values())).shape
    classes = len(next(iter(dataset.targets.values())).classes)
    try:
        model = function(input_shape=tuple(shape), classes=classes, **section.args)
    except (TypeError, ValueError) as error:
        raise ModelError(
            "{} could not be built for inputs {} and {} classes: {}".format(
                section.build, tuple(shape), classes, error),
            where="model.build",
            next_step="mend model.args, or choose a model that takes this shape") from error
    if tuple(model.output_shape) != (None, classes):
        raise ModelError(
            "{} gives outputs {}, the dataset has {} classes".format(
                section.build, model.output_shape, classes),
            where="model.build", next_step="end the network with {} outputs".format(classes))
    return model


def frozen(job: Job, dataset: Dataset, weights=None):
    """(inference graph of constants, what its ends mean); fresh weights where none are given."""
    tf.keras.backend.clear_session()
    with tf.Graph().as_default() as graph, tf.Session(graph=graph).as_default() as session:
        tf.keras.backend.set_session(session)
        tf.keras.backend.set_learning_phase(0)
        tf.set_random_seed(job.settings["seed"])
        model = build(job, dataset)
        session.run(tf.global_variables_initializer())
        if weights is not None:
            model.set_weights(weights)
        ends = [tensor.op.name for tensor in (model.inputs[0], model.outputs[0])]
        graph_def = tf.graph_util.convert_variables_to_constants(
            session, graph.as_graph_def(), [ends[1]])
    return graph_def, net.describe(dataset, *ends)


def run(job: Job, progress: Progress) -> dict:
    dataset, seed = data.load(job), job.settings["seed"]
    graph_def, network = frozen(job, dataset)
    plan.quantizable(graph_def, network)  # what cannot be uint8 is said before the first step

    tf.keras.backend.clear_session()
    with tf.Graph().as_default() as graph, tf.Session(graph=graph).as_default() as session:
        tf.keras.backend.set_session(session)
        tf.keras.backend.set_learning_phase(1)
        tf.set_random_seed(seed)
        model = build(job, dataset)
        trainer = Trainer(model.inputs[0], model.outputs[0], job.section("train"),
                          model.losses, model.updates)
        session.run(tf.global_variables_initializer())
        history = trainer.fit(session, dataset.parts["train"], network, seed, progress)
        weights = model.get_weights()

    graph_def, network = frozen(job, dataset, weights)
    net.write_graph(job.out / "float.pb", graph_def)
    net.write(job.out, network)
    part = dataset.parts["validation"]
    return {"history": history, "validation_accuracy": evaluate.accuracy(
        evaluate.of_frozen(graph_def, network, part), part)}
