import pytest

from octet.errors import ModelError
from tasks.keras_model import name_matching


def test_ends_of_the_same_names_are_matched_by_name():
    assert name_matching.matched(["left", "right"], ["right", "left"], "input") == ["right", "left"]


def test_ends_of_other_names_are_matched_by_order():
    assert name_matching.matched(["digit", "parity"], ["probabilities", "odd"], "target") == ["digit", "parity"]


@pytest.mark.parametrize("theirs", [["digit"], ["digit", "odd"], ["a", "b", "c"]], ids=str)
def test_anything_else_lists_both_sides(theirs):
    with pytest.raises(ModelError, match="outputs are not those of the dataset") as caught:
        name_matching.matched(["digit", "parity"], theirs, "target")
    assert "the model has {}: {}".format(len(theirs), ", ".join(theirs)) in str(caught.value)
    assert "the dataset has 2: digit, parity" in str(caught.value)
