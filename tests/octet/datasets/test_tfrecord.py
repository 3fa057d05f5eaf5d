"""TFRecord files: their pictures, numbers, parts and digests."""

import os

import numpy as np
import pytest

from octet import recipe_draft
from octet.data import prepared, reading
from octet.data.dataset import PARTS
from octet.datasets import tfrecord
from tests.octet.datasets.records import example, folder, gauges, png, write
from tests.octet.datasets.samples import refusal


def test_pictures_are_decoded_as_those_of_a_folder_are(tmp_path):
    pictures = [png(index) for index in range(12)]
    path = write(tmp_path / "all.tfrecord", [
        example(**{"image/encoded": content, "image/class/label": index % 2})
        for index, (content, _) in enumerate(pictures)])
    data = tfrecord.load(path, "image/encoded", label="image/class/label", size=[9, 7],
                         split={"validation": 0.25, "test": 0.25})
    assert sum(map(len, data.parts.values())) == 12
    seen = {codes.tobytes(): label for part in data.parts.values()
            for codes, label in zip(part.inputs["image"], part.targets["label"])}
    assert seen == {pixels.tobytes(): index % 2 for index, (_, pixels) in enumerate(pictures)}
    assert data.targets["label"].classes == ["0", "1"] and "held out of the training records by rank" in data.notes[0]


KINDS = {
    "label": ({"label": "kind"}, lambda rows: [index % 2 for index in range(rows)], ["0", "1"]),
    "text": ({"label": "name"}, lambda rows: [index % 2 for index in range(rows)], ["cat", "dog"]),
    "named": ({"label": "kind", "classes": ["no", "yes"]}, lambda rows: [index % 2 for index in range(rows)],
              ["no", "yes"]),
    "labels": ({"labels": "both"}, lambda rows: [[1, index % 2] for index in range(rows)], ["0", "1"]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_answer_is_read(tmp_path, kind):
    args, answers, classes = KINDS[kind]
    data = tfrecord.load(folder(tmp_path), numbers="x", **args)
    target, = data.targets.values()
    assert list(target.classes) == classes
    for part, count in zip(PARTS, (20, 6, 8)):
        array, = data.parts[part].targets.values()
        assert array.tolist() == answers(count)


def test_numbers_are_reals_in_their_range_and_bytes_are_codes(tmp_path):
    path = folder(tmp_path)
    data = tfrecord.load(path, numbers="x", value="y")
    real = np.random.RandomState(len("train")).rand(20, 3).astype(np.float32)
    assert np.array_equal(data.parts["train"].inputs["numbers"], np.floor(real.astype(np.float64) * 255 + 0.5))
    assert np.allclose(data.parts["train"].targets["value"], real[:, :2] * 4)
    assert "lie outside [0, 0.5]" in refusal(tfrecord.load, path, numbers="x", value="y", high=0.5)
    raw = np.random.RandomState(1).randint(0, 256, (20, 4, 4, 1)).astype(np.uint8)
    codes = folder(tmp_path / "raw", lambda count, seed: [
        example(x=raw[index].tobytes(), kind=index % 2) for index in range(count)])
    data = tfrecord.load(codes, numbers="x", shape=[4, 4, 1], label="kind")
    assert np.array_equal(data.parts["train"].inputs["numbers"], raw)


def test_a_part_by_itself_is_what_it_is_among_all_and_its_digest_is_of_its_files(tmp_path):
    for path, args in ((folder(tmp_path), {"numbers": "x", "label": "name"}),
                       (write(tmp_path / "all.tfrecords", gauges(40)), {
                           "numbers": "x", "label": "name", "split": {"validation": 0.2, "test": 0.2}})):
        whole = tfrecord.load(path, **args)
        for part in PARTS:
            place = tmp_path / ("of " + os.path.basename(path)) / part
            place.mkdir(parents=True)
            with reading.into(str(place), lambda fraction, message: None):
                learnt = whole if part != "train" else None
                alone = tfrecord.load(path, **args, parts=(part,), learnt=learnt)
                assert alone.read[part].digest == tfrecord.digest(part, path, **args)
                assert set(alone.read[part].files().values()) == set(tfrecord.files(part, path, **args).values())
                prepared.write(place, alone, part)
            found = prepared.read({part: place})
            assert np.array_equal(found.parts[part].inputs["numbers"], whole.parts[part].inputs["numbers"])
            assert np.array_equal(found.parts[part].targets["label"], whole.parts[part].targets["label"])
        quick = tfrecord.load(path, **args, samples=4)
        assert [len(quick.parts[part]) for part in PARTS] == [4, 4, 4] and quick.targets == whole.targets


def test_a_changed_test_file_changes_the_test_digest_alone(tmp_path):
    path = folder(tmp_path)
    before = [tfrecord.digest(part, path, numbers="x", label="kind") for part in PARTS]
    write(tmp_path / "set" / "test-00000-of-00001", gauges(8, 99))
    after = [tfrecord.digest(part, path, numbers="x", label="kind") for part in PARTS]
    assert before[:2] == after[:2] and before[2] != after[2]
    assert tfrecord.digest("train", path, numbers="x", label="name") != before[0]


def test_groups_stay_together(tmp_path):
    path = write(tmp_path / "all.tfrecord", gauges(80))
    data = tfrecord.load(path, numbers="x", label="kind", split={
        "validation": 0.2, "test": 0.2, "by": "group", "group": "who"})
    whole = np.floor(np.random.RandomState(0).rand(80, 3).astype(np.float32).astype(np.float64) * 255 + 0.5)
    group_of = {tuple(row): index // 4 for index, row in enumerate(whole.astype(int).tolist())}
    groups = {part: {group_of[tuple(row)] for row in data.parts[part].inputs["numbers"].tolist()} for part in PARTS}
    assert sum(map(len, groups.values())) == len(set.union(*groups.values())) == 20


def test_parts_are_identified_by_the_names_of_the_files(tmp_path):
    path = folder(tmp_path)
    (tmp_path / "set" / "validation-00000-of-00001").rename(tmp_path / "set" / "flowers_val.tfrecord")
    (tmp_path / "set" / "README.txt").write_text("of flowers")
    assert len(tfrecord.load(path, numbers="x", label="kind").parts["validation"]) == 6
    assert tfrecord.left_out(path, numbers="x") == 1
    write(tmp_path / "set" / "more.tfrecord", gauges(4))
    assert "the name more.tfrecord contains no part" in refusal(tfrecord.load, path, numbers="x", label="kind")
    (tmp_path / "set" / "more.tfrecord").unlink()
    (tmp_path / "set" / "test-00000-of-00001").unlink()
    assert "there is no test part" in refusal(tfrecord.load, path, numbers="x", label="kind")
    split = {"split": {"test": 0.2, "validation": 0.2}}
    assert [len(part) for part in tfrecord.load(path, numbers="x", label="kind", **split).parts.values()] == [16, 6, 4]
    assert "no such file or folder" in refusal(tfrecord.load, path + "x", numbers="x", label="kind")


def test_a_picture_that_cannot_be_decoded_is_left_out_on_request(tmp_path):
    def records(count, seed):
        return [example(image=png(seed + index)[0] if index != 1 else b"no picture", kind=index % 2)
                for index in range(count)]
    path = folder(tmp_path, records)
    assert "record 1  not a readable picture" in refusal(tfrecord.load, path, "image", label="kind", size=[4, 4])
    data = tfrecord.load(path, "image", label="kind", size=[4, 4], skip_unreadable=True)
    assert data.left_out == {"train": 1, "validation": 1, "test": 1} and len(data.parts["train"]) == 19
    assert data.parts["train"].targets["label"][:2].tolist() == [0, 0]
    assert any("skipped" in note and "record 1" in note for note in data.notes)


@pytest.mark.parametrize("records, args, kinds", [
    (lambda count, seed: [example(x=np.linspace(0, 1, 3), tags=[1, index % 2]) for index in range(count)],
     {"numbers": "x", "low": 0, "high": 1, "labels": "tags"}, ["labels"]),
    (lambda count, seed: [example(**{"image/encoded": png(index, (19, 17))[0], "image/class/text": b"ab"[index % 2:],
                                     "image/class/label": index % 2, "image/height": 19}) for index in range(count)],
     {"image": "image/encoded", "size": [16, 16], "channels": 3, "label": "image/class/label"}, ["class"]),
    (lambda count, seed: [example(x=np.arange(4) * .1 + index, target=[.1, .2]) for index in range(count)],
     {"numbers": "x", "low": 0.0, "high": 19.3, "value": "target"}, ["value"]),
])
def test_a_recipe_is_drafted_from_the_features(tmp_path, records, args, kinds):
    path = folder(tmp_path, records)
    draft = recipe_draft.of(path)
    assert draft.dataset == "tfrecord" and draft.kinds == kinds and draft.args == pytest.approx(args)
    assert [len(part) for part in tfrecord.load(path, **draft.args).parts.values()] == [20, 6, 8]
    alone = recipe_draft.of(os.path.join(path, "train-00000-of-00001"))
    assert alone.args["split"] == {"validation": 0.1, "test": 0.1}
    write(tmp_path / "b.tfrecord", [example(a=b"xyz", b=b"longer")] * 4)
    assert "unclear which features" in refusal(recipe_draft.of, str(tmp_path / "b.tfrecord"))


def test_features_that_are_not_read_are_named(tmp_path):
    for part in PARTS:
        write(tmp_path / "r" / (part + ".tfrecord"), [
            example(x=[0.1 * row, 0.5], y=row % 2, weight=1.0, place=b"here") for row in range(6)])
    found = tfrecord.load(str(tmp_path / "r"), numbers="x", label="y")
    assert "features that are not read: place, weight" in found.notes
