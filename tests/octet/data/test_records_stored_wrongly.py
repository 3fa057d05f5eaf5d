"""TFRecord files that are damaged, or have other features than the recipe names; the framing of their records."""

import json

import numpy as np
import pytest

from octet.data import crc32c, record_features, record_file
from octet.datasets import tfrecord
from tests.octet.datasets.records import example, folder, gauges, png, write
from tests.octet.datasets.samples import refusal


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
    (spoilt(20, 1), "record 0  the content of the record does not have its checksum"),
    (spoilt(-1, 1), "record 19  the content of the record does not have its checksum"),
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
     "For encoded pictures, use `image`"),
    ({"image": "x", "label": "kind", "size": [4, 4]}, gauges, "the feature 'x' holds 3 float"),
    ({"image": "name", "label": "kind", "size": [4, 4]}, gauges, "record 0  not a readable picture"),
    ({"numbers": "x", "label": "both"}, gauges, "For a 0 or 1 for each class, use `labels`"),
    ({"numbers": "x", "labels": "y"}, gauges, "y[0, 0] is"),
    ({"numbers": "x"}, gauges, "none of label, labels or value is named"),
    ({"numbers": "x", "image": "name", "label": "kind"}, gauges, "name and x of image or numbers"),
    ({"numbers": "x", "label": "kind", "size": [4, 4]}, gauges, "size and resize are for pictures"),
    ({"numbers": "x", "label": "kind", "classes": ["one"]}, gauges, "outside 0..0"),
    ({"image": "name", "label": "kind", "shape": [3], "size": [4, 4]}, gauges, "shape is [3]"),
])
def test_what_is_not_as_the_recipe_says_is_named(tmp_path, args, records, words):
    assert words in refusal(tfrecord.load, folder(tmp_path, records), **args)


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
    found = [record_features.parse(record.content, path) for record in record_file.records(path)]
    assert found == [{name: [values] if isinstance(values, bytes) else values
                      for name, values in features.items()}] * 3
    mine = example(**features)
    assert list(tf.compat.v1.io.tf_record_iterator(write(tmp_path / "b.tfrecord", [mine]))) == [mine]
    parsed = tf.train.Example.FromString(mine).features.feature
    assert list(parsed["n"].int64_list.value) == features["n"] and json.dumps(list(parsed["x"].float_list.value))
