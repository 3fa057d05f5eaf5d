"""The history of runs: `octet ls RECIPE`, `octet compare`, the summary of `octet trace`, and references to runs."""

import json
import re
from pathlib import Path

import pytest

from tests.pipeline.checkout import Checkout

GATES = "validate: {max_accuracy_drop: 0.95}"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A recipe with three runs (complete; up to the conversion, with more epochs; missing a gate), and a recipe with
    another learning rate."""
    checkout = Checkout(tmp_path_factory.mktemp("back"))
    checkout.put("second.yaml", "extends: faces.yaml\nquantize: {learning_rate: 0.002}\n")
    assert checkout.luigi().code == checkout.luigi(recipe="second").code == 0
    checkout.change(checkout.mine / "faces.yaml", "epochs: 1}\nq", "epochs: 2}\nq")
    checkout.said = checkout.luigi(stage="ConvertUint8").said
    checkout.change(checkout.mine / "faces.yaml", GATES, "validate: {min_accuracy: 0.9}")
    checkout.missed = checkout.luigi()
    return checkout


def octet(checkout, *words, code=0):
    done = checkout.octet(*words)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code == 0 else done.stdout + done.stderr


def test_a_run_ends_with_what_it_made_and_what_comes_further_down(checkout):
    lines = checkout.said.splitlines()
    first = lines.index("ConvertUint8 is complete")
    assert [line.split()[0] for line in lines[first:first + 3]] == ["ConvertUint8", "size", "file"]
    assert lines[first + 3] == "not measured yet: luigi --module pipeline ValidateInterpreter --recipe {}".format(
        checkout.mine / "faces.yaml")


def test_a_run_that_misses_a_gate_ends_with_what_it_measured(checkout):
    assert checkout.missed.code == 10
    lines = checkout.missed.said.splitlines()
    first = lines.index("ValidateInterpreter is not made: the model misses its gates")
    assert [line.split()[0] for line in lines[first + 1:]] == ["accuracy", "size", "file", "report"]
    assert lines[-2].endswith("model.tflite") and lines[-1].endswith("report.html")


def test_runs_of_a_recipe_show_their_figures_and_why_they_ran(checkout):
    lines = octet(checkout, "ls", "faces").splitlines()
    assert [line.split()[0] for line in lines[1:7:2]] == ["faces:3", "faces:2", "faces:1"]
    assert "accuracy 0.895 uint8, 0.9 float" in lines[1] and "exit 10" in lines[1]
    assert lines[2].strip().startswith("made Measure, Report: ")
    assert lines[4].strip() == "made TrainFloat, TrainQAT and 3 more: train.epochs 1 -> 2"
    assert lines[6].strip() == "made all 12 stages: never made for this recipe"
    assert max(map(len, lines[:7])) <= 100


def test_runs_and_recipes_are_compared(checkout):
    found = json.loads(octet(checkout, "compare", "faces:1", "faces:3", "second", "--json"))
    assert found["items"] == ["faces:1", "faces:3", "second"]
    assert found["figures"]["uint8 accuracy (test)"] == ["0.895"] * 3
    assert found["figures"]["verdict"] == ["passes", "misses a gate", "passes"]
    assert found["differs"] == {"train.epochs": ["1", "2", "1"],
                                "validate.max_accuracy_drop": ["0.95", "0.01", "0.95"],
                                "validate.min_accuracy": ["null", "0.9", "null"],
                                "quantize.learning_rate": ["0.0001", "0.0001", "0.002"]}
    shown = octet(checkout, "compare", "faces:1", "faces:3", "second")
    assert shown.splitlines()[0].split() == ["faces:1", "faces:3", "second"]


def test_a_copy_of_a_model_is_compared_with_its_measurement(checkout, tmp_path):
    stages = json.loads(octet(checkout, "ls", "second", "--json"))["stages"]
    key, = [row["key"] for row in stages if row["stage"] == "ConvertUint8"]
    copy = tmp_path / "copy.tflite"
    copy.write_bytes((checkout.store / "artifacts" / "ConvertUint8" / key / "model.tflite").read_bytes())
    found = json.loads(octet(checkout, "compare", copy, key[:8], "faces:1:ConvertUint8", "--json"))
    assert found["figures"]["uint8 accuracy (test)"] == ["0.895"] * 3
    assert found["differs"] == {"quantize.learning_rate": ["0.002", "0.002", "0.0001"]}
    assert "all inputs are the same" in octet(checkout, "compare", copy, "second")


@pytest.mark.parametrize("words, said", [
    (["faces"], "needs two or more"), (["faces:9", "faces"], "its runs are 1 to 3"),
    (["faces", "faces:1:Freze"], "Freeze")])
def test_what_cannot_be_compared_is_reported(checkout, words, said):
    assert said in octet(checkout, "compare", *words, code=2)


def test_an_unknown_reference_is_reported(checkout):
    assert "no artifact has this name" in octet(checkout, "compare", "faces", "nonsense", code=2)
    assert "there is no such file" in octet(checkout, "trace", "nonsense", code=11)


@pytest.mark.parametrize("verb", [["trace", "{}", "--json"], ["diff", "{}", "{}", "--json"], ["pin", "{}"]])
def test_every_name_that_ls_prints_is_accepted(checkout, verb):
    for name in ("faces", "faces:1", "faces:3", "faces:2:Freeze", "second:ConvertUint8"):
        octet(checkout, *[word.format(name) for word in verb])


def test_a_run_refers_to_its_last_artifact_in_the_order_of_the_pipeline(checkout):
    lineage = json.loads(octet(checkout, "trace", "faces:2", "--json"))["lineage"]
    assert lineage[-1]["stage"] == "ConvertUint8"


def test_a_lineage_opens_with_a_summary(checkout):
    lines = octet(checkout, "trace", "faces:ConvertUint8").splitlines()
    summary = {line.split()[0]: line for line in lines[1:lines.index("")]}
    assert "ConvertUint8" in summary["is"] and "seed 1" in summary["recipe"]
    assert "float 0.9, fake-quantized 0.896, uint8 0.895" in summary["accuracy"]
    assert "image_folder" in summary["data"] and "nets.net:build" in summary["model"]
    assert not any("tasks/stages/freeze.py" in line for line in lines)
    assert any("tasks/stages/freeze.py" in line for line in
               octet(checkout, "trace", "faces:ConvertUint8", "--all").splitlines())


def test_a_page_is_drawn_with_what_changed_since_the_run_before(checkout):
    page = Path(octet(checkout, "report", "faces").strip())
    text = page.read_text()
    made, = [path for path in (checkout.store / "artifacts" / "Report").glob("*/report.html")
             if text.startswith(path.read_text())]
    assert page.parent == checkout.folder / "cache" / "pages" and str(made) in text
    shown = re.sub("<[^>]*>", " ", text[len(made.read_text()):]).split()
    shown = " ".join(shown)
    assert "compared with that of faces:1" in shown
    assert "train.epochs 1 2" in shown and "validate.min_accuracy null 0.9" in shown
    assert "TrainFloat" in shown and made.parent.name[:12] in shown
    assert "no complete page" in octet(checkout, "report", "second", code=11)


def test_a_comparison_is_drawn_as_a_page(checkout):
    page = Path(octet(checkout, "compare", "faces:1", "second", "--html").strip())
    shown = " ".join(re.sub("<[^>]*>", " ", page.read_text().partition("</style>")[2]).split())
    assert "faces:1 · second" in shown and "quantize.learning_rate 0.0001 0.002" in shown
    assert "seconds of training" in shown and ".verdict {" in page.read_text(), "the style of every page"
    said = checkout.octet("compare", "faces:1", "second", "--html", "--json")
    assert said.returncode == 2
