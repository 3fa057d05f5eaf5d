"""Pictures that are almost the same in two parts are found, and other pictures are not."""

import io

import numpy as np
import pytest
from PIL import Image

from octet.data import near_duplicates, summary
from octet.data.dataset import Dataset, Input, Part, Target
from octet.datasets import mnist


def scenes(seed, count=20, size=48):
    """[count, size, size, 3] uint8: colours that change slowly, with some noise, as in a photograph."""
    random, found = np.random.RandomState(seed), []
    for _ in range(count):
        coarse = Image.fromarray(random.randint(0, 256, (6, 6, 3)).astype(np.uint8))
        smooth = np.asarray(coarse.resize((size, size), Image.BICUBIC)).astype(float)
        found.append(np.clip(smooth + random.normal(0, 6, smooth.shape), 0, 255).astype(np.uint8))
    return np.stack(found)


def between(codes, others):
    return near_duplicates.between(codes, others, near_duplicates.thumbnails(others))


def saved_anew(picture):
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=75)
    return np.asarray(Image.open(buffer))


def brighter(picture):
    return np.clip(picture.astype(int) + 20, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("change", [saved_anew, brighter])
def test_changed_copies_are_found(change):
    train, test = scenes(0), scenes(1)
    test[[3, 7, 11]] = [change(picture) for picture in train[[0, 5, 19]]]
    assert between(test, train) == (3, 20)


def test_other_pictures_and_equal_ones_are_not():
    train, test = scenes(0), scenes(1)
    assert between(test, train) == (0, 20)
    assert between(train, train) == (0, 20)
    plain = np.full_like(train, 128)
    assert between(plain, np.full_like(plain, 129)) == (0, 20)
    assert between(test[:0], train) == (0, 0)


def test_a_constant_channel_makes_no_pictures_similar():
    dark = [(scenes(seed) // 4).astype(np.uint8) for seed in (0, 1)]
    opaque = [np.concatenate([codes, np.full_like(codes[..., :1], 255)], -1) for codes in dark]
    assert between(opaque[1], opaque[0]) == (0, 20)
    assert between(np.concatenate([opaque[0] + 1, opaque[1]])[:21], opaque[0]) == (20, 21)
    blue = [codes.copy() for codes in dark]
    for codes in blue:
        codes[..., 2] = 255
    assert between(blue[1], blue[0]) == (0, 20)


def test_of_too_many_pictures_some_are_compared_spread_evenly(monkeypatch):
    train = scenes(0)
    monkeypatch.setattr(near_duplicates, "MOST_COMPARISONS", 5 * len(train))
    assert between(brighter(train), train) == (5, 5)


def test_the_summary_of_a_dataset_says_how_many():
    train, test = scenes(0), scenes(1)
    test[0] = brighter(train[4])
    parts = {part: Part({"photo": codes}, {"label": np.arange(20, dtype=np.int32) % 2})
             for part, codes in (("train", train), ("validation", scenes(2)), ("test", test))}
    dataset = Dataset({"photo": Input(train.shape[1:], 0.0, 1.0)}, {"label": Target("class", ["a", "b"])}, parts)
    assert summary.notes(dataset) == [
        "1 of 20 pictures of the test part are almost the same as one of the train part: keep such pictures in one "
        "part, or the metrics of the test part are too good"]


def test_different_digits_of_mnist_are_not_taken_for_the_same():
    parts = mnist.load().parts
    assert between(parts["test"].inputs["image"][:2000], parts["train"].inputs["image"][:20000])[0] == 0
