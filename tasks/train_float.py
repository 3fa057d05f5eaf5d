"""TrainFloat: the network as its author wrote it, trained in float.

In:  the recipe's data, model and train sections; the parts train and validation.
Out: float.pb, the trained inference graph with its weights as constants; network.json.
Fails with ModelError when the model cannot be built on this data or the loss leaves the numbers.
"""

import tensorflow as tf

from octet.job import Job, Progress
from tasks import data
from tasks import network as net
from tasks.quantize import plan
from tasks.training import evaluate
from tasks.training.loop import Trainer
from tasks.training.model import build, frozen


def run(job: Job, progress: Progress) -> dict:
    dataset, seed = data.load(job), job.settings["seed"]
    graph_def, network = frozen(job, dataset)
    plan.quantizable(graph_def, network)  # what cannot be uint8 is said before the first step

    tf.keras.backend.clear_session()
    with tf.Graph().as_default() as graph, tf.Session(graph=graph).as_default() as session:
        tf.keras.backend.set_session(session)
        tf.keras.backend.set_learning_phase(1)
        tf.set_random_seed(seed)
        model = build(job, dataset).model
        trainer = Trainer(network, model.inputs, model.outputs, job.section("train"),
                          model.losses, model.updates)
        session.run(tf.global_variables_initializer())
        history = trainer.fit(session, dataset.parts["train"], seed, progress)
        weights = model.get_weights()

    graph_def, network = frozen(job, dataset, weights)
    net.write_graph(job.out / "float.pb", graph_def)
    net.write(job.out, network)
    part = dataset.parts["validation"]
    return {"history": history, "validation_accuracy": evaluate.accuracies(
        evaluate.of_frozen(graph_def, network, part), network, part)}
