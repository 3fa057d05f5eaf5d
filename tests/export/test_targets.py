"""`octet targets`, and what the card and the check say about the targets of a recipe."""

import json

import pytest

from octet.target_runtimes import NAMES
from tests.pipeline.checkout import Checkout


def judged(project, name):
    done = project.octet("targets", str(name), "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["targets"]


def test_every_reference_to_a_model_is_accepted_and_gives_the_same_answer(project, exported):
    of_recipe = judged(project, project.recipe)
    assert list(of_recipe) == sorted(NAMES)
    (key,) = {manifest["key"] for manifest in project.manifests("Measure")}
    for name in (exported, exported / "model.tflite", key[:12], "recipe:Export"):
        assert judged(project, name) == of_recipe, name
    int8 = judged(project, exported / "model_int8.tflite")
    assert {name: target["files"] for name, target in int8.items()} == {
        name: {"int8": target["files"]["int8"]} for name, target in of_recipe.items()}


def test_the_table_says_which_file_to_use_for_each_target(project, exported):
    done = project.octet("targets", "recipe")
    assert done.returncode == 0, done.stderr
    rows = {line.split()[0]: line for line in done.stdout.splitlines() if line.split()[0] in NAMES}
    assert rows["micro"].endswith("the int8 file") and "not supported" in rows["micro"]
    assert rows["edgetpu"].endswith("the uint8 file")
    assert rows["nnapi"].count("supported, Android API level 29 or higher") == 2
    assert "micro: uint8 file not supported: its kernels have had no uint8" in done.stdout


def test_the_card_has_the_targets_of_the_recipe(project, exported):
    card = json.loads((exported / "card.json").read_text())
    assert card["targets"] == {name: target for name, target in judged(project, exported).items()
                               if name in ("edgetpu", "micro")}
    page = (exported / "card.md").read_text()
    assert "## Where it runs" in page and "| Coral Edge TPU" in page


@pytest.mark.parametrize("content, words", [(b"no model", "not a .tflite file"), (None, "no artifact has this name")])
def test_a_file_that_is_no_model_is_an_error(project, tmp_path, content, words):
    path = tmp_path / "some.tflite"
    if content is not None:
        path.write_bytes(content)
    done = project.octet("targets", str(path))
    assert done.returncode != 0 and words in done.stderr and "Traceback" not in done.stderr


def test_an_unknown_target_is_reported_with_the_known_ones(project):
    recipe = project.folder / "misspelt.yaml"
    recipe.write_text(project.recipe.read_text().replace("[edgetpu, micro]", "[edge-tpu]"))
    done = project.octet("check", str(recipe))
    assert done.returncode != 0 and "edge-tpu" in done.stderr and "nnapi" in done.stderr, done.stderr


def test_another_target_remakes_only_the_exported_folder(tmp_path):
    checkout = Checkout(tmp_path)
    assert checkout.luigi(stage="Export").code == 0
    (checkout.mine / "faces.yaml").open("a").write("export: {targets: [micro]}\n")
    run = checkout.luigi(stage="Export")
    assert run.code == 0 and run.made == ["Export"], run.said


def test_float_uint8_and_int8_are_timed_on_the_samples_of_the_test_part(project, tmp_path):
    done = project.octet("targets", "recipe", "--time", "--json", OCTET_CACHE=str(tmp_path))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["ran"]
    assert (found["of"], found["not_installed"]) == ("samples of the test part", ["litert", "micro", "ethos-u"])
    assert [each["file"] for each in found["runs"]] == ["uint8", "int8", "float32"]
    assert all(not each["failed"] and each["latency"]["median_ms"] > 0 for each in found["runs"])


@pytest.mark.slow
def test_runtimes_from_pypi_give_the_same_answers(project, exported, tmp_path):
    done = project.octet("targets", "--install", OCTET_CACHE=str(tmp_path))
    assert done.returncode == 0, done.stderr
    done = project.octet("targets", str(exported / "model.tflite"), "--run", "--json", OCTET_CACHE=str(tmp_path))
    found = {(each["runtime"], each["file"]): each for each in json.loads(done.stdout)["ran"]["runs"]}
    assert found["litert-builtin", "uint8"]["largest_difference"] == 0
    assert found["litert-builtin", "uint8"]["agreement"] == 1.0
    # The twin's weights are rounded once more, so samples between two classes may get another answer.
    for place, codes in ((("litert", "uint8"), 8), (("litert", "int8"), 20), (("litert-builtin", "int8"), 20),
                         (("micro", "int8"), 20)):
        assert found[place]["largest_difference"] <= codes and found[place]["agreement"] > 0.85, found[place]
    assert "UINT8" in found["micro", "uint8"]["failed"]
    assert found["vela", "int8"]["compiled"]["cpu_operators"] == 0
