import os

import numpy as np
from PIL import Image

from octet.data import listing
from octet.data.dataset import PARTS, Target
from octet.datasets import image_folder
from tests.octet.datasets.samples import pictures, refusal


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
    (bird / "1.png").write_bytes(b"no picture")
    assert os.path.join("bird", "1.png") in refusal(image_folder.load, path, [8, 6])
    (bird / "1.png").write_bytes((bird / "0.jpg").read_bytes()[:200])
    assert os.path.join("bird", "1.png") in refusal(image_folder.load, path, [8, 6])


def streets(tmp_path):
    """Pictures of 6x6 with a palette mask and a grey mask: class 2 in the left half, class 1 in one row."""
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
    assert "the mask has the index 255 at row 4, column 5, outside 0..2" in refusal(image_folder.load, path, **args)
    Image.fromarray(np.random.RandomState(0).randint(0, 3, (6, 6)).astype(np.uint8)).save(os.path.join(masks, "0.png"))
    with open(os.path.join(masks, "0.png"), "rb+") as file:
        file.truncate(50)
    assert "test/masks/0.png  not a readable picture" in refusal(image_folder.load, path, **args)
    os.rename(os.path.join(masks, "0.png"), os.path.join(masks, "x.png"))
    for call in (image_folder.load, lambda path, **args: image_folder.digest("test", path, **args)):
        assert "test/images/0.jpg has no file with its name in test/masks/" in refusal(call, path, **args)
    os.remove(os.path.join(path, "test", "images", "0.jpg"))
    assert "test/masks/x.png has no file with its name in test/images/" in refusal(image_folder.load, path, **args)


def test_the_count_of_unread_pictures_is_limited(tmp_path, monkeypatch):
    path = pictures(tmp_path)
    for number in range(3):
        for folder in "ab":
            place = tmp_path / "set" / "train" / "cat" / "old" / folder
            place.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (7, 9)).save(str(place / "{}.png".format(number)))
    assert "with 6 pictures" in " ".join(image_folder.load(path, [8, 6]).notes)
    monkeypatch.setattr(listing, "MOST_COUNTED", 4)
    assert "with at least 3 pictures" in " ".join(image_folder.load(path, [8, 6]).notes)
