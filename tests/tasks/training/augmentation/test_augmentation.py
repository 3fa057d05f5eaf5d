"""The batches of a training step, compared with plain numpy."""

import numpy as np
import pytest

from octet.data.dataset import Part, quantization
from tasks.training.augmentation.augmentation import Augmentation
from tasks.training.augmentation.defaults import COLOURS, Choice

SCALE, ZERO_POINT = quantization(-1.0, 1.0)
SIZE = 12
RANDOM = np.random.RandomState(3)
PART = Part({"image": RANDOM.randint(0, 256, (300, SIZE, SIZE, 3)).astype(np.uint8)},
            {"label": RANDOM.randint(0, 10, 300).astype(np.int32)})
CLASS = {"name": "label", "kind": "class", "classes": list("0123456789"), "shape": []}
ALL = dict(flip="both", crop=0.2, shift=0.1, rotate=20.0, shear=10.0, zoom=0.2, brightness=0.2, contrast=0.3,
           saturation=0.5, hue=30.0, noise=0.05, cutout=0.3)


def made(on, outputs=(CLASS,), seed=1, size=SIZE):
    network = {"inputs": [{"name": "image", "shape": [size, size, 3], "scale": SCALE, "zero_point": ZERO_POINT}],
               "outputs": list(outputs)}
    return Augmentation(Choice(on), network, seed)


def codes(varied):
    """The codes 0..255 that the input's reals represent."""
    return varied.inputs[0] / np.float32(SCALE) + ZERO_POINT


def test_flip_and_crop_move_whole_pixels_and_fill_with_the_reflection():
    rows = np.arange(300)
    found = codes(made({"flip": "horizontal", "crop": 0.17}).batch(PART, rows, 0))  # 2 pixels of 12
    seen = set()
    for row in rows:
        padded = np.pad(PART.inputs["image"][row], [(2, 2), (2, 2), (0, 0)], "reflect")
        moved = {(flip, down, right): padded[down:down + SIZE, right:right + SIZE][:, ::flip]
                 for flip in (1, -1) for down in range(5) for right in range(5)}
        seen.update([next(how for how, each in moved.items() if np.allclose(each, found[row], atol=1e-2))])
    assert len(seen) == 2 * 5 * 5  # all that there are, over so many samples


@pytest.mark.parametrize("direction, axes", [("horizontal", {(1, -1)}), ("vertical", {(-1, 1)}),
                                             ("both", {(1, -1), (-1, 1), (-1, -1)})])
def test_flips_are_about_the_axis_that_is_named(direction, axes):
    found = codes(made({"flip": direction}).batch(PART, np.arange(100), 0))
    seen = {(down, right) for row in range(100) for down in (1, -1) for right in (1, -1)
            if np.allclose(PART.inputs["image"][row][::down, ::right], found[row], atol=1e-2)}
    assert seen == axes | {(1, 1)}


@pytest.mark.parametrize("on", [ALL, {"flip": "horizontal", "crop": 0.1}])
def test_a_sample_depends_on_seed_epoch_and_index_and_on_nothing_before(on):
    first, second = made(on), made(on)
    rows = np.array([5, 250, 17, 99])
    expected = first.batch(PART, rows, 3).inputs[0]
    for epoch in (0, 1):
        second.batch(PART, np.arange(64), epoch)
    np.testing.assert_array_equal(second.batch(PART, rows[::-1], 3).inputs[0][::-1], expected)
    np.testing.assert_array_equal(second.batch(PART, rows[1:2], 3).inputs[0], expected[1:2])
    for other in (first.batch(PART, rows, 4), made(on, seed=2).batch(PART, rows, 3)):
        assert (np.abs(other.inputs[0] - expected).max((1, 2, 3)) > 0).all()


def test_masks_move_with_their_pictures():
    y, x = np.mgrid[:32, :32]
    masks = np.stack([((y - 16) / 9.0) ** 2 + ((x - 12 - number % 8) / 5.0) ** 2 < 1 for number in range(40)])
    masks = masks.astype(np.int32)
    part = Part({"image": np.repeat(masks[..., None] * 255, 3, 3).astype(np.uint8)}, {"mask": masks})
    end = {"name": "mask", "kind": "class_map", "classes": ["no", "yes"], "shape": [32, 32]}
    on = {key: ALL[key] for key in ("flip", "crop", "shift", "rotate", "shear", "zoom")}
    found = made(on, [end], size=32).batch(part, np.arange(40), 0)
    assert found.answers[0].dtype == np.int32 and (found.answers[0] != masks).any((1, 2)).all()
    same = (codes(found)[..., 0] > 127.5) == (found.answers[0] == 1)
    assert same.mean() > 0.99 and same.mean((1, 2)).min() > 0.97  # but for rounding at the edge


@pytest.mark.parametrize("key", COLOURS)
def test_colours_change_no_place_and_stay_in_the_range(key):
    on = dict(ALL, brightness=0.9, contrast=1.0, saturation=1.0, noise=0.1)
    found = codes(made({key: on[key]}).batch(PART, np.arange(300), 0))
    assert found.min() >= -0.01 and found.max() <= 255.01
    grey = Part({"image": np.full((100, SIZE, SIZE, 3), 100, np.uint8)}, PART.targets)
    of_grey = codes(made({key: on[key]}).batch(grey, np.arange(100), 0))
    if key in ("saturation", "hue", "contrast", "cutout"):
        np.testing.assert_allclose(of_grey, 100, atol=0.1)  # has no colour, no contrast, and is its own mean
    if key == "brightness":
        assert np.ptp(of_grey, axis=(1, 2, 3)).max() < 0.01 and np.ptp(of_grey) > 150
    if key == "noise":
        assert np.std(of_grey[..., 0] - 100) == pytest.approx(0.1 * 255, rel=0.1)


def test_a_hole_is_a_square_of_the_mean_colour():
    found = codes(made({"cutout": 0.34}).batch(PART, np.arange(300), 0))  # 4 pixels of 12
    changed = np.abs(found - PART.inputs["image"]).max(-1) > 0.01
    sizes = [tuple(np.ptp(np.nonzero(each), axis=1) + 1) for each in changed]
    assert max(sizes) == (4, 4) and min(min(size) for size in sizes) == 2  # half of it is outside at the border
    row = sizes.index((4, 4))
    np.testing.assert_allclose(found[row][changed[row]] - PART.inputs["image"][row].mean((0, 1)), 0, atol=0.05)


@pytest.mark.parametrize("key", ["mixup", "cutmix"])
def test_two_samples_are_mixed_in_the_share_that_their_answers_count_by(key):
    rows, as_they_are = np.arange(40), PART.inputs["image"][:40].astype(np.float32)
    shares = []
    for epoch in range(20):
        found = made({key: 1.0}).batch(PART, rows, epoch)
        shares.append(found.share)
        np.testing.assert_array_equal(found.answers[0], PART.targets["label"][rows])
        np.testing.assert_array_equal(found.others[0], np.roll(PART.targets["label"][rows], 1))
        mixed, others = codes(found), np.roll(as_they_are, 1, 0)
        if key == "mixup":
            np.testing.assert_allclose(mixed, found.share * as_they_are + (1 - found.share) * others, atol=0.05)
        else:
            of_other = np.abs(mixed - as_they_are).max((0, 3)) > 0.01
            assert found.share == pytest.approx(1 - of_other.mean())
            np.testing.assert_allclose(mixed[:, of_other], others[:, of_other], atol=0.05)
    assert np.ptp(shares) > 0.5


def test_inputs_that_are_no_pictures_and_values_are_fed_as_they_are():
    network = {"inputs": [{"name": "image", "shape": [SIZE, SIZE, 3], "scale": SCALE, "zero_point": ZERO_POINT},
                          {"name": "age", "shape": [2], "scale": 0.5, "zero_point": 3}],
               "outputs": [{"name": "speed", "kind": "value", "classes": [], "shape": [1]}]}
    part = Part({"image": PART.inputs["image"], "age": RANDOM.randint(0, 256, (300, 2)).astype(np.uint8)},
                {"speed": RANDOM.rand(300, 1).astype(np.float32)})
    found = Augmentation(Choice({"brightness": 0.5}), network, 1).batch(part, np.arange(9), 0)
    np.testing.assert_array_equal(found.inputs[1], (part.inputs["age"][:9].astype(np.float32) - 3) * 0.5)
    np.testing.assert_array_equal(found.answers[0], part.targets["speed"][:9])


def dot_of(picture):
    """The centre (y, x) of the bright dot, in pixels from the upper left corner; None if it has left the picture."""
    light = np.maximum(picture[..., 0] - 100, 0)
    if light.sum() < 500:
        return None
    places = np.indices(light.shape) + 0.5
    return (places * light).sum((1, 2)) / light.sum()


@pytest.mark.parametrize("on", [{"flip": "both", "crop": 0.2}, {"rotate": 90.0, "flip": "horizontal", "zoom": 0.3},
                                {"shear": 20.0, "shift": 0.1}])
def test_points_boxes_and_masks_move_with_the_picture(on):
    size, count = 33, 60
    pictures = np.zeros((count, size, size, 3), np.uint8)
    places = np.random.RandomState(1).randint(13, 18, (count, 2))
    for index, (y, x) in enumerate(places):
        pictures[index, y:y + 3, x:x + 3] = 255
    corners = np.concatenate([places, places + 3], 1).astype(np.float32)
    part = Part({"image": pictures}, {"label": np.zeros(count, np.int32)}, {
        "box": corners[:, None], "box_count": np.ones(count, np.int32), "points": (places[:, None] + 1.5).astype(
            np.float32), "mask": (pictures[..., 0] > 0).astype(np.int32), "weight": np.arange(count, dtype=np.float32)})
    kinds = (("box", "boxes", [1, 4]), ("points", "keypoints", [1, 2]), ("mask", "mask", [size, size]),
             ("weight", "array", []))
    extras = [dict(name=name, kind=kind, shape=shape, placeless=kind == "array", dtype="float32")
              for name, kind, shape in kinds]
    network = {"inputs": [{"name": "image", "shape": [size, size, 3], "scale": SCALE, "zero_point": ZERO_POINT}],
               "outputs": [CLASS], "extras": extras}
    varied = Augmentation(Choice(on), network, 1).batch(part, np.arange(count), 0)
    seen = 0
    for index, picture in enumerate(codes(varied)):
        dot = dot_of(picture)
        point, box = varied.extras["points"][index, 0], varied.extras["box"][index, 0]
        if dot is None or not (3 < point).all() or not (point < size - 3).all():
            continue  # near the border its reflection comes in
        seen += 1
        assert np.abs(dot - point).max() < 0.5
        assert np.abs((box[:2] + box[2:]) / 2 - point).max() < 0.01 and (box[2:] - box[:2] > 1.5).all()
        assert varied.extras["mask"][index][tuple(point.astype(int))] == 1
    assert seen > count / 2
    np.testing.assert_array_equal(varied.extras["weight"], np.arange(count))


def test_each_epoch_takes_other_random_crops_of_larger_pictures():
    whole = Part({"image": RANDOM.randint(0, 256, (60, 9, 10, 3)).astype(np.uint8)},
                 {"label": PART.targets["label"][:60]})
    part = Part({"image": whole.inputs["image"][:, 1:7, 2:8]}, whole.targets, uncropped=whole)
    augmentation, rows = made({}, size=6), np.arange(60)
    seen = [{next((top, left) for top in range(4) for left in range(5)
                  if np.allclose(whole.inputs["image"][row, top:top + 6, left:left + 6], picture, atol=1e-2))
             for row, picture in enumerate(codes(augmentation.batch(part, rows, epoch)))} for epoch in range(4)]
    assert set().union(*seen) == {(top, left) for top in range(4) for left in range(5)}
    one, other = (augmentation.batch(part, rows, epoch).inputs[0] for epoch in (0, 1))
    assert not np.array_equal(one, other)
    np.testing.assert_array_equal(made({}, size=6).batch(part, rows[::-1], 0).inputs[0][::-1], one)
