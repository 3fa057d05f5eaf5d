"""`octet diff` of two artifacts."""

import json

from tests.pipeline.cli.verbs.on_a_store import artifact, octet


def test_diff_of_two_recipes_names_the_value_and_its_stage_first(checkout):
    stages = {stage["stage"]: stage for stage in json.loads(octet(
        checkout, "diff", checkout.mine / "faces.yaml", checkout.mine / "second.yaml", "--json"))}
    assert stages["TrainFloat"]["origin"] == []
    assert stages["TrainQAT"]["origin"] == ["quantize.learning_rate 0.0001 -> 0.002"]
    assert "ConvertUint8 made other bytes: model.tflite" in stages["Measure"]["origin"]


def test_diff_of_an_artifact_with_itself_is_the_same(checkout):
    key = artifact(checkout, "ConvertUint8").name
    out = octet(checkout, "diff", key[:5], artifact(checkout, "ConvertUint8") / "model.tflite")
    assert out.count("the same") == 8


def test_diff_of_a_missing_artifact_is_an_error(checkout):
    assert "no artifact has this name" in octet(checkout, "diff", "nothing", "0123456789", code=2)
    assert "give 4 digits or more" in octet(checkout, "diff", "42a", "42a", code=2)
