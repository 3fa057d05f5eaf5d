"""Dropout, noise and penalties in the quantized phase, on the small digits."""

import textwrap

import numpy as np
import pytest
import tensorflow as tf

from octet.datasets import digits
from tasks.graph import io_spec
from tasks.keras_model import model_regularization as of_model
from tasks.keras_model.build import Built
from tasks.quantize import quantized_graph
from tasks.training import qat_regularization
from tests.tasks import jobs

NET = textwrap.dedent("""\
    import tensorflow as tf
    L = tf.keras.layers
    l2 = tf.keras.regularizers.l2


    def build(input_shape, classes):
        image = x = L.Input(input_shape)
        x = L.Conv2D(6, 3, use_bias=False, kernel_regularizer=l2(0.01), name="conv")(x)
        x = L.ReLU(name="relu")(L.BatchNormalization(name="norm")(x))
        x = L.SpatialDropout2D(0.5, name="spatial")(x)
        x = L.Conv2D(5, 3, activation="relu", bias_regularizer=l2(0.01), name="second")(x)
        x = L.GaussianNoise(0.3, name="gaussian")(x)
        x = L.Flatten(name="flat")(x)
        x = L.Dropout(0.25, name="dropout")(x)
        x = L.Dense(8, kernel_regularizer=tf.keras.regularizers.l1(0.02), name="dense")(x)
        x = L.Dropout(0.5, name="before_norm")(x)
        x = L.ReLU(name="kept")(L.BatchNormalization(name="second_norm")(x))
        x = L.Add(name="both")([x, L.Dropout(0.5, name="beside")(x)])
        return tf.keras.Model(image, L.Dense(classes, name="logits")(x))
    """)
RECIPE = """
data: {dataset: digits}
model: {build: ./net.py}
train: {epochs: 1, batch_norm_batches: 5}
quantize: {epochs: %d, calibration_batches: 2, regularization: %s}
"""
LEFT = ["the bias_regularizer of second: not a penalty on its kernel",
        "beside: another layer reads its input, too", "before_norm: its input is folded into other layers"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("regularized")
    (folder / "net.py").write_text(NET)
    _, folders = jobs.run(folder, RECIPE % (0, "none"), "TrainFloat")
    return folder, folders


@pytest.fixture(scope="module")
def placed(trained):
    """(folded graph, network, the regularization that was found)."""
    source = trained[1]["TrainFloat"]
    network, graph_def = io_spec.read(source), io_spec.read_graph(source / "float.pb")
    folded = quantized_graph.apply_rewrites(graph_def, network)
    return folded, network, qat_regularization.find(
        of_model.read(source), graph_def, folded, network, digits.load().parts["train"])


def test_regularization_with_a_place_in_the_folded_graph_is_found_and_the_rest_is_reported(trained, placed):
    _, _, found = placed
    assert [(noise["layer"], noise["kind"], noise["size"], noise["shared_axes"]) for noise, _ in found.noises] == [
        ("spatial", "dropout", 0.5, [1, 2]), ("gaussian", "gaussian_noise", pytest.approx(0.3), []),
        ("dropout", "dropout", 0.25, [])]
    assert found.left == LEFT
    (conv, _, factor), (dense, _, ones) = found.penalties
    assert (conv["layer"], conv["l1"], conv["l2"]) == ("conv", 0.0, pytest.approx(0.01))
    assert (dense["layer"], dense["l1"], dense["l2"]) == ("dense", pytest.approx(0.02), 0.0)
    norm = {node.name: tf.make_ndarray(node.attr["value"].tensor) for node in io_spec.read_graph(
        trained[1]["TrainFloat"] / "float.pb").node if node.op == "Const" and node.name.startswith("norm/")}
    gain = norm["norm/gamma"] / np.sqrt(norm["norm/moving_variance"] + 1e-3)
    np.testing.assert_allclose(factor.reshape(-1), gain, rtol=1e-3)  # what batch norm gave each channel is taken off


def test_noise_is_there_in_steps_of_training_only_and_follows_from_the_step(placed):
    folded, network, found = placed
    images = digits.load().parts["test"].inputs["image"][:40] / np.float32(255)

    def of(*steps, noises=found.noises):
        quantized = quantized_graph.insert_fake_quants(folded, network, training=True)
        with quantized.graph.as_default(), tf.Session() as session:
            put_back = qat_regularization.PutBack(found._replace(noises=noises), 5)
            session.run(tf.global_variables_initializer())
            session.run(quantized.outputs, {quantized.inputs[0]: images, quantized.momentum: 1.0})
            ends = quantized.outputs + [tensor for each in quantized.trained for tensor in each.ends]
            return [session.run(ends, {quantized.inputs[0]: images, **({} if step is None else put_back.fed(step))})
                    for step in steps]

    plain, first, again, other = of(None, 1, 1, 2)
    (without,) = of(None, noises=[])
    for one, two in zip(plain, without):
        np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(first[0], again[0])
    assert (first[0] != other[0]).any() and (first[0] != plain[0]).any()
    for one, two in zip(plain[1:], first[1:]):
        np.testing.assert_array_equal(one, two)  # the ranges stay where nothing moves them


def test_a_mask_drops_its_share_and_keeps_the_mean(placed):
    folded, network, found = placed
    with tf.Graph().as_default(), tf.Session() as session:
        ones = tf.ones([50, 4, 4, 100])
        put_back = qat_regularization.PutBack(found._replace(noises=[], penalties=[]), 1)
        put_back._on, put_back._step = tf.constant(1.0), tf.constant(3, tf.int64)
        spatial, _, plain = [put_back._noisy(noise, ones, [1, number])
                             for number, (noise, _) in enumerate(found.noises)]
        spatial, plain = session.run([spatial, plain])
    assert set(np.unique(spatial)) == {0.0, 2.0} and (spatial == spatial[:, :1, :1]).all()
    assert np.unique(plain).tolist() == [0.0, pytest.approx(4 / 3)]
    assert plain.mean() == pytest.approx(1, abs=0.01) and (plain == 0).mean() == pytest.approx(0.25, abs=0.01)


def test_penalties_are_those_of_the_weights_before_folding(trained, placed):
    folded, network, found = placed
    quantized = quantized_graph.insert_fake_quants(folded, network, training=True)
    with quantized.graph.as_default(), tf.Session() as session:
        put_back = qat_regularization.PutBack(found, 5)
        session.run(tf.global_variables_initializer())
        losses = session.run(put_back.losses)
    values = {node.name: tf.make_ndarray(node.attr["value"].tensor) for node in io_spec.read_graph(
        trained[1]["TrainFloat"] / "float.pb").node if node.op == "Const"}
    assert losses == [pytest.approx(0.01 * np.square(values["conv/kernel"]).sum(), rel=1e-3),
                      pytest.approx(0.02 * np.abs(values["dense/kernel"]).sum(), rel=1e-3)]


def test_a_training_with_it_leaves_nothing_of_it_in_later_graphs(trained):
    folder, folders = trained
    graphs = {}
    for choice in ("all", "none"):
        out = folder / choice
        out.mkdir()
        (out / "net.py").write_text(NET)
        metrics, made = jobs.run(out, RECIPE % (1, choice), "EvalGraph", folders)
        graphs[choice] = {node.name: node.op for node in io_spec.read_graph(made["EvalGraph"] / "eval_graph.pb").node}
        reader = tf.train.load_checkpoint(str(made["EvalGraph"] / "variables"))
        graphs[choice + " variables"] = set(reader.get_variable_to_shape_map())
        told = metrics["TrainQAT"]["regularization"]
        assert told["noises"] == (["spatial", "gaussian", "dropout"] if choice == "all" else [])
        assert told["left"] == (LEFT if choice == "all" else [])
    assert graphs["all"] == graphs["none"] and graphs["all variables"] == graphs["none variables"]
    assert not [name for name, op in graphs["all"].items() if "Random" in op or qat_regularization.SCOPE in name]


def test_nested_layers_and_added_losses_are_reported():
    class Own(tf.keras.layers.Layer):
        def call(self, inputs, **kwargs):
            self.add_loss(tf.reduce_mean(inputs))
            return inputs

    layers = tf.keras.layers
    with tf.Graph().as_default():
        image = layers.Input((8, 8, 1))
        x = layers.TimeDistributed(layers.Dropout(0.5, name="inner"))(Own(name="own")(image))
        x = layers.AlphaDropout(0.1, name="alpha")(layers.Flatten()(x))
        model = tf.keras.Model(image, layers.Dense(10)(layers.Dropout(0.0)(x)))
        found = of_model.of(Built(model, digits.load(), ()))
    tf.keras.backend.clear_session()
    assert found["noises"] == found["penalties"] == []
    assert sorted(found["left"]) == [
        "AlphaDropout alpha: it is made for SELU only", "Dropout inner: it is inside another layer",
        "the losses of Own own: not l1 or l2"]
