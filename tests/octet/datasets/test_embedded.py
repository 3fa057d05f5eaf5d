
import numpy as np
import pytest

from octet.data import content_digests
from octet.data.dataset import PARTS
from octet.datasets import digits, mnist
from tests.octet.datasets.samples import refusal


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
def test_unknown_targets_of_digits_are_refused(targets):
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


@pytest.mark.parametrize("module", [mnist, digits])
def test_the_arrays_of_an_embedded_file_are_those_of_its_parts(module):
    train, held_out, test = (module.arrays(part) for part in PARTS)
    assert train == held_out and set(train) | set(test) == set(np.load(module.FILE).files)
    assert module.arrays("train")[sorted(train)[0]] == content_digests.of_array(np.load(module.FILE)[sorted(train)[0]])
