"""Defaults, and settings without effect or meaning, which are reported at their position."""

import textwrap
from pathlib import Path

import pytest

from octet.errors import RecipeError
from octet.recipe import loading
from tests.octet.recipe.recipe_texts import SHORT, refusal, write

pytestmark = pytest.mark.usefixtures("inside")


LIMITS = ("min_samples", "min_class_samples", "min_class_held_out", "max_class_share", "max_shared_samples",
          "max_contradictions", "min_codes", "max_left_out")
PHASE = {"batch_size": 64, "momentum": 0.9, "clip_norm": None, "schedule": "cosine", "warm_up": None,
         "milestones": [0.5, 0.75], "step_factor": 0.1, "plateau_epochs": 5, "rates": {},
         "final_factor": 0.01, "weight_average": None, "keep": "best",
         "monitor": None, "early_stopping": None}


def test_a_short_recipe_has_every_default_filled_in():
    loaded = loading.load(write("r.yaml", SHORT))
    assert loaded.sections() == {
        "seed": 1, "threads": 4,
        "data": {"dataset": "digits", "args": {}, "keep": "decoded", "limits": dict.fromkeys(LIMITS)},
        "model": {"build": "lenet", "args": {}, "approximate": [], "preprocess": None, "weights": None,
                  "new_layers": [], "files": []},
        "train": {"epochs": 60, "optimizer": None, "learning_rate": None, "weight_decay": None, **PHASE,
                  "batch_norm_batches": 50, "loss_weights": {}},
        "augment": {"preset": "auto", **dict.fromkeys(
            "flip crop shift rotate shear zoom brightness contrast saturation hue noise cutout mixup cutmix".split())},
        "loss": {"kind": None, "function": None, "gamma": None, "delta": None, "label_smoothing": None,
                 "class_weights": None, "oversample": None, "sample_weights": None, "targets": {}},
        "metrics": {},
        "quantize": {"epochs": 5, "optimizer": "adam", "learning_rate": 0.0001, "weight_decay": 0.0, "distill": None,
                     "regularization": "none",
                     **PHASE, "batch_norm": "fold", "delay": 0, "default_ranges": None,
                     "calibration_batches": 20, "equalize": False, "freeze_ranges_after": None},
        "convert": {},
        "validate": {"max_accuracy_drop": 0.01, "min_accuracy": None, "min_agreement": None,
                     "min_balanced_accuracy": None, "min_class_recall": None, "max_f1_drop": None,
                     "min_mean_iou": None, "min_roc_auc": None, "min_average_precision": None,
                     "max_error_increase": None, "max_error": None, "max_wrong_operators": 0, "metrics": {}},
        "report": {"samples": "wrong", "boxes": None},
        "export": {"targets": []}}
    assert loaded.path == Path("r.yaml").absolute()
    assert loaded.folder == Path().absolute()
    assert loaded.where("model", "build") == "r.yaml:2:9"
    assert loaded.where("train", "epochs") == "r.yaml:1:1"


@pytest.mark.parametrize("train, said", [
    ("milestones: [0.3]", "r.yaml:3:9  train.milestones: is read only with `schedule: step`"),
    ("schedule: constant, final_factor: 0.1", "r.yaml:3:29  train.final_factor: is read only with `schedule: exp"),
    ("weight_average: 0.9, batch_norm_batches: 0", "r.yaml:3:30  train.batch_norm_batches: expected at least 1 with"),
    ("momentum: 0.8", "r.yaml:3:9  train.momentum: is read only with `optimizer: momentum` or `optimizer: nesterov`")])
def test_a_setting_of_another_schedule_or_optimizer_is_reported(train, said):
    assert said in refusal(SHORT + "train: {" + train + "}\n")
    assert loading.load(write("r.yaml", SHORT + "train: {schedule: step, milestones: [0.3]}\n"))


@pytest.mark.parametrize("wrong", ["keras", "{mean: 0.5}", "{mean: [123.7, 116.8, 103.9], std: 1}", "{mean: 0.5, std: 0}",
                                   "{image: pytorch}", "{mean: [], std: 1}", "3", "[tf]"])
def test_a_preprocessing_is_one_that_there_is(wrong):
    assert "model.preprocess: expected caffe, torch, tf, or {mean, std}" in refusal(
        "data: {dataset: digits}\nmodel: {build: lenet, preprocess: " + wrong + "}\n")
    for right in ("tf", "{mean: [0.4, 0.5, 0.6], std: 0.2}", "{image: caffe, depth: {mean: 0, std: 1}}"):
        loading.load(write("r.yaml", "data: {dataset: digits}\nmodel: {build: lenet, preprocess: " + right + "}\n"))


def test_new_layers_are_for_weights_and_are_trained():
    model = "data: {dataset: digits}\nmodel: {build: lenet, %s}\n"
    assert "model.new_layers: is read only with `model.weights`" in refusal(model % "new_layers: [head]")
    given = model % "weights: a.h5, new_layers: [head]"
    assert loading.load(write("r.yaml", given)).sections()["train"]["epochs"] == 60
    assert "found 0: new layers have to be trained" in refusal(given + "train: {epochs: 0}\n")


def test_a_word_for_augment_is_its_preset():
    augment = loading.load(write("r.yaml", SHORT + "augment: standard\n")).sections()["augment"]
    assert augment["preset"] == "standard" and set(augment.values()) == {"standard", None}
    assert "augment.preset: expected one of auto, standard, none, found 'heavy'" in refusal(SHORT + "augment: heavy\n")


@pytest.mark.parametrize("setting", ["delay: 5", "default_ranges: measured"])
def test_a_setting_of_live_batch_norm_is_reported_without_it(setting):
    with pytest.raises(RecipeError, match="r.yaml:3:12  quantize.[a-z_]+: is only for `batch_norm: live`; with folded"):
        loading.load(write("r.yaml", SHORT + "quantize: {{{}}}\n".format(setting)))
    loading.load(write("r.yaml", SHORT + "quantize: {{batch_norm: live, {}}}\n".format(setting)))


def test_a_setting_that_live_batch_norm_does_not_read_is_reported():
    with pytest.raises(RecipeError, match="r.yaml:3:30  quantize.freeze_ranges_after: is not for `batch_norm: live`"):
        loading.load(write("r.yaml", SHORT + "quantize: {batch_norm: live, freeze_ranges_after: 0.5}\n"))
    loading.load(write("r.yaml", SHORT + "quantize: {freeze_ranges_after: 0.5}\n"))


@pytest.mark.parametrize("value", ["labels.txt", "[1]", "['']"])
def test_files_that_are_no_list_of_paths_are_refused(value):
    said = refusal("data: {dataset: digits}\nmodel: {build: lenet, files: " + value + "}\n")
    assert "model.files" in said and "expected a list of paths of files or folders" in said


def test_a_wrong_loss_weight_is_reported_with_its_target():
    assert refusal(SHORT + "train: {loss_weights: {digit: -1, parity: half, odd: 2}}\n") == textwrap.dedent("""\
        r.yaml:3:24  train.loss_weights.digit: expected a mapping of targets to numbers of at least 0, found -1
        r.yaml:3:35  train.loss_weights.parity: expected a mapping of targets to numbers of at least 0, found 'half'""")


@pytest.mark.parametrize("loss, said", [
    ("{kind: focl}", "loss.kind: expected one of cross_entropy, focal, dice, iou, mse, mae, huber, or null, found 'focl'; did"),
    ("{class_weights: balance}", "loss.class_weights: expected balanced, or a mapping of classes to numbers of at least 0"),
    ("{class_weights: {defect: -1}}", "loss.class_weights: expected balanced, or a mapping of classes to numbers"),
    ("{class_weights: {defect: .nan}}", "loss.class_weights: expected balanced"),
    ("{label_smoothing: 1}", "loss.label_smoothing: expected a number from 0 to below 1, or null, found 1"),
    ("{targets: {label: {kind: fokal}}}", "loss.targets.label.kind: expected one of cross_entropy, focal"),
    ("{targets: {label: {gama: 2}}}", "loss.targets.label.gama: no key of this name; did you mean 'gamma'?"),
    ("{targets: {label: 3}}", "loss.targets.label: expected a mapping of targets to losses, found 3")])
def test_an_invalid_loss_is_reported_once(loss, said):
    with pytest.raises(RecipeError) as refused:
        loading.load(write("r.yaml", SHORT + "loss: {}\n".format(loss)))
    assert said in str(refused.value) and str(refused.value).count("loss.") == 1


@pytest.mark.parametrize("train, key", [("{class_weight: {good: 1}}", "class_weights"), ("{loss: mse}", "kind")])
def test_a_misplaced_setting_of_the_loss_is_reported_with_its_place(train, key):
    with pytest.raises(RecipeError, match="write loss: {{{}: ...}}, for both phases".format(key)):
        loading.load(write("r.yaml", SHORT + "train: {}\n".format(train)))


@pytest.mark.parametrize("limit, words", [
    ("min_sample: 3", "data.limits.min_sample: no key of this name; did you mean 'min_samples'?"),
    ("min_samples: -1", "expected a whole number of at least 0, or null, found -1"),
    ("min_samples: 0.5", "expected a whole number of at least 0, or null, found 0.5"),
    ("max_class_share: 60", "expected a fraction from 0 to 1, or null, found 60"),
    ("min_codes: 257", "expected a whole number from 1 to 256, or null, found 257"),
])
def test_an_invalid_limit_is_reported_at_its_position(limit, words):
    assert words in refusal(SHORT.replace("{dataset: digits}", "{dataset: digits, limits: {" + limit + "}}"))
