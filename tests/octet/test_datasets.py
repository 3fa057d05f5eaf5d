import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from octet.datasets import digits, image_folder, mnist, npz
from octet.datasets.dataset import PARTS
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


@pytest.mark.parametrize("module", [mnist, digits])
def test_embedded_digests_differ_by_part_and_repeat(module):
    first = [module.digest(part) for part in PARTS]
    assert len(set(first)) == 3 and first == [module.digest(part) for part in PARTS]


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


def test_datasets_import_no_tensorflow():
    code = ("import sys; from octet.datasets import mnist, digits, npz, image_folder;"
            "sys.exit('tensorflow' in sys.modules)")
    subprocess.check_call([sys.executable, "-c", code])
