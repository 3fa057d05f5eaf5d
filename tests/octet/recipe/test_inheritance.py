"""A recipe that extends another: what it inherits, and what its paths are relative to."""

import pytest

from octet.recipe import loading
from tests.octet.recipe.recipe_texts import RECIPES, SHORT, refusal, write

pytestmark = pytest.mark.usefixtures("inside")


def test_a_cycle_through_two_recipes_names_both():
    write("other.yaml", "extends: r.yaml\n")
    assert refusal("extends: other.yaml\n") == (
        "other.yaml:1:1  extends: a cycle: r.yaml -> other.yaml -> r.yaml")


def test_extends_overrides_only_what_differs():
    write("base.yaml", SHORT + "train: {epochs: 9, batch_size: 5}\nvalidate: {max_accuracy_drop: 0.2}\n")
    loaded = loading.load(write("r.yaml", """
        extends: base.yaml
        train: {epochs: 4}
        validate: {max_accuracy_drop: null}
        """))
    assert (loaded.sections()["train"]["epochs"], loaded.sections()["train"]["batch_size"]) == (4, 5)
    assert loaded.sections()["validate"]["max_accuracy_drop"] is None
    assert loaded.where("train", "batch_size") == "base.yaml:3:20"
    assert loaded.where("train", "epochs") == "r.yaml:3:9"


def test_args_are_merged_for_the_same_model_and_dropped_for_another():
    write("base.yaml", "data: {dataset: digits}\nmodel: {build: lenet, args: {dense: 3, filters: [1]}}\n")
    same = loading.load(write("same.yaml", "extends: base.yaml\nmodel: {args: {dense: 4}}\n"))
    assert same.sections()["model"]["args"] == {"dense": 4, "filters": [1]}
    other = loading.load(write("other.yaml", "extends: base.yaml\nmodel: {build: resnet_v1}\n"))
    assert other.sections()["model"]["args"] == {}


def test_a_file_spec_stays_relative_to_the_recipe_that_wrote_it():
    write("below/base.yaml", "data: {dataset: digits}\nmodel: {build: './nets.py:f'}\n")
    write("below/nets.py", "def f(input_shape, classes): pass\n")
    loaded = loading.load(write("r.yaml", "extends: below/base.yaml\n"))
    assert loaded.sections()["model"]["build"] == "below/nets.py:f"


def test_the_path_of_data_stays_relative_to_the_recipe_that_wrote_it():
    write("below/base.yaml", "data: {dataset: npz, args: {path: pets.npz}}\nmodel: {build: lenet}\n")
    for text, path in (("", "below/pets.npz"), ("data: {args: {path: mine.npz}}\n", "mine.npz"),
                       ("data: {args: {low: 0}}\n", "below/pets.npz")):
        loaded = loading.load(write("r.yaml", "extends: below/base.yaml\n" + text))
        assert loaded.sections()["data"]["args"]["path"] == path
    write("above.yaml", "data: {dataset: npz, args: {path: ~/pets.npz}}\nmodel: {build: lenet}\n")
    assert loading.load(write("below/r.yaml", "extends: ../above.yaml\n")).sections()["data"]["args"]["path"] == "~/pets.npz"


def test_a_name_of_the_catalogue_may_be_extended():
    assert loading.load(write("r.yaml", "extends: digits\nseed: 7\n")).sections() == dict(
        loading.load(RECIPES / "digits.yaml").sections(), seed=7)
    write("mine/short.yaml", SHORT)
    assert loading.load(write("r.yaml", "extends: short\n"), lambda name: loading.find(name, "mine")).sections()["seed"] == 1
    write("digits", SHORT + "seed: 3\n")  # a file of this very name was meant before
    assert loading.load(write("r.yaml", "extends: digits\n")).sections()["seed"] == 3


WARM = "data: {dataset: digits}\nmodel: {build: lenet, weights: w.h5}\n"


@pytest.mark.parametrize("train, epochs", [
    ("", 0), ("train: {batch_size: 5}\n", 0), ("train: {epochs: 3}\n", 3), ("train: {epochs: 0}\n", 0)])
def test_weights_that_are_given_are_trained_on_only_where_the_recipe_says_so(train, epochs):
    assert loading.load(write("r.yaml", WARM + train)).sections()["train"]["epochs"] == epochs


def test_weights_are_relative_to_the_recipe_that_wrote_them_and_belong_to_its_model():
    write("below/base.yaml", WARM)
    assert loading.load(write("r.yaml", "extends: below/base.yaml\n")).sections()["model"]["weights"] == "below/w.h5"
    other = loading.load(write("r.yaml", "extends: below/base.yaml\nmodel: {build: resnet_v1}\n"))
    assert other.sections()["model"]["weights"] is None and other.sections()["train"]["epochs"] == 60


def test_files_are_relative_to_the_recipe_that_wrote_them_and_belong_to_its_model():
    write("below/base.yaml", "data: {dataset: digits}\nmodel: {build: lenet, files: [a.txt, /b.txt, ~/c.txt]}\n")
    files = loading.load(write("r.yaml", "extends: below/base.yaml\n")).sections()["model"]["files"]
    assert files == ["below/a.txt", "/b.txt", "~/c.txt"]
    other = loading.load(write("r.yaml", "extends: below/base.yaml\nmodel: {build: resnet_v1}\n"))
    assert other.sections()["model"]["files"] == []
