"""The reasons of `octet why` for changed arrays in a user's .npz file, through the real commands."""

import numpy as np
import pytest

from tests.pipeline.checkout import RECIPE, Checkout

DATA = "data: {dataset: npz, args: {path: pets.npz}}\n"


def arrays(**changed):
    rng = np.random.RandomState(0)
    found = {"x_train": rng.randint(0, 256, (20, 4, 4, 1)).astype(np.uint8), "y_train": np.arange(20) % 2,
             "x_test": rng.randint(0, 256, (6, 4, 4, 1)).astype(np.uint8), "y_test": np.arange(6) % 2}
    return {**found, **changed}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    checkout = Checkout(tmp_path_factory.mktemp("arrays"))
    checkout.change(checkout.mine / "faces.yaml", RECIPE.splitlines(True)[0], DATA)
    np.savez(str(checkout.mine / "pets.npz"), **arrays())
    run = checkout.luigi()
    assert run.code == 0, run.said
    return checkout


@pytest.mark.parametrize("changed, stage, said", [
    (dict(x_train=arrays()["x_train"][::-1]), "PrepareData.train", ["data: train: x_train changed"]),
    (dict(x_train=arrays()["x_train"][::-1]), "PrepareData.validation",
     ["data: validation: x_train changed", "waits for PrepareData.train"]),
    (dict(x_train=np.concatenate([arrays()["x_train"][:1] ^ 1, arrays()["x_train"][1:]])), "PrepareData.train",
     ["data: train: x_train changed"]),
    (dict(x_test=arrays()["x_test"][::-1], y_test=1 - arrays()["y_test"]), "PrepareData.test",
     ["data: test: x_test, y_test changed"]),
    (dict(x_validation=arrays()["x_train"][:4], y_validation=arrays()["y_train"][:4]), "PrepareData.validation",
     ["data: validation: x_validation, y_validation added, x_train, y_train removed", "waits for PrepareData.train"]),
], ids=["the order", "the order, validation", "one image", "test arrays", "validation arrays"])
def test_an_array_that_changed_is_named(checkout, changed, stage, said):
    np.savez(str(checkout.mine / "pets.npz"), **arrays(**changed))
    assert checkout.why()[stage] == ["stale"] + said


def test_the_same_arrays_compressed_are_the_same_data(checkout):
    np.savez_compressed(str(checkout.mine / "pets.npz"), unrelated=np.arange(3), **arrays())
    assert {said[0] for said in checkout.why().values()} == {"fresh"}
