"""`octet gc` and `octet pin`: what is kept and what is deleted."""

import json

from pipeline.store.artifacts import Store
from tests.pipeline.cli.verbs.on_a_store import FLOAT, artifact, gone, octet, without_second


def test_gc_keeps_what_is_fresh_and_the_last_runs(checkout):
    assert octet(checkout, "gc", "--delete", "--runs", "0").startswith("0 of 19 artifacts")
    (checkout.mine / "second.yaml").rename(checkout.mine / "second.kept")
    try:
        assert octet(checkout, "gc", "--delete").startswith("0 of 19 artifacts")
        assert gone(checkout) == []
        dry = octet(checkout, "gc", "--runs", "0")
        assert "7 of 19 artifacts" in dry and gone(checkout) == []
        octet(checkout, "gc", "--delete", "--runs", "0")
        assert gone(checkout) == sorted(FLOAT[1:])
    finally:
        (checkout.mine / "second.kept").rename(checkout.mine / "second.yaml")
    assert checkout.luigi().made == []
    assert checkout.why("second")["ValidateInterpreter"][0] == "dropped"
    assert checkout.luigi(recipe="second").made == FLOAT[1:]


def test_gc_keeps_what_is_pinned_and_what_it_was_made_from(checkout):
    octet(checkout, "pin", "{}:Freeze".format(checkout.mine / "second.yaml"))
    without_second(checkout, "gc", "--delete", "--runs", "0")
    assert gone(checkout) == ["ConvertUint8", "Measure", "Report", "ValidateInterpreter"]


def test_a_pinned_model_keeps_its_measurement(checkout):
    octet(checkout, "pin", artifact(checkout, "ConvertUint8", "second") / "model.tflite")
    without_second(checkout, "gc", "--delete", "--runs", "0")
    assert gone(checkout) == []


def test_what_another_pin_needs_is_kept_when_one_is_removed(checkout):
    model, graph = ("{}:{}".format(checkout.mine / "second.yaml", stage) for stage in ("ConvertUint8", "EvalGraph"))
    octet(checkout, "pin", model, "--reason", "the one in the field")
    octet(checkout, "pin", graph)
    octet(checkout, "pin", graph, "--remove")
    without_second(checkout, "gc", "--delete", "--runs", "0")
    assert gone(checkout) == []
    assert "it is kept with ConvertUint8" in octet(checkout, "pin", graph, "--remove", code=2)
    pinned, = json.loads(octet(checkout, "pin", "--json"))
    assert pinned["stage"] == "ConvertUint8" and pinned["reason"] == "the one in the field"
    assert len(pinned["keeps"]) == 11 and "the one in the field" in octet(checkout, "pin")
    octet(checkout, "pin", model, "--remove")
    assert "nothing is pinned" in octet(checkout, "pin")
    without_second(checkout, "gc", "--delete", "--runs", "0")
    assert gone(checkout) == sorted(FLOAT[1:])


def test_gc_leaves_what_a_running_stage_reads(checkout):
    (checkout.mine / "second.yaml").rename(checkout.mine / "second.kept")
    try:
        folder = [path for path in (checkout.store / "artifacts" / "Freeze").iterdir()
                  if path != artifact(checkout, "Freeze")][0]
        with Store(checkout.store).lock("Freeze", folder.name, shared=True):
            assert "in use: left alone" in octet(checkout, "gc", "--delete", "--runs", "0")
    finally:
        (checkout.mine / "second.kept").rename(checkout.mine / "second.yaml")
    assert gone(checkout) == ["ConvertUint8", "EvalGraph", "Measure", "Report", "TrainQAT", "ValidateInterpreter"]


def test_gc_deletes_nothing_while_a_recipe_cannot_be_read(checkout):
    checkout.put("broken.yaml", "data: 3\n")
    try:
        octet(checkout, "gc", "--delete", "--runs", "0", code=3)
    finally:
        (checkout.mine / "broken.yaml").unlink()
    assert gone(checkout) == []


def test_refused_runs_take_no_place_of_those_that_gc_keeps(checkout):
    path = checkout.mine / "faces.yaml"
    text = path.read_text()
    try:
        path.write_text("data: 3\n")
        for _ in range(4):
            assert checkout.luigi().code == 3
        path.write_text(text.replace("train: {epochs: 1}", "train: {epochs: 2}"))  # nothing is fresh for it
        assert json.loads(octet(checkout, "gc", "--json")) == []
        assert json.loads(octet(checkout, "gc", "--runs", "0", "--json")) != []
    finally:
        path.write_text(text)
