"""TFRecord files: intact, damaged, and with other features than the recipe names."""

import io
import json
import os
import struct

import numpy as np
import pytest
from PIL import Image

from octet import recipe_draft
from octet.data import crc32c, prepared, reading, record_file
from octet.data.dataset import PARTS
from octet.datasets import tfrecord
from tests.octet.datasets.samples import refusal


def example(**features):
    """A serialized tf.train.Example, written by hand. Values: {name: bytes, floats or integers}."""
    def field(number, content):
        return bytes([number << 3 | 2]) + varint(len(content)) + content

    def varint(number):
        number &= (1 << 64) - 1  # a negative number is of ten bytes
        found = b""
        while True:
            found += bytes([number & 127 | (128 if number > 127 else 0)])
            number >>= 7
            if not number:
                return found
    entries = b""
    for name, values in features.items():
        values = list(values) if isinstance(values, (list, tuple, np.ndarray)) else [values]
        if isinstance(values[0], bytes):
            one = field(1, b"".join(field(1, value) for value in values))
        elif isinstance(values[0], (float, np.floating)):
            one = field(2, field(1, struct.pack("<{}f".format(len(values)), *values)))
        else:
            one = field(3, field(1, b"".join(varint(int(value)) for value in values)))
        entries += field(1, field(1, name.encode()) + field(2, one))
    return field(1, entries)


def write(path, records):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as out:
        for record in records:
            head = struct.pack("<Q", len(record))
            out.write(head + struct.pack("<I", crc32c.masked(head)) + record + struct.pack("<I", crc32c.masked(record)))
    return str(path)


def png(seed, size=(9, 7)):
    out = io.BytesIO()
    pixels = np.random.RandomState(seed).randint(0, 256, size + (3,)).astype(np.uint8)
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue(), pixels


def gauges(count, seed=0):
    numbers = np.random.RandomState(seed).rand(count, 3).astype(np.float32)
    return [example(x=row, kind=index % 2, name=[b"cat", b"dog"][index % 2], both=[1, index % 2],
                    y=row[:2] * 4, who="p{}".format(index // 4).encode()) for index, row in enumerate(numbers)]


def folder(tmp_path, records=gauges):
    for part, count in (("train", 20), ("validation", 6), ("test", 8)):
        write(tmp_path / "set" / "{}-00000-of-00001".format(part), records(count, len(part)))
    return str(tmp_path / "set")


def test_a_checksum_is_the_castagnoli_crc_of_its_standard():
    """RFC 3720, appendix B.4, and the usual check value of this CRC."""
    assert crc32c.of(b"123456789") == 0xE3069283
    assert crc32c.of(bytes(32)) == 0x8A9136AA and crc32c.of(b"\xff" * 32) == 0x62A8AB43
    assert crc32c.of(bytes(range(32))) == 0x46DD794E
    for length in (255, 256, 257, 1000, 4096, 70001):
        content = np.random.RandomState(length).bytes(length)
        state = 0xFFFFFFFF
        for byte in content:
            state ^= byte
            for _ in range(8):
                state = state >> 1 ^ (crc32c.POLYNOMIAL if state & 1 else 0)
        assert crc32c.of(content) == state ^ 0xFFFFFFFF


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
                assert set(alone.read[part].files.values()) == set(tfrecord.files(part, path, **args).values())
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


def spoilt(at, value=None, cut=None):
    def do(path):
        content = bytearray(path.read_bytes())
        if cut is not None:
            path.write_bytes(bytes(content[:cut]))
            return
        content[at] ^= value
        path.write_bytes(bytes(content))
    return do


@pytest.mark.parametrize("spoil, words", [
    (spoilt(20, 1), "record 0  the content of the record is not what its checksum says"),
    (spoilt(-1, 1), "record 19  the content of the record is not what its checksum says"),
    (spoilt(0, None, cut=-3), "record 19  the file ends within the record"),
    (spoilt(0, None, cut=-200), "the file ends within the record"),
    (spoilt(0, None, cut=5), "this is no TFRecord file"),
    (spoilt(0, 1), "this is no TFRecord file"),
    (lambda path: path.write_bytes(b""), "there is no record"),
    (lambda path: path.write_bytes(b"\x1f\x8b" + path.read_bytes()), "the file is compressed with gzip"),
    (lambda path: write(path, [b"\xff\xff\xff"] * 4), "record 0  the record is no tf.train.Example"),
])
def test_damaged_files_are_named(tmp_path, spoil, words):
    path = folder(tmp_path)
    spoil(tmp_path / "set" / "train-00000-of-00001")
    assert words in refusal(tfrecord.load, path, numbers="x", label="kind")


def mixed(first, other):
    return lambda count, seed: [example(**(first if index < 3 else other)) for index in range(count)]


@pytest.mark.parametrize("args, records, words", [
    ({"numbers": "z", "label": "kind"}, gauges, "record 0  there is no feature 'z'"),
    ({"numbers": "x", "label": "kin"}, gauges, "did you mean"),
    ({"numbers": "x", "label": "kind"}, mixed({"x": [.5], "kind": 1}, {"x": [.5]}), "record 3  there is no feature"),
    ({"numbers": "x", "label": "y"}, gauges, "the feature 'y' holds 2 float"),
    ({"numbers": "x", "label": "kind"}, mixed({"x": [.5], "kind": 1}, {"x": [.5], "kind": b"a"}),
     "record 3  the feature 'kind' is bytes"),
    ({"numbers": "x", "label": "kind"}, mixed({"x": [.5], "kind": .5}, {}), "the feature 'kind' is float"),
    ({"numbers": "x", "value": "name"}, gauges, "the feature 'name' is bytes"),
    ({"numbers": "x", "value": "y"}, mixed({"x": [.5], "y": [1., 2.]}, {"x": [.5], "y": [1.]}),
     "record 3  the feature 'y' has 1 numbers"),
    ({"numbers": "x", "label": "kind"}, mixed({"x": [.5, .5], "kind": 0}, {"x": [.5], "kind": 1}),
     "record 3  the feature 'x' has 1 numbers, not 2"),
    ({"numbers": "x", "label": "kind"}, mixed({"x": [.5], "kind": 0}, {"x": [1], "kind": 1}),
     "record 3  the feature 'x' is int64, not float32"),
    ({"numbers": "x", "label": "kind", "shape": [2, 2]}, gauges, "has 3 numbers, not 2 x 2"),
    ({"numbers": "name", "label": "kind"}, mixed({"name": b"\xff\xd8png", "kind": 0}, {"name": b"longer", "kind": 1}),
     "Encoded pictures are read by `image`"),
    ({"image": "x", "label": "kind", "size": [4, 4]}, gauges, "the feature 'x' holds 3 float"),
    ({"image": "name", "label": "kind", "size": [4, 4]}, gauges, "record 0  not a readable picture"),
    ({"numbers": "x", "label": "both"}, gauges, "A 0 or 1 for each class is `labels`"),
    ({"numbers": "x", "labels": "y"}, gauges, "y[0, 0] is"),
    ({"numbers": "x"}, gauges, "none of label, labels or value is named"),
    ({"numbers": "x", "image": "name", "label": "kind"}, gauges, "name and x of image or numbers"),
    ({"numbers": "x", "label": "kind", "size": [4, 4]}, gauges, "size and resize are for pictures"),
    ({"numbers": "x", "label": "kind", "classes": ["one"]}, gauges, "outside 0..0"),
    ({"image": "name", "label": "kind", "shape": [3], "size": [4, 4]}, gauges, "shape is [3]"),
])
def test_what_is_not_as_the_recipe_says_is_named(tmp_path, args, records, words):
    assert words in refusal(tfrecord.load, folder(tmp_path, records), **args)


def test_parts_are_identified_by_the_names_of_the_files(tmp_path):
    path = folder(tmp_path)
    (tmp_path / "set" / "validation-00000-of-00001").rename(tmp_path / "set" / "flowers_val.tfrecord")
    (tmp_path / "set" / "README.txt").write_text("of flowers")
    assert len(tfrecord.load(path, numbers="x", label="kind").parts["validation"]) == 6
    assert tfrecord.left_out(path, numbers="x") == 1
    write(tmp_path / "set" / "more.tfrecord", gauges(4))
    assert "more.tfrecord says no part in its name" in refusal(tfrecord.load, path, numbers="x", label="kind")
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
    assert "not told apart" in refusal(recipe_draft.of, str(tmp_path / "b.tfrecord"))


@pytest.mark.slow
def test_files_that_tensorflow_wrote_are_read_and_those_of_this_test_by_tensorflow(tmp_path):
    import tensorflow as tf

    features = {"image": png(3)[0], "x": [.25, -1.5], "n": [-3, 2 ** 40], "big": bytes(70000)}
    made = tf.train.Example(features=tf.train.Features(feature={
        name: tf.train.Feature(**({"bytes_list": tf.train.BytesList(value=[values])} if isinstance(values, bytes) else
                                  {"float_list": tf.train.FloatList(value=values)} if name == "x" else
                                  {"int64_list": tf.train.Int64List(value=values)}))
        for name, values in features.items()})).SerializeToString()
    path = str(tmp_path / "a.tfrecord")
    with tf.io.TFRecordWriter(path) as out:
        for _ in range(3):
            out.write(made)
    found = [record_file.features(record.content, path) for record in record_file.records(path)]
    assert found == [{name: [values] if isinstance(values, bytes) else values
                      for name, values in features.items()}] * 3
    mine = example(**features)
    assert list(tf.compat.v1.io.tf_record_iterator(write(tmp_path / "b.tfrecord", [mine]))) == [mine]
    parsed = tf.train.Example.FromString(mine).features.feature
    assert list(parsed["n"].int64_list.value) == features["n"] and json.dumps(list(parsed["x"].float_list.value))
