import re
import shutil
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
import tensorflow as tf

from octet.errors import ModelError
from tasks.keras_model import warm_start

LAYERS = tf.keras.layers


def model(filters=3, named=True):
    """A model inside a model, with two batch norms in it, so that Keras' orders of variables differ."""
    image = LAYERS.Input((4, 4, 2))
    inner = tf.keras.Sequential([
        LAYERS.Conv2D(filters, 1, input_shape=(4, 4, 2), name="first" if named else None), LAYERS.BatchNormalization(),
        LAYERS.Conv2D(filters, 1), LAYERS.BatchNormalization()])
    return tf.keras.Model(image, LAYERS.Dense(2)(LAYERS.Flatten()(inner(image))))


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """(folder with files in every format, {name: value} in them), made once for all tests."""
    tmp_path = tmp_path_factory.mktemp("saved")
    with tf.Graph().as_default() as graph, tf.Session(graph=graph) as session:
        tf.keras.backend.set_session(session)
        found = model()
        session.run(tf.global_variables_initializer())
        random = np.random.RandomState(0)
        found.set_weights([random.rand(*variable.shape.as_list()) for variable in found.weights])
        found.save_weights(str(tmp_path / "weights.h5"))
        found.save(str(tmp_path / "whole.h5"))
        found.save_weights(str(tmp_path / "objects"))
        tf.train.Saver(found.weights).save(session, str(tmp_path / "names"))
        tf.saved_model.simple_save(session, str(tmp_path / "saved"), {"x": found.input}, {"y": found.output})
        values = dict(zip([variable.op.name for variable in found.weights], found.get_weights()))
    tf.keras.backend.clear_session()
    return tmp_path, values


@pytest.fixture
def trained(saved, tmp_path):
    """The same in a copy of the folder, which the test may change."""
    folder = tmp_path / "files"
    shutil.copytree(str(saved[0]), str(folder))
    return folder, saved[1]


def read(folder, name, **options):
    """{variable of a new model: its value in the file}."""
    return read_with_warnings(folder, name, **options)[0]


def read_with_warnings(folder, name, **options):
    job = SimpleNamespace(recipe_folder=str(folder), section=lambda _: SimpleNamespace(weights=name, new_layers=[]))
    with tf.Graph().as_default():
        if options.pop("counted_on", False):
            model()
        found = model(**options)
        values, warnings, _ = warm_start.weights(job, found)
    tf.keras.backend.clear_session()
    return dict(zip([variable.op.name for variable in found.weights], values)), warnings


@pytest.mark.parametrize("name", ["weights.h5", "whole.h5", "objects", "names", "saved/variables/variables"])
def test_each_variable_has_its_value_from_the_file(trained, name):
    folder, values = trained
    found = read(folder, name)
    assert set(found) == set(values)
    for variable, value in found.items():
        np.testing.assert_array_equal(value, values[variable])


def test_a_keras_file_fits_where_keras_has_counted_its_layers_on(trained):
    folder, values = trained
    found = read(folder, "weights.h5", counted_on=True, named=False)
    kernels = [name for name in found if name.endswith("moving_variance")]
    assert kernels == ["batch_normalization_2/moving_variance", "batch_normalization_3/moving_variance"]
    np.testing.assert_array_equal(found[kernels[0]], values["batch_normalization/moving_variance"])
    np.testing.assert_array_equal(found[kernels[1]], values["batch_normalization_1/moving_variance"])


def test_weights_from_a_layer_with_another_name_are_reported(trained):
    folder, values = trained
    found, (warning,) = read_with_warnings(folder, "weights.h5", named=False)
    assert "conv2d has those of first" in warning and "dense" not in warning and "batch" not in warning
    np.testing.assert_array_equal(found["conv2d/kernel"], values["first/kernel"])
    assert read_with_warnings(folder, "weights.h5")[1] == []


def test_layers_with_incremented_names_of_keras_are_recognized(trained):
    folder, _ = trained
    _, (warning,) = read_with_warnings(folder, "weights.h5", counted_on=True, named=False)
    assert warning.count("has those of") == 1 and re.search(r"conv2d_\d has those of first", warning)


class Subclassed(tf.keras.Model):
    """All have the same shape, so that another order would fit, too."""

    def __init__(self):
        super().__init__()
        self.parts = [LAYERS.Dense(2), LAYERS.BatchNormalization(), LAYERS.BatchNormalization()]

    def call(self, inputs):
        for part in self.parts:
            inputs = part(inputs)
        return inputs


def test_a_subclassed_model_that_was_saved_by_itself_has_its_order(tmp_path):
    job = SimpleNamespace(recipe_folder=str(tmp_path),
                          section=lambda _: SimpleNamespace(weights="self.h5", new_layers=[]))
    with tf.Graph().as_default():
        LAYERS.BatchNormalization()(LAYERS.Dense(2)(LAYERS.Input((2,))))  # counts on
        saved = Subclassed()
        saved(LAYERS.Input((2,)))
        saved.set_weights([np.full(variable.shape.as_list(), number) for number, variable in enumerate(saved.weights)])
        expected = {"/".join(variable.op.name.split("/")[-2:]): value
                    for variable, value in zip(saved.weights, saved.get_weights())}
        saved.save_weights(str(tmp_path / "self.h5"))
    tf.keras.backend.clear_session()
    with tf.Graph().as_default():
        image = LAYERS.Input((2,))
        found = tf.keras.Model(image, Subclassed()(image))
        values = dict(zip([variable.op.name for variable in found.weights], warm_start.weights(job, found).values))
    tf.keras.backend.clear_session()
    for layer, counted in (("dense", "dense_1"), ("batch_normalization", "batch_normalization_1"),
                           ("batch_normalization_1", "batch_normalization_2")):
        for name, value in values.items():
            if name.split("/")[-2] == layer:
                np.testing.assert_array_equal(value, expected["{}/{}".format(counted, name.split("/")[-1])])


@pytest.mark.parametrize("name", ["weights.h5", "names"])
def test_all_that_does_not_fit_is_named_at_once(trained, name):
    with pytest.raises(ModelError, match="13 of the model's 14 variables") as caught:
        read(trained[0], name, filters=5, named=False)
    assert "conv2d/kernel (1, 1, 2, 5) is (1, 1, 3, 3) in the file" in str(caught.value)
    assert "conv2d_1/kernel (1, 1, 5, 5) is not in the file" in str(caught.value)
    assert "first/kernel (1, 1, 2, 3)" in caught.value.next_step


@pytest.mark.parametrize("name", ["gone.h5", "gone"])
def test_a_file_that_is_not_there_is_a_model_error(trained, name):
    with pytest.raises(ModelError, match="cannot read the weights"):
        read(trained[0], name)


@pytest.mark.parametrize("attribute, value", [
    ("layer_names", 3), ("layer_names", [3]), ("layer_names", [b"gone"]), ("layer_names", "dense"),
    ("weight_names", 5)])
def test_a_file_whose_lists_are_damaged_is_a_model_error(trained, attribute, value):
    with h5py.File(str(trained[0] / "weights.h5"), "r+") as file:
        (file if attribute == "layer_names" else file["dense"]).attrs[attribute] = value
    with pytest.raises(ModelError, match="cannot read the weights"):
        read(trained[0], "weights.h5")


def put_bias(folder, value):
    """Sets the last layer's bias in weights.h5 to this value, [2] of any dtype."""
    with h5py.File(str(folder / "weights.h5"), "r+") as file:
        del file["dense/dense/bias:0"]
        file["dense/dense/bias:0"] = value


@pytest.mark.parametrize("kind", ["complex64", "bool", "S3"])
def test_values_that_are_no_real_numbers_are_a_model_error(trained, kind):
    put_bias(trained[0], np.ones(2, kind))
    with pytest.raises(ModelError, match="hold values that are not real numbers") as caught:
        read(trained[0], "weights.h5")
    assert "dense/bias is " in caught.value.why


def test_a_value_beyond_float32_is_a_model_error(trained):
    put_bias(trained[0], np.full(2, 1e300))
    with pytest.raises(ModelError, match="hold NaN or infinity"):
        read(trained[0], "weights.h5")


def test_the_prefix_of_a_checkpoint_may_be_called_an_index(trained):
    folder, values = trained
    for file in list(folder.glob("names.*")):
        file.rename(str(file).replace("names.", "names.index."))
    found = read(folder, "names.index")
    np.testing.assert_array_equal(found["dense/bias"], values["dense/bias"])


def test_the_index_of_a_checkpoint_is_distinguished_from_its_prefix(trained):
    with pytest.raises(ModelError, match="names.index is the index of a checkpoint") as caught:
        read(trained[0], "names.index")
    assert caught.value.next_step.endswith(": names")


def test_a_file_that_is_none_of_keras_is_a_model_error(tmp_path):
    (tmp_path / "text.h5").write_text("nothing")
    with pytest.raises(ModelError, match="cannot read the weights"):
        read(tmp_path, "text.h5")


def body(head, classes, counted_on=False, nested=False):
    """A body with a head: two convolutions named by Keras, or a model inside the model."""
    image = LAYERS.Input((4, 4, 2))
    layers = [LAYERS.Conv2D(3, 1), LAYERS.BatchNormalization(), LAYERS.Conv2D(3, 1)]
    if counted_on:
        LAYERS.Conv2D(1, 1)(image)
    x = image
    for layer in [tf.keras.Sequential(layers, name="body")] if nested else layers:
        x = layer(x)
    return tf.keras.Model(image, LAYERS.Dense(classes, name=head)(LAYERS.Flatten()(x)))


def with_new_head(folder, new_layers, **options):
    """({variable: its value from the file, or None}, notes) of a model whose head differs from the one in the file."""
    job = SimpleNamespace(recipe_folder=str(folder),
                          section=lambda _: SimpleNamespace(weights="body.h5", new_layers=new_layers))
    with tf.Graph().as_default():
        body("predictions", 7).save_weights(str(folder / "body.h5"))
    tf.keras.backend.clear_session()
    with tf.Graph().as_default():
        made = body("mine", 4, **options)
        found = warm_start.weights(job, made)
        names = [variable.op.name for variable in made.weights]
    tf.keras.backend.clear_session()
    return dict(zip(names, found.values)), found.notes


@pytest.mark.parametrize("options", [{}, {"counted_on": True}, {"nested": True}, {"nested": True, "counted_on": True}],
                         ids=str)
@pytest.mark.parametrize("pattern", ["mine", "mi*"])
def test_a_new_head_is_new_and_all_else_is_from_the_file(tmp_path, pattern, options):
    values, (note,) = with_new_head(tmp_path, [pattern], **options)
    assert [name for name, value in values.items() if value is None] == ["mine/kernel", "mine/bias"]
    assert len(values) == 10 and note.endswith("body.h5 has layers that are not used: predictions")
    with h5py.File(str(tmp_path / "body.h5"), "r") as file:
        kernels = [np.asarray(file[name][name]["kernel:0"]) for name in ("conv2d", "conv2d_1")]
    for value, kernel in zip([value for name, value in values.items()
                              if name.startswith("conv2d") and name.endswith("kernel")], kernels):
        np.testing.assert_array_equal(value, kernel)


def test_the_layers_that_are_not_in_the_file_are_named_as_new_layers_would_be(tmp_path):
    with pytest.raises(ModelError) as refused:
        with_new_head(tmp_path, [])
    assert refused.value.what.startswith("2 of the model's 10 variables do not fit")
    advised = re.search(r"model: \{new_layers: \[(.*)\]\}", refused.value.next_step).group(1)
    assert with_new_head(tmp_path, [advised])[0]["mine/bias"] is None  # what it says is followed


@pytest.mark.parametrize("new_layers, words", [
    (["mine", "hed"], "no layer with weights matches 'hed'"), (["*"], "all layers are new"),
    (["mine", "flatten"], "no layer with weights matches 'flatten'")])
def test_new_layers_without_effect_are_reported(tmp_path, new_layers, words):
    with pytest.raises(ModelError, match=re.escape(words)):
        with_new_head(tmp_path, new_layers)
