"""`octet trace`: the origin of a file, and the artifacts made from an input; `octet layers` on a damaged store."""

import json
import shutil

import pytest

from octet import model_identifier
from pipeline.stage_specs import upward
from tests.pipeline.checkout import damage
from tests.pipeline.cli.verbs.on_a_store import ALL, FLOAT, PREPARED, artifact, octet, trace


def test_a_copy_is_traced_by_its_content_to_every_stage(checkout, tmp_path):
    copy = shutil.copy(str(artifact(checkout, "ConvertUint8") / "model.tflite"), str(tmp_path / "found.tflite"))
    found = trace(checkout, copy)
    assert found["found_by"] == "its content"
    by_stage = {record["stage"]: record for record in found["lineage"]}
    assert sorted(by_stage, key=ALL.index) == [stage for stage in upward("ConvertUint8") if stage != "SummarizeData"]
    assert [set(by_stage[stage]["inputs"]["data"]) for stage in PREPARED] == [{"train"}, {"validation"}, {"test"}]
    trained = by_stage["TrainFloat"]
    assert trained["seed"] == 1 and trained["sources"]["net.py"] and trained["inputs"]["versions"]["numpy"]


def test_a_tflite_that_was_edited_is_traced_by_its_identifier(checkout, tmp_path):
    content = (artifact(checkout, "ConvertUint8", "second") / "model.tflite").read_bytes()
    edited = tmp_path / "edited.tflite"
    edited.write_bytes(b"X" + content[1:])
    found = trace(checkout, edited)
    assert found["found_by"] == "the identifier that it carries"
    assert found["lineage"][-1]["metrics"]["identifier"] == model_identifier.find(content)
    trained, = [record for record in found["lineage"] if record["stage"] == "TrainQAT"]
    assert trained["inputs"]["recipe"]["quantize"]["learning_rate"] == 0.002


def test_a_damaged_file_of_the_store_is_not_taken_for_what_it_was(checkout):
    path = artifact(checkout, "Freeze") / "frozen.pb"
    damage(path, b"other bytes")
    assert "no artifact holds this file" in octet(checkout, "trace", path, code=11)


@pytest.mark.parametrize("words", [["layers"], ["trace"], ["trace", "--used-by"]])
def test_an_unreadable_file_is_reported(checkout, words):
    assert "cannot be read: File name too long" in octet(checkout, *words, "n" * 300, code=11)


@pytest.mark.parametrize("words", [["pin"], ["diff", "Freeze"]])
def test_a_name_that_is_too_long_for_a_path_means_nothing(checkout, words):
    assert "no artifact has this name" in octet(checkout, *words, "n" * 300, code=2)


def test_layers_of_a_damaged_measurement_are_an_error(checkout):
    model = artifact(checkout, "ConvertUint8") / "model.tflite"
    damage(artifact(checkout, "Measure") / "measurement.json", b"[]")
    assert "its measurement is damaged, or was deleted to free space" in octet(checkout, "layers", model, code=11)


def test_layers_of_a_dropped_measurement_are_an_error(checkout, tmp_path):
    model = shutil.copy(str(artifact(checkout, "ConvertUint8", "second") / "model.tflite"), str(tmp_path))
    (checkout.mine / "second.yaml").rename(checkout.mine / "second.kept")
    try:
        octet(checkout, "gc", "--delete", "--runs", "0")
    finally:
        (checkout.mine / "second.kept").rename(checkout.mine / "second.yaml")
    assert "its measurement is damaged, or was deleted to free space" in octet(checkout, "layers", model, code=11)


def test_a_picture_of_the_lineage_has_every_artifact_and_part(checkout):
    path = artifact(checkout, "ValidateInterpreter")
    dot, mermaid = octet(checkout, "trace", path, "--dot"), octet(checkout, "trace", path, "--mermaid")
    for text in (dot, mermaid):
        assert all(word in text for word in set(ALL) - {"Report", "SummarizeData"} | {
            "train", "validation", "test", "nets.net:build"})
    assert dot.startswith("digraph") and mermaid.startswith("flowchart")
    assert dot.count("->") == mermaid.count("-->") == 20
    assert "gone" not in dot + mermaid


def test_the_source_is_restored_byte_by_byte(checkout, tmp_path):
    octet(checkout, "trace", artifact(checkout, "TrainQAT"), "--source", tmp_path / "source")
    restored = tmp_path / "source" / "TrainFloat"
    for name, original in (("recipe/net.py", checkout.mine / "nets/net.py"),
                           ("recipe/blocks.py", checkout.mine / "nets/blocks.py"),
                           ("octet/data/dataset.py", checkout.root / "octet/data/dataset.py"),
                           ("octet/errors.py", checkout.root / "octet/errors.py")):
        assert (restored / name).read_bytes() == original.read_bytes()
    assert not (tmp_path / "source" / "TrainQAT" / "recipe").exists()
    assert "is not empty" in octet(checkout, "trace", artifact(checkout, "TrainQAT"),
                                   "--source", tmp_path / "source", code=2)


@pytest.mark.parametrize("what, first, then", [
    ("photos", set(PREPARED), set(ALL[3:])),
    ("image_folder", set(PREPARED), set(ALL[3:])),
    ("nets.net:build", {"TrainFloat"}, set(FLOAT[1:])),
    ("nets/blocks.py", {"TrainFloat"}, set(FLOAT[1:])),
    ("tasks/stages/freeze.py", {"Freeze"}, {"ConvertUint8", "Measure", "Report", "ValidateInterpreter"})])
def test_used_by_lists_what_was_made_from_an_input(checkout, what, first, then):
    path = checkout.mine / what
    rows = json.loads(octet(checkout, "trace", "--used-by", path if path.exists() else what, "--json"))
    assert {row["stage"] for row in rows if row["how"] != "made from these"} == first
    assert {row["stage"] for row in rows if row["how"] == "made from these"} == then


def test_an_unused_input_is_reported(checkout):
    assert "nothing in the store was made with it" in octet(checkout, "trace", "--used-by", "cifar10", code=11)
