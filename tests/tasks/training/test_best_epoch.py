from types import SimpleNamespace

import pytest

from octet.errors import RecipeError
from tasks.training.best_epoch import Best


def offered(scores, metric="accuracy", **settings):
    best = Best(SimpleNamespace(**{**dict(keep="best", monitor=None, early_stopping=None), **settings}), "train")
    ran = 0
    for number, score in enumerate(scores, 1):
        best.offer({"label": {metric: score, "other": 0.0}}, lambda number=number: "values of {}".format(number))
        ran = number
        if best.exhausted:
            break
    return best, ran


@pytest.mark.parametrize("metric, scores, kept", [
    ("accuracy", [0.5, 0.9, 0.7], 2), ("mse", [0.5, 0.1, 0.7], 2), ("accuracy", [0.5, 0.9, 0.9, 0.8], 3),
    ("snr_db", [None, float("nan"), 3.0, None], 3), ("accuracy", [0.5], 1)])
def test_the_best_epoch_is_kept_and_of_equals_the_later(metric, scores, kept):
    best, _ = offered(scores, metric)
    assert (best.epoch, best.values) == (kept, "values of {}".format(kept))


def test_the_last_epoch_is_kept_where_the_recipe_says_so():
    assert offered([0.5, 0.9, 0.7], keep="last")[0].values == "values of 3"


def test_training_stops_after_so_many_epochs_without_a_better_one():
    best, ran = offered([0.5, 0.6, 0.6, 0.4, 0.9], early_stopping=2)
    assert ran == 4 and best.epoch == 3
    assert offered([0.5, 0.4, 0.6, 0.5, 0.9], early_stopping=2)[1] == 5


def test_another_metric_can_be_monitored_and_an_unknown_one_is_reported():
    best = Best(SimpleNamespace(keep="best", monitor="b/mae", early_stopping=None), "train")
    for number, (accuracy, mae) in enumerate([(0.1, 2.0), (0.9, 3.0)]):
        best.offer({"a": {"accuracy": accuracy}, "b": {"mae": mae}}, lambda number=number: number)
    assert best.values == 0
    with pytest.raises(RecipeError, match="train.monitor  no metric 'b/mae'(.|\n)*label/accuracy, label/other"):
        offered([0.5], monitor="b/mae")


@pytest.mark.parametrize("keep, scores, kept", [
    ("best", [0.5, 0.7], 0), ("best", [0.5, 0.8, 0.7], 2), ("last", [0.5, 0.7], 2), ("best", [], 0)])
def test_what_a_phase_began_with_is_kept_where_no_epoch_is_as_good(keep, scores, kept):
    best = Best(SimpleNamespace(keep=keep, monitor=None, early_stopping=None), "quantize")
    best.offer_start({"label": {"accuracy": 0.8}}, lambda: "values of 0")
    for number, score in enumerate(scores, 1):
        best.offer({"label": {"accuracy": score}}, lambda number=number: "values of {}".format(number))
    assert (best.epoch, best.values) == (kept, "values of {}".format(kept))
