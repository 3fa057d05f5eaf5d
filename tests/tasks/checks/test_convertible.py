import numpy as np
import pytest
import tensorflow as tf

from models import lenet
from octet.data.dataset import PARTS
from octet.errors import ModelError, QuantizeError, RecipeError
from octet.job import Job
from octet.recipe import loading
from tasks.checks import convertible
from tests.octet.datasets.samples import pictures
from tests.tasks import user_models

LENET = "data: {dataset: digits}\nmodel: {build: lenet, args: {filters: [4], dense: 8}%s}\n%s"

CALLED = """
import tensorflow as tf
layers = tf.keras.layers

def build(input_shape, classes):
    return tf.keras.Sequential([layers.Flatten(input_shape=input_shape), layers.Dense(classes),
                                layers.Activation({}, name="last")])
"""


def checked(folder, text):
    path = folder / "recipe.yaml"
    path.write_text(text)
    job = Job("check", loading.load(path).sections(), {}, str(folder), str(folder), PARTS)
    return convertible.run(job, lambda *_: None)


def test_every_tensor_is_listed_with_the_source_of_its_range(tmp_path):
    ranges = checked(tmp_path, LENET % ("", ""))["ranges"]
    assert {"conv1_relu/Relu", "dense_relu/Relu"} <= {item["tensor"] for item in ranges}


def test_a_gate_for_another_kind_of_target_is_reported_before_training(tmp_path):
    with pytest.raises(RecipeError, match="max_error fits no output: label is of kind class"):
        checked(tmp_path, LENET % ("", "validate: {max_error: 0.1}"))


def test_live_batch_norm_that_would_not_be_folded_is_reported_before_training(tmp_path):
    with pytest.raises(QuantizeError, match="without a range"):
        checked(tmp_path, LENET % ("", "quantize: {batch_norm: live}"))


def test_live_batch_norm_is_not_for_functions(tmp_path):
    with pytest.raises(QuantizeError, match="does not look into functions") as refused:
        checked(tmp_path, "data: {{dataset: digits}}\nmodel: {{build: {}, args: {{model: in_function}}}}\n"
                          "quantize: {{batch_norm: live, default_ranges: measured}}\n".format(user_models.__file__))
    assert "in_function/StatefulPartitionedCall" in refused.value.why


@pytest.mark.parametrize("activation", ["tf.nn.swish", "tf.function(tf.nn.relu)"])
def test_an_output_that_is_a_call_of_a_function_is_the_functions(tmp_path, activation):
    (tmp_path / "net.py").write_text(CALLED.format(activation))
    ranges = checked(tmp_path, "data: {dataset: digits}\nmodel: {build: ./net.py}\n")["ranges"]
    assert [item["layer"] for item in ranges][-1] == "last"


def test_a_delay_beyond_the_last_step_is_reported_before_training(tmp_path):
    with pytest.raises(RecipeError, match="quantization would begin after 5000 steps"):
        checked(tmp_path, LENET % ("", "quantize: {batch_norm: live, delay: 5000}"))


def test_weights_of_another_network_are_reported_before_training(tmp_path):
    with tf.Graph().as_default():
        model = lenet.build((8, 8, 1), 10, filters=[6], dense=8)
        model.save_weights(str(tmp_path / "other.h5"))
    tf.keras.backend.clear_session()
    with pytest.raises(ModelError, match="of the model's 10 variables do not fit"):
        checked(tmp_path, LENET % (", weights: other.h5", ""))
    with pytest.raises(ModelError, match="cannot read the weights"):
        checked(tmp_path, LENET % (", weights: none", ""))


def test_weights_that_are_no_numbers_are_reported_before_training(tmp_path):
    with tf.Graph().as_default():
        model = lenet.build((8, 8, 1), 10, filters=[4], dense=8)
        values = model.get_weights()
        values[0][0, 0] = np.nan
        model.set_weights(values)
        model.save_weights(str(tmp_path / "broken.h5"))
    tf.keras.backend.clear_session()
    with pytest.raises(ModelError, match="hold NaN or infinity"):
        checked(tmp_path, LENET % (", weights: broken.h5", ""))


def test_a_weight_for_a_missing_loss_is_reported(tmp_path):
    with pytest.raises(ModelError, match="there is no output digit"):
        checked(tmp_path, LENET % ("", "train: {loss_weights: {digit: 2}}"))


@pytest.mark.parametrize("said", sorted(user_models.REFUSED))
def test_a_model_that_cannot_be_trained_is_reported_before_training(tmp_path, said):
    with pytest.raises((ModelError, QuantizeError), match=said) as refused:
        checked(tmp_path, "data: {{dataset: digits}}\nmodel: {{build: {}, args: {{model: {}}}}}\n".format(
            user_models.__file__, said))
    assert refused.value.where == "model.build" and refused.value.why and refused.value.next_step


def test_live_batch_norm_takes_no_layer_for_another_by_its_name(tmp_path):
    (tmp_path / "net.py").write_text(
        "import tensorflow as tf\nL = tf.keras.layers\n\ndef build(input_shape, classes):\n"
        "    return tf.keras.Sequential([L.Flatten(input_shape=input_shape), L.Dense(8),\n"
        "                                L.BatchNormalization(name='my_BatchNorm'), L.Dense(classes)])\n")
    with pytest.raises(QuantizeError, match="mistakes layers for batch norms because of their names") as refused:
        checked(tmp_path, "data: {dataset: digits}\nmodel: {build: ./net.py}\n"
                          "quantize: {batch_norm: live, default_ranges: measured}\n")
    assert "my_BatchNorm" in refused.value.why

def test_a_check_of_few_samples_is_enough_and_says_so(tmp_path, monkeypatch):
    path = pictures(tmp_path)
    (tmp_path / "set" / "train" / "dog" / "5.png").write_bytes(b"no picture")  # what PrepareData is to find
    monkeypatch.setattr(convertible, "SAMPLES", 2)
    notes = checked(tmp_path, "data: {{dataset: image_folder, args: {{path: {}, size: [8, 8]}}}}\n"
                              "model: {{build: lenet, args: {{filters: [4], dense: 8}}}}\n"
                              "loss: {{class_weights: balanced}}\n".format(path))["data_notes"]
    assert "2 samples of each part were read; `octet data` reads all of them" in notes


def test_notes_about_labels_cover_all_samples(tmp_path):
    labels = (np.arange(400) == 7).astype(np.int32)
    arrays = {name + part: array for part in ("_train", "_validation", "_test") for name, array in (
        ("x", np.random.RandomState(0).randint(0, 256, (400, 8, 8, 1)).astype(np.uint8)), ("y", labels))}
    np.savez(str(tmp_path / "few.npz"), **arrays)
    text = ("data: {dataset: npz, args: {path: few.npz}}\n"
            "model: {build: lenet, args: {filters: [4], dense: 8}}\n%s")
    notes = checked(tmp_path, text % "")["data_notes"]
    assert any("has 1 of 400 training samples" in note for note in notes)
    assert not any("part are in the" in note for note in notes)


def test_a_delay_is_compared_with_the_whole_training_part(tmp_path):
    delayed = "quantize: {batch_norm: live, default_ranges: measured, epochs: 1, batch_size: 100, delay: %d}"
    checked(tmp_path, LENET % ("", delayed % 9))
    with pytest.raises(RecipeError, match="and the phase has only 11"):
        checked(tmp_path, LENET % ("", delayed % 11))


@pytest.mark.parametrize("phase, pattern", [("train", "conv9*"), ("quantize", "dens")])
def test_rates_of_missing_layers_are_reported_before_training(tmp_path, phase, pattern):
    with pytest.raises(RecipeError) as refused:
        checked(tmp_path, LENET % ("", "{}: {{rates: {{'{}': 0.1}}}}".format(phase, pattern)))
    assert refused.value.where == phase + ".rates" and pattern in refused.value.what
    assert "dense" in refused.value.what  # what there is
