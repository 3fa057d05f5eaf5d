import numpy as np
import pytest
import tensorflow as tf

from octet.data.dataset import Dataset, Input, Part, Target
from octet.errors import RecipeError
from tasks.keras_model import loss_settings

NAMES = ["good", "defect"]


def dataset(**answers):
    """{name: target}: labels 0 and 1 of two classes, or values."""
    targets = {name: Target("class", NAMES) if values.dtype.kind == "i" else Target("value", shape=(1,))
               for name, values in answers.items()}
    return Dataset({"image": Input((1,), 0.0, 1.0)}, targets, {"train": Part({}, answers)})


LABEL = {"label": np.array([0, 0, 0, 1])}
BOTH = dict(LABEL, pose=np.zeros((4, 1)))


def settled(section, answers=LABEL, **compiled):
    return loss_settings.settled(section, dataset(**answers), compiled)


def test_balanced_weights_make_classes_equal_and_leave_the_mean():
    weights = np.array(settled({"class_weights": "balanced"})[0]["label"]["class_weights"])
    counts = np.array([3, 1])
    assert np.allclose(weights * counts, (weights * counts)[0]) and (weights * counts).sum() == pytest.approx(4)


def test_weights_by_name_are_in_the_order_of_the_classes():
    assert settled({"class_weights": {"defect": 50}})[0]["label"]["class_weights"] == [1.0, 50.0]


def test_each_target_has_the_loss_that_fits_its_kind():
    found, _ = settled({"kind": "huber", "delta": 2.0, "label_smoothing": None}, BOTH)
    assert found["pose"]["kind"] == "huber" and found["pose"]["delta"] == 2.0
    assert found["label"]["kind"] == "cross_entropy"


def test_a_target_may_have_a_loss_of_its_own():
    found, _ = settled({"label_smoothing": 0.1, "targets": {"pose": {"kind": "mae"}, "label": {"kind": "focal"}}}, BOTH)
    assert found["pose"]["kind"] == "mae" and found["label"]["kind"] == "focal"
    assert found["label"]["label_smoothing"] == 0.1


@pytest.mark.parametrize("section, where, words", [
    ({"targets": {"label": {"kind": "mae"}}}, "loss.targets.label.kind", "mae fits no target: label is of kind class"),
    ({"targets": {"lable": {"kind": "focal"}}}, "loss.targets", "there is no target lable"),
    ({"kind": "mse"}, "loss.kind", "mse fits no target: label is of kind class"),
    ({"kind": "dice"}, "loss.kind", "dice fits no target"),
    ({"gamma": 2.0}, "loss.gamma", "gamma is not used by cross_entropy"),
    ({"kind": "focal", "delta": 1.0}, "loss.delta", "delta is not used by focal"),
    ({"class_weights": {"deffect": 9}}, "loss.class_weights", "there is no class 'deffect'"),
    ({"oversample": "balanced", "class_weights": "balanced"}, "loss.oversample", "rare classes would count twice")])
def test_what_would_change_nothing_is_refused(section, where, words):
    with pytest.raises(RecipeError, match=words) as refused:
        settled(section)
    assert refused.value.where == where


@pytest.mark.parametrize("loss, kind, notes", [
    ("sparse_categorical_crossentropy", "cross_entropy", []),
    (tf.keras.losses.MeanAbsoluteError(), "cross_entropy", ["is not used: it is trained with cross_entropy"]),
    (lambda truth, found: 0.0, "cross_entropy", ["<lambda>, is not used"])])
def test_a_compiled_loss_is_used_or_reported_as_ignored(loss, kind, notes):
    found, said = settled({}, label=loss)
    assert found["label"]["kind"] == kind and len(said) == len(notes)
    assert all(words in note for words, note in zip(notes, said))


@pytest.mark.parametrize("loss", ["mae", tf.keras.losses.mean_absolute_error, tf.keras.losses.MeanAbsoluteError()])
def test_a_compiled_loss_of_values_is_used_where_the_recipe_names_none(loss):
    values = {"pose": np.zeros((4, 1))}
    assert settled({}, values, pose=loss)[0]["pose"]["kind"] == "mae"
    found, said = settled({"kind": "huber"}, values, pose=loss)
    assert found["pose"]["kind"] == "huber" and "is not used: it is trained with huber" in said[0]


def test_the_losses_of_a_compiled_model_are_found_by_output():
    image = tf.keras.layers.Input((4,))
    model = tf.keras.Model(image, [tf.keras.layers.Dense(2, name=name)(image) for name in ("a", "b")])
    assert loss_settings.compiled(model, model.output_names, ["label", "pose"]) == {}
    model.compile("sgd", {"b": "mse"})
    assert loss_settings.compiled(model, model.output_names, ["label", "pose"]) == {"pose": "mse"}
    model.compile("sgd", ["mae", "mse"])
    assert loss_settings.compiled(model, model.output_names, ["label", "pose"]) == {"label": "mae", "pose": "mse"}


def test_samples_are_drawn_by_the_classes_of_the_one_target_that_has_some():
    found, _ = settled({"oversample": "balanced"}, BOTH)
    assert found["label"]["oversample"] == "balanced" and found["pose"]["oversample"] is None
    assert settled({})[0]["label"]["oversample"] is None


@pytest.mark.parametrize("section, answers, words", [
    ({"oversample": "balanced"}, {"pose": np.zeros((4, 1))}, "pose is of kind value"),
    ({"targets": {"pose": {"oversample": "balanced"}}}, BOTH, "pose is of kind value"),
    ({"oversample": "balanced"}, dict(LABEL, other=LABEL["label"]), "the classes of 'label' and of 'other'")])
def test_samples_that_cannot_be_drawn_by_a_class_are_refused(section, answers, words):
    with pytest.raises(RecipeError) as refused:
        settled(section, answers)
    assert words in str(refused.value)
    if "other" in answers:  # the advice is right
        found, _ = settled({"targets": {"label": section}}, answers)
        assert found["label"]["oversample"] and not found["other"]["oversample"]
