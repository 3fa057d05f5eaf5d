"""The results of the two training phases, on the small digits."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from models import lenet
from octet.datasets import digits
from octet.errors import ModelError
from tasks.evaluation import evaluate_graph
from tasks.graph import io_spec
from tasks.quantize import quantized_graph
from tests.tasks import jobs, user_models

ARGS = {"filters": [8, 16], "dense": 24}
RECIPE = """
data: {dataset: digits}
model: {build: lenet, args: {filters: [8, 16], dense: 24}%s}
train: {%s}
quantize: {epochs: %d, batch_size: 32}
"""


def recipe(train="epochs: 4, batch_size: 32", weights="", quantized_epochs=0):
    return RECIPE % (", weights: " + weights if weights else "", train, quantized_epochs)


@pytest.fixture(scope="module")
def floated(tmp_path_factory):
    """(metrics, {stage: folder}) up to TrainFloat, for tests in which only the later phase differs."""
    return jobs.run(tmp_path_factory.mktemp("float"), recipe(), "TrainFloat")


@pytest.fixture(scope="module")
def quantized(floated, tmp_path_factory):
    """A function that returns (metrics of TrainQAT, {variable: value}) for these quantize settings, after the same
    float phase. Each setting is trained once."""
    @functools.lru_cache(maxsize=None)
    def run(settings):
        new = "{{batch_size: 64, schedule: constant, warm_up: 0, keep: last, {}}}".format(settings)
        text = recipe().replace("{epochs: 0, batch_size: 32}", new)
        metrics, folders = jobs.run(tmp_path_factory.mktemp("quantized"), text, "TrainQAT", floated[1])
        reader = tf.train.load_checkpoint(str(folders["TrainQAT"] / "variables"))
        return metrics["TrainQAT"], {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}
    return run


def test_statistics_of_batch_norm_are_right_after_few_steps(tmp_path):
    found = []
    for batches in ("0", "50"):
        (tmp_path / batches).mkdir()
        metrics, _ = jobs.run(
            tmp_path / batches, recipe("epochs: 4, batch_size: 32, batch_norm_batches: " + batches), "TrainFloat")
        found.append(metrics["TrainFloat"]["validation"]["label"]["accuracy"])
    moving, taken = found
    assert taken > moving + 0.1 and taken > 0.85


def test_history_has_each_epoch_and_tensorboard_too(tmp_path, floated):
    metrics, folders = jobs.run(tmp_path, recipe(quantized_epochs=2), "TrainQAT", floated[1])
    metrics = {**floated[0], **metrics}
    for stage, epochs in (("TrainFloat", 4), ("TrainQAT", 2)):
        history = metrics[stage]["history"]
        (events,) = (folders[stage] / "events").iterdir()
        written = [(event.step, value.tag, value.simple_value)
                   for event in tf.train.summary_iterator(str(events)) for value in event.summary.value]
        for number, epoch in enumerate(history, 1):
            assert epoch["epoch"] == number
            told = {tag: value for step, tag, value in written if step == number}
            assert told["validation/label/accuracy"] == pytest.approx(epoch["validation"]["label"]["accuracy"])
            assert told["loss"] == pytest.approx(epoch["loss"])
        assert len(history) == epochs
    kept = metrics["TrainFloat"]["kept_epoch"]
    assert metrics["TrainFloat"]["history"][kept - 1]["validation"] == metrics["TrainFloat"]["validation"]


def test_no_epoch_only_calibrates(tmp_path, floated):
    metrics, folders = jobs.run(tmp_path, recipe(), "TrainQAT", floated[1])
    trained = metrics["TrainQAT"]
    assert trained["history"] == [] and trained["calibration"]["batches"] == 20
    network = io_spec.read(folders["TrainQAT"])
    graph_def = io_spec.read_graph(folders["TrainQAT"] / "network.pb")
    quantized = quantized_graph.insert_fake_quants(graph_def, network, training=True)
    with quantized.graph.as_default(), tf.Session() as session:
        session.run(tf.global_variables_initializer())
        weights = {variable.op.name: session.run(variable) for variable in tf.trainable_variables()}
    reader = tf.train.load_checkpoint(str(folders["TrainQAT"] / "variables"))
    assert weights
    for name, value in weights.items():
        assert (reader.get_tensor(name) == value).all(), name
    before = floated[0]["TrainFloat"]["validation"]["label"]["accuracy"]
    assert trained["calibration"]["validation"]["label"]["accuracy"] == pytest.approx(before, abs=0.03)


@pytest.mark.parametrize("train, same", [("batch_size: 32", True), ("batch_size: 32, epochs: 1", False)])
def test_weights_that_are_given_are_the_float_network(tmp_path, train, same):
    images = digits.load().parts["test"].inputs["image"][:20]
    with tf.Graph().as_default() as graph, tf.Session(graph=graph) as session:
        tf.keras.backend.set_session(session)
        tf.keras.backend.set_learning_phase(0)
        model = lenet.build((8, 8, 1), 10, **ARGS)
        session.run(tf.global_variables_initializer())
        model.save_weights(str(tmp_path / "mine.h5"))
        expected = session.run(model.output, {model.input: images / 255})
    tf.keras.backend.clear_session()

    metrics, folders = jobs.run(tmp_path, recipe(train, "mine.h5"), "TrainFloat")

    assert len(metrics["TrainFloat"]["history"]) == (0 if same else 1)
    network = io_spec.read(folders["TrainFloat"])
    with evaluate_graph.session_of(io_spec.read_graph(folders["TrainFloat"] / "float.pb")) as session:
        (image,), outputs = evaluate_graph.ends(session.graph, network)
        (found,) = session.run(outputs, {image: io_spec.real(network["inputs"][0], images)})
    assert (abs(found - expected).max() < 1e-5) == same


def test_ranges_keep_up_with_what_a_short_phase_makes_of_the_tensors(tmp_path, floated):
    text = recipe(quantized_epochs=6).replace("6, batch_size: 32", "6, batch_size: 64, learning_rate: 0.002")
    metrics, _ = jobs.run(tmp_path, text, "TrainQAT", floated[1])
    assert metrics["TrainQAT"]["health"] == []


@pytest.mark.parametrize("name", sorted(user_models.TRAINED))
def test_a_users_model_is_trained_in_both_phases(tmp_path, name):
    text = "data: {{dataset: digits}}\nmodel: {{build: {}, args: {{model: {}}}}}\n{}".format(
        user_models.__file__, name, "train: {epochs: 1, batch_norm_batches: 2}\nquantize: {calibration_batches: 2}\n")
    metrics, folders = jobs.run(tmp_path, text, "TrainQAT")
    before = metrics["TrainFloat"]["validation"]["label"]["accuracy"]
    assert metrics["TrainQAT"]["calibration"]["validation"]["label"]["accuracy"] == pytest.approx(before, abs=0.1)


BROUGHT = "data: {{dataset: digits}}\nmodel: {{build: {}, args: {{model: {}}}}}\ntrain: {{epochs: 1}}\n"


@pytest.mark.parametrize("model, still, moved", [
    ("frozen", ["still/bias", "still_norm/beta"], ["dense/bias"]),
    ("in_function", [], ["conv2d/bias", "dense/bias"]),
    ("weights_put_in_function", [], ["conv2d/bias", "dense/bias"]),
    ("local_variable", [], ["dense/bias"])])
def test_what_keras_would_train_is_trained_and_nothing_else(tmp_path, model, still, moved):
    _, folders = jobs.run(tmp_path, BROUGHT.format(user_models.__file__, model), "TrainFloat")
    graph_def = io_spec.read_graph(folders["TrainFloat"] / "float.pb")
    values = {node.name: tf.make_ndarray(node.attr["value"].tensor) for node in graph_def.node if node.op == "Const"}
    of = {name: [value for node, value in values.items() if node.endswith(name)] for name in still + moved}
    assert all((values == 0).all() for name in still for values in of[name]) and all(of.values())  # as initialized
    assert all((values != 0).any() for name in moved for values in of[name])


def test_weights_that_the_function_sets_are_kept_in_its_own_session_too(tmp_path):
    text = "data: {{dataset: digits}}\nmodel: {{build: {}, args: {{model: in_session_of_its_own}}}}\n".format(
        user_models.__file__)
    _, folders = jobs.run(tmp_path, text + "train: {epochs: 1, optimizer: sgd, learning_rate: 1.0e-20}\n", "TrainFloat")
    values = [tf.make_ndarray(node.attr["value"].tensor) for node in io_spec.read_graph(
        folders["TrainFloat"] / "float.pb").node if node.op == "Const" and node.name.startswith("dense/")]
    assert [(value == 0.25).all() for value in values] == [True, True]


def test_a_model_that_differs_in_training_is_reported_before_the_first_step(tmp_path):
    with pytest.raises(ModelError, match="training model and the inference model have different variables"):
        jobs.run(tmp_path, BROUGHT.format(user_models.__file__, "another_in_training"), "TrainFloat")
    assert not (tmp_path / "TrainFloat" / "events").exists()


@pytest.mark.parametrize("after", [0, 1])
def test_frozen_ranges_stay_where_they_were_and_weights_move_on(quantized, after):
    _, at_freeze = quantized("epochs: {}".format(after))
    _, frozen = quantized("epochs: 3, freeze_ranges_after: {}".format(after))
    _, moving = quantized("epochs: 3")
    names = [name for name in at_freeze if name.startswith("ranges/")]
    ends = [np.array([each[name] for name in names]) for each in (at_freeze, frozen, moving)]
    assert len(names) >= 6
    np.testing.assert_allclose(ends[1], ends[0], rtol=1e-4)
    assert np.abs(ends[2] - ends[0]).max() > 0.01 * np.abs(ends[0]).max()
    for name in (name for name in at_freeze if name.startswith("weights/")):
        assert not np.allclose(frozen[name], at_freeze[name], rtol=1e-4), name


def test_a_range_that_training_leaves_behind_is_in_the_metrics(quantized):
    fast = "epochs: 3, learning_rate: 0.02"
    left_behind, _ = quantized(fast + ", freeze_ranges_after: 0")
    keeping_up, _ = quantized(fast)
    worst = [max([item["clipped"] for item in each["health"] if item["what"] == "clips"], default=0)
             for each in (left_behind, keeping_up)]
    assert worst[0] > 0.05 and worst[1] < worst[0] / 2


def test_a_quantized_phase_that_harms_is_not_kept(tmp_path, floated):
    text = recipe().replace("{epochs: 0, batch_size: 32}", "{epochs: 1, batch_size: 64, learning_rate: 1.0}")
    found = jobs.run(tmp_path, text, "TrainQAT", floated[1])[0]["TrainQAT"]
    calibrated, trained = found["calibration"]["validation"], found["history"][0]["validation"]
    assert trained["label"]["accuracy"] < calibrated["label"]["accuracy"]
    assert found["kept_epoch"] == 0 and found["validation"] == calibrated


def test_equalized_layers_have_more_like_channels_and_are_the_same_network(quantized):
    plain, _ = quantized("epochs: 0")
    equal, _ = quantized("epochs: 0, equalize: true")
    assert plain["equalized"] == [] and len(equal["equalized"]) >= 2
    before, after = ({item["layer"]: item["to_smallest"] for item in each["channels"]} for each in (plain, equal))
    firsts = {first for first, _ in equal["equalized"]}
    assert firsts and sum(after[layer] for layer in firsts) < 0.9 * sum(before[layer] for layer in firsts)
    figures = [each["calibration"]["validation"]["label"]["accuracy"] for each in (plain, equal)]
    assert figures[1] == pytest.approx(figures[0], abs=0.02)


@pytest.mark.parametrize("model, still", [
    ("frozen", ["weights/still/Conv2D", "weights/still_norm/FusedBatchNorm/affine/BiasAdd"]),
    ("frozen_inside", ["weights/body/still/Conv2D", "weights/body/still/BiasAdd/affine/BiasAdd"])])
def test_layers_that_are_not_trained_are_not_trained_in_the_quantized_phase_either(tmp_path, model, still):
    text = BROUGHT.format(user_models.__file__, model) + "quantize: {epochs: 1, weight_average: 0.5}\n"
    _, folders = jobs.run(tmp_path, text, "TrainQAT")
    network = io_spec.read(folders["TrainQAT"])
    graph_def = io_spec.read_graph(folders["TrainQAT"] / "network.pb")
    quantized = quantized_graph.insert_fake_quants(graph_def, network, training=True)
    with quantized.graph.as_default(), tf.Session() as session:
        session.run(tf.global_variables_initializer())
        before = {variable.op.name: session.run(variable) for variable in tf.trainable_variables()}
    reader = tf.train.load_checkpoint(str(folders["TrainQAT"] / "variables"))
    same = {name: bool((reader.get_tensor(name) == value).all()) for name, value in before.items()}
    assert {name for name, unchanged in same.items() if unchanged} == set(still)
    assert {"weights/dense/MatMul", "weights/dense/BiasAdd"} <= set(same)


def test_layers_have_rates_of_their_own_in_each_phase(tmp_path):
    text = "data: {dataset: digits}\nmodel: {build: lenet, args: {filters: [4], dense: 8}}\n" \
           "train: {epochs: 1, rates: {conv*: 0}}\nquantize: {epochs: 1, rates: {'*': 0, logits: 0.5}}\n"
    _, folders = jobs.run(tmp_path, text, "TrainQAT")
    network = io_spec.read(folders["TrainFloat"])
    before = quantized_graph.apply_rewrites(io_spec.read_graph(folders["TrainFloat"] / "float.pb"), network)
    reader = tf.train.load_checkpoint(str(folders["TrainQAT"] / "variables"))
    values = {node.name: tf.make_ndarray(node.attr["value"].tensor) for node in before.node if node.op == "Const"}
    moved = set()
    for node in before.node:
        if node.op in ("Conv2D", "MatMul", "BiasAdd"):
            after = reader.get_tensor("weights/" + node.name)
            if not (after == values[node.input[1]]).all():
                moved.add(node.name.split("/")[0])
    assert moved == {"logits"}


def test_a_body_from_a_file_is_trained_with_a_new_head(tmp_path):
    with tf.Graph().as_default():
        body = lenet.build((8, 8, 1), 4, **ARGS)
        body.save_weights(str(tmp_path / "body.h5"))
        kernels = {name: body.get_layer(name).get_weights()[0] for name in ("conv1", "dense")}
    tf.keras.backend.clear_session()
    text = recipe("epochs: 1, rates: {conv*: 0}", "body.h5, new_layers: [logits]")
    metrics, folders = jobs.run(tmp_path, text, "TrainFloat")
    values = {node.name: tf.make_ndarray(node.attr["value"].tensor) for node in io_spec.read_graph(
        folders["TrainFloat"] / "float.pb").node if node.op == "Const"}
    assert values["logits/kernel"].shape == (24, 10) and len(metrics["TrainFloat"]["history"]) == 1
    assert (values["conv1/kernel"] == kernels["conv1"]).all() and (values["dense/kernel"] != kernels["dense"]).any()
