import pytest

from octet.gates import judgement
from octet.gates.definitions import GATES


def classes(uint8, kind="class", agreement=0.97):
    return {"kind": kind, "accuracy": {"float": 0.99, "fake_quantized": 0.985, "uint8": uint8},
            "agreement": agreement}


def values(uint8, before=0.01):
    return {"kind": "value", "mse": {"float": before, "fake_quantized": before, "uint8": uint8}}


def misses(given, **outputs):
    return missed({"outputs": outputs}, given)


def missed(measurement, given):
    return [str(each) for each in judgement.judged(measurement, given) if not each.passed]


def test_drop_of_exactly_the_limit_passes():
    assert misses({"max_accuracy_drop": 0.01}, label=classes(0.98)) == []


@pytest.mark.parametrize("uint8, words", [(0.98, "accuracy fell by 0.0100"), (0.995, "accuracy rose by 0.0050")])
def test_the_words_say_which_way_a_figure_moved(uint8, words):
    one, = judgement.judged({"outputs": {"label": classes(uint8)}}, {"max_accuracy_drop": 0.01})
    assert words in one.words


def test_all_missed_gates_are_reported_with_figures():
    first, second = misses({"max_accuracy_drop": 0.001, "min_agreement": 0.98, "min_accuracy": None},
                           label=classes(0.98))
    assert "0.0100" in first and "0.9700" in second


def test_the_one_output_that_misses_a_gate_is_named():
    assert misses({"min_accuracy": 0.9}, digit=classes(0.99), parity=classes(0.5)) == [
        "parity: accuracy of the uint8 file is 0.5000; min_accuracy is 0.9"]


def test_an_accuracy_that_is_no_number_passes_no_gate():
    assert misses({"max_accuracy_drop": 1.0}, label=classes(float("nan")))


def test_pixels_are_judged_as_samples_are():
    assert misses({"min_agreement": 0.98}, mask=classes(0.99, "class_map")) == [
        "mask: the uint8 file agrees with the float model on 0.9700 of the predictions; min_agreement is 0.98"]


def test_an_error_may_rise_by_a_share_of_what_it_was():
    assert misses({"max_error_increase": 0.2}, image=values(0.012)) == []
    assert misses({"max_error_increase": 0.2}, image=values(0.0121)) == [
        "image: the mean squared error rose from 0.01 (float) to 0.0121 (uint8); max_error_increase is 0.2"]
    assert misses({"max_error_increase": 0.2}, image=values(0.001, before=0.0))
    assert misses({"max_error_increase": 0.2}, image=values(float("nan")))


def test_an_error_may_be_as_large_as_its_limit():
    assert misses({"max_error": 0.012}, image=values(0.012)) == []
    assert misses({"max_error": 0.012}, image=values(0.013)) == [
        "image: the mean squared error of the uint8 file is 0.013; max_error is 0.012"]


def test_each_gate_is_for_the_outputs_that_it_fits():
    assert misses({"max_error": 0.1, "min_accuracy": 0.9}, image=values(0.01), label=classes(0.95)) == []


def test_a_gate_that_fits_no_output_is_reported():
    assert misses({"min_accuracy": 0.9}, image=values(0.01)) == [
        "min_accuracy fits no output: image is of kind value; the gate is for class and labels and class_map"]


def test_a_gate_that_nobody_asked_for_need_not_fit():
    assert misses({"max_accuracy_drop": 0.01}, image=values(0.01)) == []


@pytest.mark.parametrize("limit, told", [(0, True), (1, True), (2, False), (None, False)])
def test_operators_that_compute_otherwise_than_float_are_named(limit, told):
    metrics = {"outputs": {"label": classes(0.99)}, "parity": {"wrong": ["up/resize", "pool/mean"]}}
    found = missed(metrics, {"max_wrong_operators": limit})
    assert bool(found) == told and all("up/resize, pool/mean" in line for line in found)


@pytest.mark.parametrize("limit, told", [(1, True), (2, False), (None, False)])
def test_operators_that_nobody_could_measure_count_as_wrong(limit, told):
    metrics = {"outputs": {"label": classes(0.99)}, "parity": {"wrong": ["up/resize"], "not_measured": ["act/tanh"]}}
    found = missed(metrics, {"max_wrong_operators": limit})
    assert bool(found) == told and all("could not be measured" in line and "act/tanh" in line for line in found)


@pytest.mark.parametrize("gate", sorted(GATES))
def test_every_gate_that_a_recipe_may_set_is_judged(gate):
    worst = {side: -1.0 for side in ("float", "fake_quantized", "uint8")}
    as_bad_as_can_be = {"image": values(9.0), "label": dict(
        classes(-1.0, agreement=-1.0), classes=["a", "b"], recall={"a": worst}, macro_f1=dict(worst, float=1.0),
        **{metric: worst for metric in ("balanced_accuracy", "roc_auc", "average_precision")}), "mask": dict(
            classes(-1.0, "class_map", agreement=-1.0), classes=["a", "b"], recall={"a": worst}, macro_f1=worst,
            balanced_accuracy=worst, mean_iou=worst)}
    measured = {"outputs": as_bad_as_can_be, "parity": {"wrong": ["conv", "dense"]}}
    found = missed(measured, {gate: 0})
    assert found and all("{} is 0".format(gate) in sentence for sentence in found)


def seen(**recall):
    return dict(classes(0.99), classes=list(recall), recall={name: {"uint8": value} for name, value in recall.items()},
                balanced_accuracy={"uint8": 0.5}, macro_f1={"float": 0.8, "uint8": 0.6}, roc_auc={"uint8": None},
                average_precision={"uint8": 0.3})


def test_the_class_that_is_never_found_is_named():
    assert misses({"min_class_recall": 0.1}, label=seen(good=1.0, defect=0.0)) == [
        "label: recall of the class 'defect' by the uint8 file is 0.0000, the lowest of 2; min_class_recall is 0.1"]
    assert misses({"min_class_recall": 0.1}, label=seen(good=1.0, defect=None)) == []
    assert "none of its classes occurs" in misses({"min_class_recall": 0.1}, label=seen(good=None))[0]
    assert misses({"min_class_recall": 0.1}, label=seen(good=1.0, defect=float("nan")))


def test_figures_over_the_classes_are_judged():
    figures = seen(good=1.0, defect=0.0)
    assert "balanced accuracy of the uint8 file is 0.5000" in misses({"min_balanced_accuracy": 0.6}, label=figures)[0]
    assert "macro F1 fell by 0.2000" in misses({"max_f1_drop": 0.1}, label=figures)[0]
    assert "there is no ROC AUC" in misses({"min_roc_auc": 0.6}, label=figures)[0]
    assert misses({"min_average_precision": 0.3, "min_balanced_accuracy": 0.5, "max_f1_drop": 0.2}, label=figures) == []


def test_a_gate_of_two_classes_is_not_for_three():
    assert misses({"min_roc_auc": 0.6}, label=seen(a=1.0, b=1.0, c=1.0)) == [
        "min_roc_auc fits no output: label is of kind class with 3 classes; the gate is for class with 2 classes and "
        "labels"]
