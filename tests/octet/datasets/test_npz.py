
import zipfile

import numpy as np
import pytest

from octet.data.dataset import PARTS, Input, quantization
from octet.datasets import npz
from tests.octet.datasets.samples import arrays, changed, floats, put, refusal, save


def test_npz_takes_uint8_as_codes_and_quantizes_floats_to_the_same(tmp_path):
    codes = npz.load(save(tmp_path, arrays()))
    reals = npz.load(save(tmp_path, floats()))
    assert [len(codes.parts[part]) for part in PARTS] == [18, 2, 6]
    for part in PARTS:
        assert np.array_equal(codes.parts[part].inputs["image"], reals.parts[part].inputs["image"])
        assert codes.parts[part].targets["label"].dtype == np.int32


def test_one_changed_test_label_changes_only_the_test_digest(tmp_path):
    content = arrays()
    path = save(tmp_path, content)
    before = {part: npz.digest(part, path) for part in PARTS}
    np.savez_compressed(path, **content)
    assert {part: npz.digest(part, path) for part in PARTS} == before
    content["y_test"][3] ^= 1
    save(tmp_path, content)
    assert [part for part in PARTS if npz.digest(part, path) != before[part]] == ["test"]


@pytest.mark.parametrize("content, words", [
    (put("y_test", 4, 7), "test.label[4] is 7, outside 0..1"),
    (put("y_train", slice(None), 1), "y_train has the label 1, but no 0"),
    (put("y_train", slice(3, None), 7), "y_train has the label 7, but no 2"),
    (put("x_train", (3, 0, 1, 0), np.nan, floats), "x_train[3, 0, 1, 0] is nan"),
    (put("x_test", (5, 0, 1, 0), -np.inf, floats), "x_test[5, 0, 1, 0] is -inf"),
    (put("x_test", (2, 1, 1, 0), 1.5, floats), "x_test[2, 1, 1, 0] is 1.5"),
    (changed(y_test=None), "no array named 'y_test'"),
    (changed(x_validation=np.zeros((3, 4, 4, 1), np.uint8)), "no array named 'y_validation'"),
    (changed(y_test=np.arange(5) % 2), "the test part has 6 image, 5 label"),
    (changed(y_train=np.arange(19) % 2), "the train part has 20 image, 19 label"),
    (changed(x_test=np.zeros((6, 4, 5, 1), np.uint8)), "test.image is uint8 of shape [6, 4, 5, 1]"),
    (changed(x_train=np.full((20, 4, 4, 1), 200)), "x_train[0, 0, 0, 0] is 200: 320 of 320 values lie outside [0, 1]"),
    (changed(x_train=np.uint8(3)), "x_train has shape []"),
    (changed(y_train=np.zeros((20, 2), int)), "y_train is int64 of shape [20, 2]"),
    (changed(y_train=np.full(20, 2 ** 40)), "y_train[0] is 1099511627776"),
    (changed(x_test=np.zeros((1, 4, 4, 1), np.uint8), y_test=[0]), "the test part has 1 sample"),
    (changed(x_train=np.zeros((1, 4, 4, 1), np.uint8), y_train=[0]), "the train part has 1 sample"),
    (changed(x_train=np.array([None])), "not a readable .npz file"),
    (put("y_train", 3, 2 ** 31 - 1), "y_train has the label 2147483647, but no 2"),
    (changed(x_train=np.zeros((20, 0, 4, 1), np.uint8)), "of shape [20, 0, 4, 1]: it is empty"),
])
def test_npz_reports_mistakes(tmp_path, content, words):
    path = save(tmp_path, content)
    assert words in refusal(npz.load, path)
    assert path in refusal(npz.digest, "test", path)


def test_npz_files_that_are_missing_cut_short_or_no_archive_are_named(tmp_path):
    path = save(tmp_path, arrays())
    whole = open(path, "rb").read()
    assert "no such file" in refusal(npz.load, str(tmp_path / "none.npz"))
    flipped = whole.replace(bytes(arrays()["x_test"][0]), bytes(16))
    for damaged in (b"", b"text", whole[:len(whole) // 2], flipped):
        with open(path, "wb") as file:
            file.write(damaged)
        assert path in refusal(npz.load, path)


def test_an_npz_file_with_another_format_is_reported(tmp_path):
    path = str(tmp_path / "data.npz")
    with open(path, "wb") as file:
        np.save(file, np.zeros(3))
    assert "it holds a single array" in refusal(npz.load, path)
    for header, words in ((b"no array", "its member x_train is no array"),
                          (_header("(20, 4"), "not a readable .npz file"),
                          (_header("(2,,)"), "not a readable .npz file"),
                          (_header("({},)".format(2 ** 70)), "not a readable .npz file"),
                          (_header("({},)".format(2 ** 55)), "no memory for its arrays")):
        with zipfile.ZipFile(save(tmp_path, changed(x_train=None)), "a") as archive:
            archive.writestr("x_train" if header == b"no array" else "x_train.npy", header)
        for call in (npz.load, lambda path: npz.digest("train", path)):
            assert words in refusal(call, path)


def test_an_encrypted_npz_file_is_reported(tmp_path):
    path = save(tmp_path, arrays())
    with open(path, "rb") as file:
        content = bytearray(file.read())
    content[content.index(b"PK\x01\x02") + 8] |= 1  # the first array's flag in the central directory
    with open(path, "wb") as file:
        file.write(content)
    for call in (npz.load, lambda path: npz.digest("train", path)):
        assert "not a readable .npz file" in refusal(call, path)


def _header(shape):
    """A .npy file of uint8 whose header has this text as its shape, without the array."""
    text = "{{'descr': '|u1', 'fortran_order': False, 'shape': {}}}\n".format(shape).encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


def test_a_folder_in_place_of_an_npz_file_is_reported(tmp_path):
    assert "it is a folder" in refusal(npz.load, str(tmp_path))


def test_an_invalid_range_is_refused(tmp_path):
    for make in (arrays, floats):
        path = save(tmp_path, make())
        assert "finite low < high" in refusal(npz.load, path, low=1.0, high=1.0)
        assert "expected a number" in refusal(npz.load, path, low=-10 ** 401, high=1.0)
        for low, high in ((-1e308, 1e308), (0.0, 1e39), (0.0, 1e-40)):
            assert "a range is from 1e-30 to 1e+30 wide" in refusal(npz.load, path, low=low, high=high)


def street():
    """Two inputs, and a target of each kind."""
    rng, content = np.random.RandomState(0), {}
    for part, count in (("train", 20), ("test", 6)):
        content["photo_" + part] = rng.uniform(-1, 1, (count, 4, 4, 3)).astype(np.float32)
        content[part + "/heat"] = rng.randint(0, 256, (count, 5)).astype(np.uint8)
        content["mask_" + part] = rng.randint(0, 2, (count, 4, 4, 1))
        content["speed_" + part] = rng.uniform(-50, 50, count)
        content["kind_" + part] = np.arange(count) % 3
    return content


def street_args(**targets):
    return {"inputs": {"image": {"array": "photo", "low": -1, "high": 1}, "heat": {"array": "{part}/heat"}},
            "targets": targets or {
                "mask": {"array": "mask", "kind": "class_map", "classes": ["road", "car"]},
                "speed": {"array": "speed", "kind": "value"}, "copy": {"input": "image"},
                "label": {"array": "kind", "kind": "class"}}}


def test_npz_takes_several_named_inputs_and_targets(tmp_path):
    content = street()
    data = npz.load(save(tmp_path, content), **street_args())
    assert data.inputs == {"image": Input((4, 4, 3), -1, 1), "heat": Input((5,), 0.0, 1.0)}
    assert {name: (target.kind, target.extent) for name, target in data.targets.items()} == {
        "mask": ("class_map", 2), "speed": ("value", (1,)), "copy": ("value", (4, 4, 3)), "label": ("class", 3)}
    assert [len(data.parts[part]) for part in PARTS] == [17, 3, 6]  # one of each class
    held_out, test = data.parts["validation"], data.parts["test"]
    rows = [content["train/heat"].tolist().index(row) for row in held_out.inputs["heat"].tolist()]
    assert np.array_equal(held_out.targets["speed"][:, 0], content["speed_train"][rows].astype(np.float32))
    assert sorted(held_out.targets["label"]) == [0, 1, 2] == sorted(content["kind_train"][rows])
    assert np.array_equal(test.targets["mask"], content["mask_test"][..., 0])
    scale, zero_point = quantization(-1, 1)
    np.testing.assert_allclose(test.targets["copy"], (test.inputs["image"].astype(float) - zero_point) * scale,
                               rtol=1e-6)
    assert np.abs(test.targets["copy"] - content["photo_test"]).max() <= scale * 1.01


def test_one_changed_pixel_of_a_mask_changes_only_that_parts_digest(tmp_path):
    content, args = street(), street_args()
    path = save(tmp_path, content)
    before = {part: npz.digest(part, path, **args) for part in PARTS}
    content["mask_test"][2, 1, 1, 0] ^= 1
    save(tmp_path, content)
    assert [part for part in PARTS if npz.digest(part, path, **args) != before[part]] == ["test"]


def test_a_reconstruction_needs_no_more_than_the_inputs_arrays(tmp_path):
    data = npz.load(save(tmp_path, {key: value for key, value in arrays().items() if key[0] == "x"}),
                    low=-1, high=1, targets={"copy": {"input": "image"}})
    assert data.inputs["image"].low == -1 and list(data.parts["test"].targets) == ["copy"]


@pytest.mark.parametrize("args, words", [
    ({"targets": {"mask": {"array": "mask", "kind": "classmap"}}},
     "data.args.targets.mask.kind  expected one of class, labels, class_map, value, raw, found 'classmap'"),
    ({"targets": {"mask": {"array": "mask"}}}, "found None"),
    ({"targets": {"mask": {"arry": "mask", "kind": "value"}}}, "did you mean 'array'?"),
    ({"targets": {"mask": {"kind": "value"}}}, "data.args.targets.mask.array  expected the name of an array"),
    ({"targets": {"copy": {"input": "picture"}}}, "data.args.targets.copy.input  there is no input 'picture'"),
    ({"targets": {"copy": {"input": "image", "kind": "value"}}}, "no key named 'kind'"),
    ({"targets": {"v": {"array": "speed", "kind": "value", "classes": ["a"]}}}, "expected no classes for a value"),
    ({"targets": {"mask": {"array": "mask", "kind": "class_map", "classes": 2}}}, "expected a list of names, found 2"),
    ({"targets": {}}, "data.args.targets  expected a mapping of names, found {}"),
    ({"inputs": ["photo"]}, "data.args.inputs  expected a mapping of names, found ['photo']"),
    ({"inputs": {"image": {"array": "photo", "low": "0"}}}, "data.args.inputs.image.low  expected a number"),
    ({"inputs": {"image": {"array": "photo"}}, "high": 2}, "data.args.high  there are inputs as well"),
    ({"targets": {"copy": {"input": "image"}}, "classes": ["a", "b"]}, "data.args.classes  there are targets as well"),
    ({"inputs": {"image": {"array": "foto"}}, "targets": {"copy": {"input": "image"}}},
     "no array named 'foto_train' or 'foto_test'"),
])
def test_npz_arguments_that_mean_nothing_are_named(tmp_path, args, words):
    path = save(tmp_path, street())
    assert words in refusal(npz.load, path, **args)
    assert words in refusal(npz.digest, "test", path, **args)


def corrupt(name, index, value):
    content = street()
    content[name][index] = value
    return content


@pytest.mark.parametrize("content, words", [
    (corrupt("mask_test", (3, 1, 2), 2), "test.mask[3, 1, 2] is 2, outside 0..1"),
    (corrupt("mask_train", slice(None), 0), "class 1 ('car') has no training pixel"),
    (corrupt("speed_train", 7, np.nan), "speed_train[7, 0] is nan"),
    (corrupt("speed_test", 5, 1e300), "speed_test[5, 0] is 1e+300"),
    (dict(street(), mask_train=np.zeros((20, 4, 4), np.float32)), "mask_train is float32 of shape [20, 4, 4]"),
    (dict(street(), mask_test=np.zeros((6, 4, 5), int)), "test.mask is int32 of shape [6, 4, 5], not int32 of shape"),
    (dict(street(), speed_test=np.zeros((6, 2))), "test.speed is float32 of shape [6, 2], not float32 of shape [N, 1]"),
    (dict(street(), speed_test=np.array(["a"] * 6)), "speed_test is <U1 of shape [6], not numbers"),
    (dict(street(), speed_train=np.zeros(19)), "19 speed"),
    (dict(street(), speed_train=np.zeros((20, 0))), "train.speed is of shape [20, 0]: it is empty"),
    (dict(street(), photo_validation=np.zeros((2, 4, 4, 3), np.uint8)), "no array named 'validation/heat'"),
])
def test_masks_and_values_that_are_wrong_are_named(tmp_path, content, words):
    assert words in refusal(npz.load, save(tmp_path, content), **street_args())


def test_the_arrays_of_a_part_are_those_that_its_arguments_name(tmp_path):
    path = save(tmp_path, dict(arrays(), speed_train=np.arange(20.), speed_test=np.arange(6.)))
    targets = {"pace": {"array": "speed", "kind": "value"}, "copy": {"input": "image"}}
    found = npz.arrays("validation", path, inputs={"image": {"array": "x"}}, targets=targets)
    assert set(found) == {"x_train", "speed_train"}
    assert set(npz.arrays("test", path, targets=targets)) == {"x_test", "speed_test"}
