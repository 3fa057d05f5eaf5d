"""A store from two runs of light stages, for the tests of all verbs."""

import shutil

import pytest

from tests.pipeline.checkout import Checkout


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """Two recipes with the same data: `faces`, and `second` with another learning rate."""
    checkout = Checkout(tmp_path_factory.mktemp("verbs"))
    checkout.put("second.yaml", "extends: faces.yaml\nquantize: {learning_rate: 0.002}\n")
    for recipe in ("faces", "second"):
        run = checkout.luigi(recipe=recipe)
        assert run.code == 0, run.said
    checkout.built = checkout.store
    return checkout


@pytest.fixture
def checkout(built, tmp_path):
    """The checkout with a copy of its store, which the test may change."""
    store = tmp_path / "store"
    shutil.copytree(str(built.built), str(store))
    built.use_store(store)
    yield built
    built.use_store(built.built)
