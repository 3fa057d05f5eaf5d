"""The quantized phase with the float network as its teacher."""

import numpy as np
import pytest
import tensorflow as tf

from octet.datasets import digits
from tasks.evaluation import evaluate_graph
from tasks.graph import io_spec
from tasks.training import distill
from tests.tasks import jobs
from tests.tasks.networks import LAYERS, all_outputs, frozen

RECIPE = """
data: {dataset: digits}
model: {build: lenet, args: {filters: [8, 16], dense: 24}}
train: {epochs: 4, batch_size: 32}
quantize: {epochs: 2, batch_size: 32, keep: last, learning_rate: 0.001, %s}
"""
IMAGES = np.random.RandomState(0).rand(6, 8, 8, 3).astype(np.float32)


@pytest.mark.parametrize("activation, expected", [
    ("softmax", lambda p, q: -(p * np.log(q)).sum(-1).mean()),
    ("sigmoid", lambda p, q: -(p * np.log(q) + (1 - p) * np.log(1 - q)).sum(-1).mean()),
    (None, lambda p, q: np.square(p - q).mean())])
def test_the_distance_is_that_of_the_answers_for_the_same_inputs(activation, expected):
    def build(x):
        return LAYERS.Dense(4, activation=activation, bias_initializer="random_normal")(LAYERS.Flatten()(x))

    teacher, network = frozen(build, seed=1)
    pupil, _ = frozen(build, seed=7)
    network["outputs"][0].update(kind="class" if activation else "value", loss_weight=2.0)
    with tf.Graph().as_default() as graph, tf.Session(graph=graph) as session:
        tf.import_graph_def(pupil, name="")
        inputs, outputs = evaluate_graph.ends(graph, network)
        found = session.run(distill.loss(teacher, network, inputs, outputs), {inputs[0]: IMAGES})
    answers = [all_outputs(each, network, IMAGES)[0].astype(np.float64) for each in (teacher, pupil)]
    assert found == pytest.approx(2 * expected(*answers), rel=1e-4)


def test_a_taught_network_answers_more_as_its_teacher_does(tmp_path):
    made, distances = {}, {}
    images = digits.load().parts["validation"].inputs["image"]
    for name, said in (("labels", "optimizer: adam"), ("teacher", "distill: 1")):
        folder = tmp_path / name
        folder.mkdir()
        _, folders = jobs.run(folder, RECIPE % said, "Freeze", made)
        made = {"TrainFloat": folders["TrainFloat"]}
        answers = []
        for stage, file in (("TrainFloat", "float.pb"), ("Freeze", "frozen.pb")):
            network = io_spec.read(folders[stage])
            with evaluate_graph.session_of(io_spec.read_graph(folders[stage] / file)) as session:
                (image,), outputs = evaluate_graph.ends(session.graph, network)
                answers.append(session.run(outputs, {image: io_spec.real(network["inputs"][0], images)})[0])
        distances[name] = np.abs(answers[0] - answers[1]).mean()
    assert distances["teacher"] < 0.7 * distances["labels"]
