"""`model.preprocess` compared with Keras' own `preprocess_input`, from random weights in a file to the uint8 file."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.keras.applications import imagenet_utils

from octet.data.dataset import PARTS
from octet.errors import ModelError
from octet.job import Job
from octet.recipe import loading
from tasks import data_source
from tasks.graph import constants, io_spec, scopes
from tasks.keras_model import applications
from tasks.keras_model.inference_graph import Inference
from tasks.quantize import quantized_graph
from tests.tasks import conversion, jobs

L = tf.keras.layers
CODES = np.random.RandomState(0).randint(0, 256, (24, 8, 8, 3)).astype(np.uint8)
DATA = """
import numpy as np
from octet.data.dataset import Dataset, Input, Part, Target

def load(low=0.0, high=1.0, channels=3):
    images = np.load({!r})[..., :channels]
    part = Part({{"image": images}}, {{"label": np.arange(len(images)).astype(np.int32) % 4}})
    return Dataset({{"image": Input(images.shape[1:], low, high)}}, {{"label": Target("class", tuple("abcd"))}},
                   dict.fromkeys(("train", "validation", "test"), part))
"""
NET = """
from tests.tasks.keras_model.test_preprocess import networks

def build(input_shape, classes, name):
    return networks[name](input_shape, classes)
"""


def valid(shape, classes):
    """Two convolutions without padding, one of them used twice, and a batch norm behind one."""
    image, shared = L.Input(shape), L.Conv2D(4, 3, name="shared")
    first = L.BatchNormalization()(L.Conv2D(4, 3, strides=2, use_bias=False, name="strided")(image))
    parts = [L.GlobalAveragePooling2D()(L.ReLU()(x)) for x in (first, shared(image), shared(image))]
    return tf.keras.Model(image, L.Dense(classes)(L.concatenate(parts)))


def padded(shape, classes):
    """Besides a convolution without padding: one with padding, one behind a padding, and one that reads a slice."""
    image = L.Input(shape)
    parts = [L.Conv2D(4, 3, name="valid")(image), L.Conv2D(4, 3, padding="same", strides=2, name="same")(image),
             L.Conv2D(4, 3, name="behind")(L.ZeroPadding2D()(image)), L.Conv2D(4, 1, padding="same", name="dot")(image)]
    flat = [L.Flatten()(L.ReLU()(L.AveragePooling2D(3)(x))) for x in parts]
    return tf.keras.Model(image, L.Dense(classes)(L.concatenate(flat)))


def mobilenet(shape, classes):
    body = tf.keras.applications.MobileNet(shape, 0.25, include_top=False, weights=None, pooling="avg")
    return tf.keras.Model(body.input, L.Dense(classes)(body.output))


networks = {"valid": valid, "padded": padded, "mobilenet": mobilenet}


def trained(folder, name, preprocess, data="", codes=CODES):
    """(float graph, network, the output of Keras' own model for reals [N, ...]) with random weights from a file."""
    np.save(str(folder / "codes.npy"), codes)
    (folder / "data.py").write_text(DATA.format(str(folder / "codes.npy")))
    (folder / "net.py").write_text(NET)

    def answers(images):
        with tf.Graph().as_default() as graph, tf.Session(graph=graph) as session:
            tf.keras.backend.set_session(session)
            tf.keras.backend.set_learning_phase(0)
            model = networks[name](codes.shape[1:], 4)
            session.run(tf.global_variables_initializer())
            random = np.random.RandomState(1)
            norms = [variable.name for variable in model.weights if "norm" in variable.name or "_bn" in variable.name]
            model.set_weights([random.uniform(0.5, 1.5, weight.shape) if variable.name in norms
                               else random.normal(0, 0.3, weight.shape)
                               for variable, weight in zip(model.weights, model.get_weights())])
            model.save_weights(str(folder / "mine.h5"))
            found = model.predict(images)
        tf.keras.backend.clear_session()
        return found

    answers(np.zeros((1,) + codes.shape[1:], np.float32))
    _, folders = jobs.run(folder, "data: {{dataset: ./data.py, args: {{{}}}}}\n"
                          "model: {{build: ./net.py, args: {{name: {}}}, weights: mine.h5, preprocess: {}}}\n".format(
                              data, name, preprocess), "TrainFloat")
    return io_spec.read_graph(folders["TrainFloat"] / "float.pb"), io_spec.read(folders["TrainFloat"]), answers


def outputs(graph_def, network):
    return conversion.run(graph_def, network, [CODES])[0]


@pytest.mark.parametrize("name, mode, data", [
    ("valid", "caffe", ""), ("padded", "caffe", ""), ("padded", "torch", "low: 0.0, high: 255.0"),
    ("padded", "tf", "low: -2.0, high: 0.5")])
def test_the_network_gets_what_keras_would_give_it(tmp_path, name, mode, data):
    graph_def, network, answers = trained(tmp_path, name, mode, data)
    expected = answers(imagenet_utils.preprocess_input(CODES.astype(np.float32), mode=mode))
    np.testing.assert_allclose(outputs(graph_def, network), expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())

    folded = quantized_graph.apply_rewrites(graph_def, network)
    np.testing.assert_allclose(outputs(folded, network), expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())
    kept = [node.name for node in folded.node if node.op == "Conv2D" and node.name.startswith(scopes.PREPROCESS)]
    assert len(kept) == (name == "padded")
    nodes = {node.name: node for node in folded.node}
    readers = {node.name.split("/")[0]: node.input[1] for node in folded.node if node.op == "Conv2D"
               and constants.behind(nodes, node.input[0]).op == "Placeholder"}
    assert set(readers) - {scopes.PREPROCESS} == {
        "valid": {"strided", "shared", "shared_1"}, "padded": {"valid", "dot"}}[name]
    if name == "valid":  # the layer that is used twice has its weights once
        assert readers["shared"] == readers["shared_1"]


def test_the_uint8_file_computes_it_too(tmp_path):
    graph_def, network, _ = trained(tmp_path, "padded", "caffe")
    converted = conversion.convert(graph_def, network, [CODES])
    assert conversion.faults(converted, graph_def, network, [CODES]) == []
    assert converted.lsb[0] <= 2.01


def test_mobilenet_gets_what_its_module_gives_it(tmp_path):
    codes = np.random.RandomState(2).randint(0, 256, (4, 32, 32, 3)).astype(np.uint8)
    graph_def, network, answers = trained(tmp_path, "mobilenet", "tf", codes=codes)
    expected = answers(tf.keras.applications.mobilenet.preprocess_input(codes.astype(np.float32)))
    found = conversion.run(graph_def, network, [codes])[0]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def test_the_preprocessing_that_stays_is_not_trained(tmp_path):
    _, network, _ = trained(tmp_path, "padded", "{mean: [0.1, 0.2, 0.3], std: 0.5}")
    assert network["not_trained"] == [scopes.PREPROCESS]


@pytest.mark.parametrize("preprocess, data, words", [
    ("caffe", "channels: 1", "caffe is for pictures of 3 channels"),
    ("{mean: [0.1, 0.2], std: 1.0}", "", "mean and std have 2 and 1 numbers"),
    ("{picture: tf}", "", "there is no input picture"),
])
def test_preprocessing_that_does_not_fit_the_pictures_is_reported(tmp_path, preprocess, data, words):
    with pytest.raises(ModelError, match=words):
        trained(tmp_path, "valid", preprocess, data)


LIKE_MOBILENET = """
import tensorflow as tf
layers = tf.keras.layers

def build(input_shape, classes, scaled=False):
    x = image = layers.Input(input_shape)
    if scaled:
        x = layers.Lambda(lambda pixels: 2.0 * pixels - 1.0)(x)
    for name in ("conv1", "conv1_bn", "conv_dw_1", "conv_pw_13"):
        x = layers.BatchNormalization(name=name)(x) if name == "conv1_bn" else layers.Conv2D(2, 3, name=name)(x)
    return tf.keras.Model(image, layers.Dense(classes)(layers.Flatten()(x)))
"""


@pytest.mark.parametrize("model, data, warned", [
    ("", "", "gets numbers from 0 to 1"), (", preprocess: tf", "", None),
    (", preprocess: caffe", "", "preprocess: caffe"),
    ("", "low: -1.0, high: 1.0", None), (", args: {scaled: true}", "", None)],
    ids=["without", "with", "another", "data_in_range", "in_the_network"])
def test_weights_of_keras_applications_without_their_preprocessing_are_a_warning(tmp_path, model, data, warned):
    np.save(str(tmp_path / "codes.npy"), np.zeros((8, 12, 12, 3), np.uint8))
    (tmp_path / "data.py").write_text(DATA.format(str(tmp_path / "codes.npy")))
    (tmp_path / "net.py").write_text(LIKE_MOBILENET)
    with tf.Graph().as_default():
        found = {}
        exec(LIKE_MOBILENET, found)
        found["build"]((12, 12, 3), 4).save_weights(str(tmp_path / "published.h5"))
    tf.keras.backend.clear_session()
    text = "data: {{dataset: ./data.py, args: {{{}}}}}\nmodel: {{build: ./net.py, weights: published.h5{}}}\n".format(
        data, model)
    (tmp_path / "recipe.yaml").write_text(text)
    job = Job("check", loading.load(tmp_path / "recipe.yaml").sections(), {}, str(tmp_path), str(tmp_path), PARTS)
    warnings = Inference(job, data_source.load(job)).warnings
    assert len(warnings) == (warned is not None)
    if warned:
        assert warned in warnings[0] and warnings[0].endswith("write model: {preprocess: tf}")


@pytest.mark.parametrize("name, mode", [("MobileNet", "tf")] + [
    pytest.param(name, mode, marks=pytest.mark.slow) for name, mode in (
    ("MobileNetV2", "tf"), ("VGG16", "caffe"), ("VGG19", "caffe"), ("ResNet50", "caffe"), ("DenseNet121", "torch"),
    ("DenseNet201", "torch"), ("Xception", "tf"), ("InceptionV3", "tf"), ("InceptionResNetV2", "tf"),
    ("NASNetMobile", "tf"))])
def test_the_networks_of_keras_applications_are_known_by_their_layers(name, mode):
    with tf.Graph().as_default():
        body = getattr(tf.keras.applications, name)(weights=None, include_top=False, input_shape=(96, 96, 3))
        layers = ["body/" + layer.name for layer in body.layers]
    tf.keras.backend.clear_session()
    known = [each for each in applications.APPLICATIONS
             if set(layers).issuperset("body/" + part for part in each.layers)]
    assert [each.preprocess for each in known] == [mode] and applications.of(layers) == known[0]
