import os
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from octet.datasets import content, digits, image_folder, mnist, npz
from octet.datasets.check import check
from octet.datasets.dataset import PARTS, Dataset, Input, Part, Target, quantization
from octet.errors import DatasetError


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("OCTET_CACHE", str(tmp_path / "cache"))


def arrays():
    rng = np.random.RandomState(0)
    return {"x_train": rng.randint(0, 256, (20, 4, 4, 1)).astype(np.uint8), "y_train": np.arange(20) % 2,
            "x_test": rng.randint(0, 256, (6, 4, 4, 1)).astype(np.uint8), "y_test": np.arange(6) % 2}


def floats():
    """Arrays with real x in [0, 1]."""
    found = arrays()
    found.update(x_train=(found["x_train"] / 255).astype(np.float32),
                 x_test=(found["x_test"] / 255).astype(np.float32))
    return found


def save(tmp_path, content):
    path = str(tmp_path / "data.npz")
    np.savez(path, **content)
    return path


def pictures(tmp_path):
    rng = np.random.RandomState(0)
    for part, count in (("train", 10), ("test", 3)):
        for name in ("cat", "dog"):
            (tmp_path / "set" / part / name).mkdir(parents=True)
            for index in range(count):
                Image.fromarray(rng.randint(0, 256, (9, 7, 3)).astype(np.uint8)).save(
                    str(tmp_path / "set" / part / name / "{}.png".format(index)))
    return str(tmp_path / "set")


def refusal(load, *args, **named):
    with pytest.raises(DatasetError) as caught:
        load(*args, **named)
    error = caught.value
    assert error.what and error.where and error.why and error.next_step
    return str(error)


def test_mnist_holds_out_the_last_training_images():
    data, more = mnist.load(), mnist.load(validation=6000)
    assert [len(data.parts[part]) for part in PARTS] == [55000, 5000, 10000]
    assert data.inputs["image"].shape == (28, 28, 1)
    counts = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]  # as published for the test set
    assert list(np.bincount(data.parts["test"].targets["label"])) == counts
    held_out = data.parts["validation"].inputs["image"]
    assert np.array_equal(more.parts["validation"].inputs["image"][1000:], held_out)
    assert "validation is 60000" in refusal(mnist.load, validation=60000)


def test_digits_parts_are_disjoint_and_hold_every_class():
    data = digits.load()
    assert [len(data.parts[part]) for part in PARTS] == [1197, 200, 400]
    rows = np.concatenate(list(digits._split(1797).values()))
    assert sorted(rows) == list(range(1797))
    for part in data.parts.values():
        assert set(part.targets["label"]) == set(range(10))
        assert part.inputs["image"].max() == 255


def test_digits_masks_say_which_digit_the_ink_belongs_to():
    data = digits.load(targets=["label", "mask"])
    assert list(data.targets) == ["label", "mask"]
    assert data.targets["mask"].kind == "class_map" and data.targets["mask"].extent == 11
    for part in data.parts.values():
        image, mask = part.inputs["image"], part.targets["mask"]
        assert mask.shape == (len(part), 8, 8)
        for row in range(0, len(part), 50):
            inked = mask[row][mask[row] > 0]
            assert set(inked) == {part.targets["label"][row] + 1}
            assert image[row][mask[row] > 0].min() > image[row][mask[row] == 0].max()


def test_digits_reconstruction_is_what_the_network_is_fed():
    data = digits.load("reconstruction")
    assert data.targets["reconstruction"].extent == (8, 8, 1)
    part = data.parts["test"]
    assert part.targets["reconstruction"].dtype == np.float32
    np.testing.assert_allclose(part.targets["reconstruction"], part.inputs["image"] / 255, rtol=1e-6)


@pytest.mark.parametrize("targets", [["labels"], [], ["label", "label"], 3, [["label"]]], ids=str)
def test_digits_targets_that_are_none_are_refused(targets):
    for call in (digits.load, lambda targets: digits.digest("test", targets)):
        assert "Name one or more of: label, mask, reconstruction." in refusal(call, targets)


@pytest.mark.parametrize("module", [mnist, digits])
def test_embedded_digests_differ_by_part_and_repeat(module):
    first = [module.digest(part) for part in PARTS]
    assert len(set(first)) == 3 and first == [module.digest(part) for part in PARTS]


@pytest.mark.parametrize("module", [mnist, digits])
def test_a_file_is_read_once_for_the_digests_of_all_its_parts(module, monkeypatch):
    read = []
    load = module.load
    monkeypatch.setattr(module, "load", lambda *args: read.append(args) or load(*args))
    for part in PARTS:
        module.digest(part)
    assert len(read) == 1


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


def put(name, index, value, make=arrays):
    content = make()
    content[name][index] = value
    return content


def changed(**other):
    content = arrays()
    content.update(other)
    return {name: value for name, value in content.items() if value is not None}


@pytest.mark.parametrize("content, words", [
    (put("y_test", 4, 7), "test.label[4] is 7, outside 0..1"),
    (put("y_train", slice(None), 1), "class 0 ('0') has no training sample"),
    (put("x_train", (3, 0, 1, 0), np.nan, floats), "x_train[3, 0, 1, 0] is nan"),
    (put("x_test", (5, 0, 1, 0), -np.inf, floats), "x_test[5, 0, 1, 0] is -inf"),
    (put("x_test", (2, 1, 1, 0), 1.5, floats), "x_test[2, 1, 1, 0] is 1.5"),
    (changed(y_test=None), "no array named 'y_test'"),
    (changed(x_validation=np.zeros((3, 4, 4, 1), np.uint8)), "no array named 'y_validation'"),
    (changed(y_test=np.arange(5) % 2), "the test part has 6 image, 5 label"),
    (changed(y_train=np.arange(19) % 2), "the train part has 20 image, 19 label"),
    (changed(x_test=np.zeros((6, 4, 5, 1), np.uint8)), "test.image is uint8 of shape [6, 4, 5, 1]"),
    (changed(x_train=np.zeros((20, 4, 4, 1), int)), "x_train is int64, not uint8 or float"),
    (changed(x_train=np.uint8(3)), "x_train has shape []"),
    (changed(y_train=np.zeros((20, 2), int)), "y_train is int64 of shape [20, 2]"),
    (changed(y_train=np.full(20, 2 ** 40)), "y_train[0] is 1099511627776"),
    (changed(x_test=np.zeros((1, 4, 4, 1), np.uint8), y_test=[0]), "the test part has 1 sample"),
    (changed(x_train=np.zeros((1, 4, 4, 1), np.uint8), y_train=[0]), "the train part has 1 sample"),
    (changed(x_train=np.array([None])), "not a readable .npz file"),
])
def test_npz_says_what_is_wrong(tmp_path, content, words):
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


def test_a_range_that_is_none_is_refused(tmp_path):
    for make in (arrays, floats):
        assert "finite low < high" in refusal(npz.load, save(tmp_path, make()), low=1.0, high=1.0)


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
    assert [len(data.parts[part]) for part in PARTS] == [18, 2, 6]
    held_out, test = data.parts["validation"], data.parts["test"]
    assert np.array_equal(held_out.inputs["heat"], content["train/heat"][18:])
    assert np.array_equal(held_out.targets["speed"][:, 0], content["speed_train"][18:].astype(np.float32))
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
     "data.args.targets.mask.kind  expected one of class, class_map, value, found 'classmap'"),
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
    (dict(street(), photo_validation=np.zeros((2, 4, 4, 3), np.uint8)), "no array named 'validation/heat'"),
])
def test_masks_and_values_that_are_wrong_are_named(tmp_path, content, words):
    assert words in refusal(npz.load, save(tmp_path, content), **street_args())


def made(kind="value", answers=None, shape=(2,), **parts):
    def part(count):
        return Part({"image": np.zeros((count, 2), np.uint8)},
                    {"y": np.zeros((count,) + shape, np.float32) if answers is None else answers(count)})
    return Dataset({"image": Input((2,), 0.0, 1.0)}, {"y": Target(kind, shape=shape)},
                   dict({name: part(3) for name in PARTS}, **parts))


@pytest.mark.parametrize("data, words", [
    (made(kind="number"), "the target 'y' is of kind 'number'"),
    (made(kind="class", shape=(), answers=lambda count: np.zeros(count, np.int32)), "train.y[0] is 0, outside 0..-1"),
    (made(answers=lambda count: np.full((count, 2), np.inf, np.float32)), "train.y[0, 0] is inf"),
    (made(answers=lambda count: np.zeros((count, 2))), "train.y is float64 of shape [3, 2], not float32"),
    (made(test=Part({"image": np.zeros((3, 2), np.uint8)}, {})), "the test part has the targets "),
    (Dataset({"image": Input((2,), 0.0, 1.0)}, {}, {}), "there is no target"),
])
def test_a_dataset_of_ones_own_is_held_to_its_word(data, words):
    assert words in refusal(check, data, "mine")


def test_pictures_are_resized_and_labelled_by_sorted_folder(tmp_path):
    data = image_folder.load(pictures(tmp_path), [8, 6], channels=1)
    assert data.targets["label"].classes == ["cat", "dog"]
    assert data.inputs["image"].shape == (8, 6, 1)
    assert [len(data.parts[part]) for part in PARTS] == [18, 2, 6]
    assert list(data.parts["validation"].targets["label"]) == [0, 1]


def test_a_changed_test_picture_changes_only_the_test_digest(tmp_path):
    path = pictures(tmp_path)
    before = [image_folder.digest(part, path, [8, 6]) for part in PARTS]
    Image.new("RGB", (7, 9)).save(os.path.join(path, "test", "cat", "0.png"))
    after = [image_folder.digest(part, path, [8, 6]) for part in PARTS]
    assert before[:2] == after[:2] and before[2] != after[2]
    assert image_folder.digest("train", path, [6, 8]) != before[0]


def test_bad_pictures_and_folders_are_named(tmp_path):
    path = pictures(tmp_path)
    assert "size is [8]" in refusal(image_folder.load, path, [8])
    assert "no such folder" in refusal(image_folder.load, path + "x", [8, 6])
    bird = tmp_path / "set" / "test" / "bird"
    bird.mkdir()
    Image.new("RGB", (7, 9)).save(str(bird / "0.jpg"))
    assert "class 0 ('bird') has no training sample" in refusal(image_folder.load, path, [8, 6])
    Image.new("I", (7, 9)).save(str(bird / "1.png"))
    assert os.path.join("bird", "1.png") in refusal(image_folder.load, path, [8, 6])
    (bird / "1.png").write_bytes((bird / "0.jpg").read_bytes()[:200])
    assert os.path.join("bird", "1.png") in refusal(image_folder.load, path, [8, 6])


def streets(tmp_path):
    """Pictures of 6x6 with masks, one in palette, one in grey: the class 2 in the left half, 1 in one row."""
    for part, count in (("train", 20), ("test", 3)):
        for folder in ("images", "masks"):
            (tmp_path / "streets" / part / folder).mkdir(parents=True)
        for index in range(count):
            image = np.random.RandomState(index).randint(0, 256, (6, 6, 3)).astype(np.uint8)
            Image.fromarray(image).save(str(tmp_path / "streets" / part / "images" / "{}.jpg".format(index)))
            mask = np.where(np.arange(36).reshape(6, 6) % 6 < 3, 2, 0).astype(np.uint8)
            mask[1] = 1
            mask = Image.fromarray(mask, "L")
            if index % 2:
                mask = mask.convert("P")
                mask.putpalette([255, 0, 0, 0, 255, 0] + [0] * 762)
            mask.save(str(tmp_path / "streets" / part / "masks" / "{}.png".format(index)))
    return str(tmp_path / "streets")


def test_masks_are_the_indices_that_palette_and_grey_pictures_hold(tmp_path):
    data = image_folder.load(streets(tmp_path), [3, 4], masks=["road", "kerb", "car"])
    assert data.targets == {"mask": Target("class_map", ["road", "kerb", "car"], (3, 4))}
    assert [len(data.parts[part]) for part in PARTS] == [18, 2, 3]
    for part in data.parts.values():
        assert part.inputs["image"].shape == (len(part), 3, 4, 3)
        assert (part.targets["mask"] == [[1, 1, 1, 1], [2, 2, 0, 0], [2, 2, 0, 0]]).all()


def test_a_changed_mask_changes_only_its_parts_digest(tmp_path):
    path = streets(tmp_path)
    args = {"size": [6, 6], "masks": ["road", "kerb", "car"]}
    before = [image_folder.digest(part, path, **args) for part in PARTS]
    Image.new("L", (6, 6)).save(os.path.join(path, "test", "masks", "0.png"))
    after = [image_folder.digest(part, path, **args) for part in PARTS]
    assert before[:2] == after[:2] and before[2] != after[2]


def test_bad_masks_are_named(tmp_path):
    path = streets(tmp_path)
    args = {"size": [6, 6], "masks": ["road", "kerb", "car"]}
    masks = os.path.join(path, "test", "masks")
    assert "masks is 'road'" in refusal(image_folder.load, path, size=[6, 6], masks="road")
    Image.new("RGB", (6, 6)).save(os.path.join(masks, "0.png"))
    assert "test/masks/0.png  not a readable picture: RGB pixels" in refusal(image_folder.load, path, **args)
    mask = np.zeros((6, 6), np.uint8)
    mask[4, 5] = 255
    Image.fromarray(mask).save(os.path.join(masks, "0.png"))
    assert "the mask holds 255 at row 4, column 5, outside 0..2" in refusal(image_folder.load, path, **args)
    os.rename(os.path.join(masks, "0.png"), os.path.join(masks, "x.png"))
    for call in (image_folder.load, lambda path, **args: image_folder.digest("test", path, **args)):
        assert "test/images/0.jpg has nothing of its name in test/masks/" in refusal(call, path, **args)
    os.remove(os.path.join(path, "test", "images", "0.jpg"))
    assert "test/masks/x.png has nothing of its name in test/images/" in refusal(image_folder.load, path, **args)


def test_datasets_import_no_tensorflow():
    code = ("import sys; from octet.datasets import mnist, digits, npz, image_folder;"
            "sys.exit('tensorflow' in sys.modules)")
    subprocess.check_call([sys.executable, "-c", code])


@pytest.mark.parametrize("name", ["mnist", "digits", "npz", "image_folder"])
def test_what_has_not_changed_is_digested_without_numpy(tmp_path, name):
    args = {"npz": {"path": save(tmp_path, arrays())}, "image_folder": {"path": pictures(tmp_path), "size": [4, 4]}}
    code = ("import sys; from octet.datasets import {name} as data\n"
            "print([data.digest(part, **{args!r}) for part in ('train', 'validation', 'test')])\n"
            "sys.exit(bool({{'numpy', 'PIL'}} & set(sys.modules)))").format(name=name, args=args.get(name, {}))
    time.sleep(2.1)  # a file written less than two seconds ago is read again
    first, again = (subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE) for _ in range(2))
    assert again.returncode == 0 and again.stdout == first.stdout and len(first.stdout) > 3 * 64


@pytest.mark.parametrize("module", [mnist, digits])
def test_the_arrays_of_an_embedded_file_are_those_of_its_parts(module):
    train, held_out, test = (module.arrays(part) for part in PARTS)
    assert train == held_out and set(train) | set(test) == set(np.load(module.FILE).files)
    assert module.arrays("train")[sorted(train)[0]] == content.of_array(np.load(module.FILE)[sorted(train)[0]])


def test_the_arrays_of_a_part_are_those_that_its_arguments_name(tmp_path):
    path = save(tmp_path, dict(arrays(), speed_train=np.arange(20.), speed_test=np.arange(6.)))
    targets = {"pace": {"array": "speed", "kind": "value"}, "copy": {"input": "image"}}
    found = npz.arrays("validation", path, inputs={"image": {"array": "x"}}, targets=targets)
    assert set(found) == {"x_train", "speed_train"}
    assert set(npz.arrays("test", path, targets=targets)) == {"x_test", "speed_test"}
