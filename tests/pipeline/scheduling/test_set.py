"""`--set KEY=VALUE` makes a variant of a recipe."""

import json
from pathlib import Path

import pytest

from octet.errors import OctetError
from pipeline.store import recipe_variants
from tests.pipeline.checkout import Checkout

VARIANT = "faces+quantize.learning_rate=0.002,train.epochs=3"
SETS = ("--set", "train.epochs=3", "--set", "quantize.learning_rate=0.002")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A trained recipe, and a trained variant of it."""
    checkout = Checkout(tmp_path_factory.mktemp("set"))
    assert checkout.luigi(stage="TrainQAT").code == 0
    run = checkout.luigi(*SETS, stage="TrainQAT")
    assert run.code == 0 and run.made == ["TrainFloat", "TrainQAT"], run.said
    return checkout


def octet(checkout, *words):
    done = checkout.octet(*words)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_it_is_a_recipe_of_its_own_whose_name_every_command_takes(checkout):
    assert [row["recipe"] for row in octet(checkout, "ls", "--json")] == ["faces", VARIANT]
    run, = octet(checkout, "ls", VARIANT, "--json")["runs"]
    assert (run["exit"], run["made"]) == (0, ["TrainFloat", "TrainQAT"])
    assert octet(checkout, "why", VARIANT, "TrainQAT", "--json")["TrainQAT"]["state"] == "fresh"
    assert octet(checkout, "compare", "faces", VARIANT + ":1", "--json")["differs"] == {
        "train.epochs": ["1", "3"], "quantize.learning_rate": ["0.0001", "0.002"]}
    assert "  recipe    {} (/".format(VARIANT) in checkout.octet("trace", VARIANT).stdout


def test_the_same_values_are_the_same_recipe_in_any_order(checkout):
    run = checkout.luigi(*SETS[2:], *SETS[:2], stage="TrainQAT")
    assert run.code == 0 and run.made == []
    assert len(octet(checkout, "ls", VARIANT, "--json")["runs"]) == 1


def test_an_edit_of_the_recipe_below_is_seen(checkout):
    path = checkout.mine / "faces.yaml"
    text = path.read_text()
    path.write_text(text.replace("width: 8", "width: 9"))
    try:
        assert octet(checkout, "why", "faces", "--json", *SETS)["TrainFloat"]["reasons"] == ["model.args.width 8 -> 9"]
    finally:
        path.write_text(text)


@pytest.mark.parametrize("words, code, said", [
    (["train.epocs=3"], 3, "--set train.epocs=3  train.epocs: no key of this name; did you mean 'epochs'?"),
    (["train.epochs=none"], 3, "--set train.epochs=none  train.epochs: expected a whole number"),
    (["seed=2", "model.build=nope"], 3, "--set model.build=nope  model.build: no model named 'nope'"),
    (["train.epochs"], 2, "--set train.epochs  expected KEY=VALUE"),
    (["train.epochs="], 2, "expected KEY=VALUE"),
    (["train.epochs=[1"], 2, "'[1' is not a value"),
    (["train.epochs=2", "train.epochs=3"], 2, "train.epochs is set twice"),
    (["train=3", "train.epochs=2"], 2, "is set twice")])
def test_what_is_wrong_names_the_words_at_fault_and_leaves_no_recipe(checkout, tmp_path, words, code, said):
    base = checkout.mine / "faces.yaml"
    with pytest.raises(OctetError) as caught:
        recipe_variants.written(base, words, tmp_path / "store", lambda name: base)
    assert caught.value.exit_code == code and said in str(caught.value)
    assert not (tmp_path / "store").exists()


def test_the_command_says_it_and_its_advice_works(checkout):
    run = checkout.luigi("--set", "train.epocs=2", stage="TrainFloat")
    assert run.code == 3 and "did you mean 'epochs'?" in run.said and "Traceback" not in run.said
    assert checkout.luigi("--set", "train.epochs=2", stage="PrepareData.train").code == 0


@pytest.mark.parametrize("words", [["data.args.path=a/b c"], ["seed=" + "1" * 200]])
def test_a_name_is_fit_for_a_file(words):
    name = recipe_variants._name(Path("/r/faces.yaml"), words)
    assert len(name) <= recipe_variants.LONGEST_NAME and "/" not in name and " " not in name
