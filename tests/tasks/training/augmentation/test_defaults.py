"""Which augmentation is on by default, for different pictures and recipes."""

import numpy as np
import pytest

from octet.data.dataset import Dataset, Input, Part, Target
from octet.datasets import digits
from octet.errors import RecipeError
from octet.recipe.schema import Augment
from tasks.training.augmentation import defaults, flip_check

RANDOM = np.random.RandomState(0)
NONE = dict.fromkeys(defaults.GEOMETRY + defaults.COLOURS + defaults.MIXTURES)


def dataset(shape=(32, 32, 3), kind="class", images=None, labels=None):
    labels = RANDOM.randint(0, 3, 600 if images is None else len(images)).astype(np.int32) if labels is None else labels
    if images is None:  # of each class its own brightness of the rows, and noise: the same mirrored
        rows = RANDOM.randint(0, 128, (10, shape[0]) + (1,) * (len(shape) - 1))
        images = (rows[labels.reshape(-1).astype(int)] + RANDOM.randint(0, 128, (600,) + shape)).astype(np.uint8)
    target = Target("class", [str(number) for number in range(10)]) if kind == "class" else Target(kind, shape=(1,))
    return Dataset({"image": Input(images.shape[1:], 0.0, 1.0)}, {"answer": target},
                   {"train": Part({"image": images}, {"answer": labels})})


def chosen(data, weights=78000, **said):
    section = Augment(**said)
    return defaults.chosen(section, data, data.parts["train"], weights)


def in_colour(images):
    """The digits [N, 8, 8, 1] as colour pictures of 32 x 32 pixels, both light on dark and dark on light."""
    large = np.kron(images[..., 0], np.ones((1, 4, 4))).astype(np.uint8)
    inverted = np.where(RANDOM.rand(len(large), 1, 1) < 0.5, large, 255 - large)
    return (inverted[..., None] * RANDOM.uniform(0.5, 1, (len(large), 1, 1, 3))).astype(np.uint8)


DIGITS = digits.load().parts["train"]


@pytest.fixture(scope="module")
def coloured():
    return in_colour(DIGITS.inputs["image"])


def test_photographs_that_are_classified_are_flipped_and_cropped_by_default():
    found = chosen(dataset())
    assert found.on == {"flip": "horizontal", "crop": 0.125}
    assert found.words == "augmented: flip horizontal, crop 0.125 of the side"
    assert chosen(dataset(), weights=2000000).on["cutout"] == 0.25


def test_characters_are_not_flipped_though_they_are_in_colour(coloured):
    characters = dataset(images=coloured, labels=DIGITS.targets["label"])
    found = chosen(characters)
    assert found.on == {"crop": 0.125} and "not flipped: mirrored" in found.words
    assert chosen(characters, flip="horizontal").on["flip"] == "horizontal"


def test_the_same_pictures_are_flipped_where_each_class_has_both_ways_round(coloured):
    turned = np.where(RANDOM.rand(len(coloured), 1, 1, 1) < 0.5, coloured, coloured[:, :, ::-1])
    assert flip_check.keep_their_class(turned, DIGITS.targets["label"]) is True
    assert flip_check.keep_their_class(coloured, DIGITS.targets["label"]) is False


def test_pictures_that_tell_nothing_are_not_flipped_and_the_log_says_so(coloured):
    assert flip_check.keep_their_class(coloured[:3], DIGITS.targets["label"][:3]) is None
    noise = dataset(images=RANDOM.randint(0, 256, (600, 32, 32, 3)).astype(np.uint8))
    assert chosen(noise).on == {"crop": 0.125} and "do not show whether" in chosen(noise).words


def test_pictures_of_several_labels_are_cropped_and_not_flipped():
    found = chosen(dataset(kind="labels", labels=np.zeros((600, 1), np.float32)))
    assert found.on == {"crop": 0.125}
    assert "not flipped: the data does not show whether a flip keeps answer" in found.words


@pytest.mark.parametrize("data, why", [
    (dataset((32, 32, 1)), "not in colour"), (dataset((8, 8, 3)), "smaller than 16"), (dataset((40,)), "no picture"),
    (dataset(kind="value"), "not classification only")])
def test_nothing_is_on_for_other_data_by_default_and_the_log_says_why(data, why):
    found = chosen(data)
    assert found.on == {} and found.words.startswith("no augmentation: ") and why in found.words


def test_settings_of_the_recipe_override_the_preset():
    assert chosen(dataset(), flip="none").on == {"crop": 0.125}
    assert chosen(dataset(), crop=0.0, cutout=0.3).on == {"flip": "horizontal", "cutout": 0.3}
    assert chosen(dataset(), preset="none", rotate=10.0).on == {"rotate": 10.0}
    assert chosen(dataset(), preset="none").on == {}
    assert chosen(dataset((8, 8, 1)), preset="standard").on["crop"] == 0.125


@pytest.mark.parametrize("data, said, message", [
    (dataset((40,)), {"crop": 0.1}, "augment.crop  no input of the dataset is a picture"),
    (dataset((40,)), {"preset": "standard"}, "augment.preset  no input of the dataset is a picture"),
    (dataset(kind="value"), {"rotate": 5.0}, "augment.rotate  the target answer may depend on where things are"),
    (dataset(kind="value"), {"cutmix": 1.0}, "augment.cutmix  cutmix is for the classification of one picture"),
    (dataset((32, 32, 1)), {"hue": 5.0}, "augment.hue  the pictures are not in colour"),
    (dataset(), {"mixup": 0.2, "cutmix": 1.0}, "augment.cutmix  mixup and cutmix are both on")])
def test_what_cannot_be_done_to_the_data_is_refused(data, said, message):
    with pytest.raises(RecipeError, match=message):
        chosen(data, **said)
