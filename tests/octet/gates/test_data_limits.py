"""The limits of a section `data`, checked on data whose figures are counted by hand."""

import numpy as np
import pytest

from octet.data import description
from octet.data.dataset import Dataset, Input, Part, Target
from octet.errors import LimitError
from octet.gates import data_limits
from octet.recipe import schema

LABEL = {"label": Target("class", ["cat", "dog"])}
CODES = np.arange(10, dtype=np.uint8).reshape(10, 1) * 20


def figures(targets=LABEL, **answers):
    """10 training samples, one of which is a dog; 4 and 3 samples in the other parts. One test sample is also in the
    train part, with another label."""
    rows = {"train": CODES, "validation": CODES[:4] + 1, "test": np.array([[9], [11], [0]], np.uint8)}
    given = {"train": np.array([0] * 9 + [1], np.int32), "validation": np.array([0, 0, 1, 1], np.int32),
             "test": np.array([0, 1, 1], np.int32), **answers}
    dataset = Dataset({"x": Input((1,), 0.0, 1.0)}, targets, {
        part: Part({"x": rows[part]}, {name: given[part] for name in targets}) for part in rows})
    return {**description.of(dataset)["figures"], "left_out": 3}


@pytest.mark.parametrize("limit, kept, missed, words", [
    ("min_samples", 3, 4, "the test part has 3 samples"),
    ("min_class_samples", 1, 2, "the class 'dog' of 'label' has 1 samples in the train part"),
    ("min_class_held_out", 1, 2, "the class 'cat' of 'label' has 1 samples in the test part"),
    ("max_class_share", 0.9, 0.89, "0.9 of the training samples are of the class 'cat' of 'label'"),
    ("max_shared_samples", 1, 0, "1 samples are in two parts: 1 of the test part in the train part"),
    ("max_contradictions", 1, 0, "1 contents have more than one label of 'label'"),
    ("min_codes", 10, 11, "99.9 % of the training values of 'x' lie on 10 of the 256 codes"),
    ("max_left_out", 3, 2, "3 files are not read"),
])
def test_each_limit_is_judged_by_its_figure(limit, kept, missed, words):
    judgement, = data_limits.expect(figures(), {"limits": {limit: kept}})
    assert judgement.passed and judgement.words == words
    with pytest.raises(LimitError) as caught:
        data_limits.expect(figures(), {"limits": {limit: missed}})
    assert caught.value.exit_code == 10 and caught.value.where == "data.limits"
    assert caught.value.why == "{} is {:g}: {}".format(limit, missed, words)


def test_every_limit_of_a_recipe_has_a_judge_and_none_is_set_by_itself():
    section = schema.Data(dataset="digits").model_dump()
    assert list(section["limits"]) == list(data_limits.LIMITS) and not data_limits.are_set(section)
    assert data_limits.judged(figures(), section) == []


@pytest.mark.parametrize("limit", ["min_class_samples", "min_class_held_out", "max_class_share", "max_contradictions"])
def test_a_limit_that_fits_no_target_is_missed(limit):
    values = {part: np.zeros((count, 1), np.float32) for part, count in (("train", 10), ("validation", 4), ("test", 3))}
    with pytest.raises(LimitError, match="the data misses 1 of its limits") as caught:
        data_limits.expect(figures({"y": Target("value", shape=(1,))}, **values), {"limits": {limit: 0}})
    assert "and there is none" in caught.value.why


def test_of_labels_a_share_is_of_the_samples():
    tags = {part: np.array([[1, index % 2] for index in range(count)], np.uint8)
            for part, count in (("train", 10), ("validation", 4), ("test", 3))}
    found = figures({"tags": Target("labels", ["day", "rain"])}, **tags)
    assert str(data_limits.judged(found, {"limits": {"max_class_share": 1}})[0]).endswith(
        "1 of the training samples are of the class 'day' of 'tags'")
    assert found["classes"]["tags"]["train"] == {"least": [5, "rain"], "most": [10, "day"]}
