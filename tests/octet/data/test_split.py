"""Samples are held out by group and by time. The groups and times come from a table, from picture names or from
arrays."""

import numpy as np
import pytest
from PIL import Image

from octet import digest as digests
from octet.data import split as splits
from octet.data import times
from octet.data.dataset import PARTS
from octet.datasets import image_folder, npz, table
from tests.octet.datasets.samples import refusal

RANDOM = np.random.RandomState(5)


def hashes(*contents):
    return [digests.of_bytes(str(content).encode()) for content in contents]


def drawn(keys, contents=None, classes=None, **settings):
    """The part of each sample, by group or by time."""
    held_out = [part for part in splits.HELD_OUT if part in settings]
    split = splits.settings(dict({"validation": None}, **settings))
    return splits.parts(split, held_out, hashes(*(contents or range(len(keys)))), classes or [0] * len(keys), "here",
                        keys)


def by_group(keys, **named):
    return drawn(keys, by="group", group="who", **named)


def by_time(keys, **named):
    return drawn(keys, by="time", time="when", **named)


def test_a_group_is_in_one_part_and_the_shares_are_about_those_asked_for():
    sizes = RANDOM.randint(3, 30, 40)
    keys = ["person{}".format(person) for person, size in enumerate(sizes) for _ in range(size)]
    found = by_group(keys, validation=0.2, test=0.1)
    assert all(len({part for key, part in zip(keys, found) if key == one}) == 1 for one in set(keys))
    for part, share in (("validation", 0.2), ("test", 0.1)):
        assert abs(found.count(part) / len(keys) - share) < 0.02
    shuffled = RANDOM.permutation(len(keys))
    again = by_group([keys[row] for row in shuffled], contents=shuffled.tolist(), validation=0.2, test=0.1)
    assert dict(zip(keys, found)) == dict(zip([keys[row] for row in shuffled], again))


def test_groups_that_have_a_sample_in_common_stay_together():
    keys = ["g{}".format(index // 2) for index in range(40)]
    contents = list(range(40))
    for one in range(0, 36, 2):  # a chain through all groups but the last two
        contents[one + 2] = contents[one + 1]
    found = by_group(keys, contents=contents, test=0.1)
    assert found == ["train"] * 38 + ["test"] * 2


@pytest.mark.parametrize("sizes, held_out", [([50, 1], 1), ([50, 50], 50), ([90, 5, 5], 10)])
def test_one_large_group_stays_to_train_on(sizes, held_out):
    keys = ["g{}".format(group) for group, size in enumerate(sizes) for _ in range(size)]
    assert by_group(keys, test=0.1).count("test") == held_out


def test_the_newest_samples_are_the_test_part_and_the_next_the_validation_part():
    days = RANDOM.permutation(100)
    keys = ["2024-01-01T00:{:02d}:{:02d}".format(day // 60, day % 60) for day in days]
    found = by_time(keys, validation=0.2, test=0.1)
    assert [part for _, part in sorted(zip(days, found))] == ["train"] * 70 + ["validation"] * 20 + ["test"] * 10


def test_samples_of_one_time_share_a_part_and_a_content_is_as_old_as_its_oldest():
    found = by_time(["1"] * 10 + ["2"] * 7 + ["3"] * 3, test=0.1)
    assert found == ["train"] * 17 + ["test"] * 3
    contents = list(range(20))
    contents[19] = 0
    assert by_time(["{}".format(place) for place in range(20)], contents=contents, test=0.1) == (
        ["train"] * 17 + ["test"] * 2 + ["train"])


@pytest.mark.parametrize("early, late", [
    ("9", "10"), ("-1.5", "1e3"), ("2023-12-31", "2024-01-01"), ("2024:01:02 10:00:00", "2024-01-02 10:00:01"),
    ("2024-01-02T12:00:00+02:00", "2024-01-02T10:30:00Z"), ("2024/01/02", "2024.01.03"), ("20240102", "20240103")])
def test_times_are_numbers_or_dates(early, late):
    first, second = times.moments([early, late], "here")
    assert first < second


@pytest.mark.parametrize("texts, words", [
    (["1", "soon"], "'soon' is no time"), (["1", "nan"], "'nan' is no time"), (["31/01/2024"], "is no time"),
    (["2024-13-01"], "is no time"), (["7", "2024-01-31"], "some times are numbers, and some are dates"),
    (["0001-01-01", "1e999"], "'1e999' is no time")])
def test_what_is_no_time_is_named(texts, words):
    assert words in refusal(times.moments, texts, "here")


@pytest.mark.parametrize("draw", [by_group, by_time])
def test_a_part_that_would_lack_a_class_is_an_error_that_names_it(draw):
    keys = ["{}".format(place // 10) for place in range(100)]
    text = refusal(draw, keys, classes=["rare" if key == "3" else "often" for key in keys], test=0.1)
    assert "would have no sample of the class 'rare'" in text and "the samples of 'rare' have 1 different" in text
    assert "hold out a larger share" in text
    assert "the test part would have no sample" in refusal(draw, ["1"] * 5, test=0.1)


@pytest.mark.parametrize("said, words", [
    ({"by": "group"}, "the source of a sample's group is missing"),
    ({"by": "time"}, "the source of a sample's time is missing"),
    ({"group": "who"}, "there is a group, but samples are held out by rank"),
    ({"by": "time", "time": "t", "group": "who"}, "there is a group, but samples are held out by time"),
    ({"by": "group", "group": 3}, "group is 3"), ({"by": "group", "group": ""}, "group is ''"),
    ({"by": "groups"}, "did you mean 'group'"), ({"by": "time", "times": "t"}, "did you mean 'time'")])
def test_settings_that_mean_nothing_are_refused(said, words):
    assert words in refusal(splits.settings, said)


def patients(tmp_path, **columns):
    rows = [dict({"x": index, "y": "ab"[index % 2], "who": "p{}".format(index // 6), "when": "2024-03-{:02d}".format(
        1 + index // 2)}, **{name: of(index) for name, of in columns.items()}) for index in range(60)]
    path = tmp_path / "t.csv"
    path.write_text("\n".join([",".join(rows[0])] + [",".join(map(str, row.values())) for row in rows]) + "\n")
    return str(path)


FEATURES = {"features": ["x"], "label": "y"}


def test_a_table_names_the_columns(tmp_path):
    path = patients(tmp_path)
    by_who = {"split": {"validation": 0.1, "test": 0.2, "by": "group", "group": "who"}}
    data = table.load(path, **FEATURES, **by_who)
    assert [len(data.parts[part]) for part in PARTS] == [42, 6, 12]
    assert any("held out of the training samples by group" in note for note in data.notes)
    assert "columns that are not read: when" in data.notes
    data = table.load(path, **FEATURES, split={"validation": None, "test": 0.1, "by": "time", "time": "when"},
                      parts=("train", "test"))
    assert data.parts["test"].inputs["features"].min() > data.parts["train"].inputs["features"].max() - 30
    assert len(data.parts["test"]) == 6 and "columns that are not read: who" in data.notes
    before = {part: table.digest(part, path, **FEATURES, **by_who) for part in PARTS}
    assert len(set(before.values())) == 3
    assert "there is no column 'whom'" in refusal(
        table.load, path, **FEATURES, split={"by": "group", "group": "whom"})
    assert "data.args.split.group" in refusal(table.load, path, **FEATURES, split={"by": "group", "group": "whom"})
    path = patients(tmp_path, when=lambda index: "spring")
    assert "'spring' is no time" in refusal(table.load, path, **FEATURES, split={"by": "time", "time": "when"})


def test_file_names_of_pictures_say_the_group_and_the_time(tmp_path):
    for index in range(30):
        folder = tmp_path / "set" / "ab"[index % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4), (index, 0, 0)).save(str(folder / "p{}_{}.png".format(index // 6, 100 + index)))
    path, size = str(tmp_path / "set"), {"size": [4, 4]}
    data = image_folder.load(path, **size, split={"validation": 0.2, "test": 0.2, "by": "group", "group": "p([0-9])_"})
    people = {part: {red // 6 for red in data.parts[part].inputs["image"][:, 0, 0, 0].tolist()} for part in PARTS}
    assert sorted(map(len, people.values())) == [1, 1, 3] and len(set.union(*people.values())) == 5
    by_number = {"validation": 0.1, "test": 0.2, "by": "time", "time": "(1[0-9]+).png"}
    data = image_folder.load(path, **size, split=by_number)
    assert sorted(data.parts["test"].inputs["image"][:, 0, 0, 0].tolist()) == [24, 25, 26, 27, 28, 29]
    assert sorted(data.parts["validation"].inputs["image"][:, 0, 0, 0].tolist()) == [21, 22, 23]
    for pattern, words in (("q([0-9])", "has no match in"), ("p(", "is no regular expression"),
                           ("p([0-9])_|a", "has no match in")):
        assert words in refusal(image_folder.load, path, **size, split={"test": 0.1, "by": "group", "group": pattern})


@pytest.mark.parametrize("names", ["{}_train", "{}"], ids=["with a part", "plain"])
@pytest.mark.parametrize("kind", [str, np.bytes_, np.datetime64, int], ids=lambda kind: kind.__name__)
def test_an_array_says_the_group_or_the_time(tmp_path, names, kind):
    order = RANDOM.permutation(40)
    days = order // 2
    when = days if kind is int else np.array(["2024-02-{:02d}".format(1 + day) for day in days]).astype(kind)
    arrays = {"x": np.arange(40)[:, None].astype(np.uint8), "y": order % 2, "day": when}
    path = str(tmp_path / "a.npz")
    np.savez(path, **{names.format(name): array for name, array in arrays.items()})
    args = {"split": {"validation": 0.1, "test": 0.1, "by": "time", "time": "day"},
            "inputs": {"x": {"array": "x"}}, "targets": {"y": {"array": "y", "kind": "class", "classes": ["a", "b"]}}}
    found = npz.load(path, **args)
    assert {part: sorted(days[row] for row in found.parts[part].inputs["x"][:, 0]) for part in PARTS[1:]} == {
        "validation": [16, 16, 17, 17], "test": [18, 18, 19, 19]}
    assert not any("not read" in note for note in found.notes)
    args["split"] = {"validation": 0.2, "test": 0.1, "by": "group", "group": "day"}
    found = npz.load(path, **args)
    parts = [{days[row] for row in found.parts[part].inputs["x"][:, 0]} for part in PARTS]
    assert sum(map(len, parts)) == 20 == len(set.union(*parts))


def test_a_missing_array_of_groups_or_one_of_another_length_is_reported(tmp_path):
    path = str(tmp_path / "a.npz")
    np.savez(path, x=np.zeros((6, 2), np.uint8), y=np.arange(6) % 2, who=np.arange(5))
    for name, words in (("whom", "there is no array named whom_train or whom"), ("who", "who is of shape [5]")):
        assert words in refusal(npz.load, path, split={"validation": 0.3, "test": 0.3, "by": "group", "group": name})


def test_an_unused_split_by_group_is_reported(tmp_path):
    path = patients(tmp_path, part=lambda index: PARTS[index // 2 % 3])
    data = table.load(path, **FEATURES, part="part", split={"by": "group", "group": "who"})
    assert "split by group is not used, because the data has all parts" in data.notes


def test_groups_of_one_class_each_give_every_part_every_class():
    keys = ["g{}".format(place // 2) for place in range(60)]
    classes = [place // 2 % 3 for place in range(60)]
    found = by_group(keys, classes=classes, validation=0.1, test=0.1)
    assert {(part, one) for part, one in zip(found, classes)} == {
        (part, one) for part in ("train", "validation", "test") for one in range(3)}
    assert [found.count(part) for part in ("validation", "test")] == [6, 6]
