"""The line of progress of a training."""

from tasks.training.history import History


def test_a_metric_that_is_undefined_on_the_validation_part_is_named(tmp_path):
    history = History(tmp_path, lambda: {"map": {"accuracy": None}, "label": {"accuracy": 0.5}})
    history.begin_epoch()
    history.end_epoch(0.25, 10)
    assert history.line(0.25).startswith("loss 0.250, map accuracy undefined, label accuracy 0.5000, ")
    history.close()
