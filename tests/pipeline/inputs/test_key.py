from pathlib import Path

import pytest

from pipeline.inputs import key
from pipeline.inputs.snapshot import Snapshot
from pipeline.stage_specs import STAGES

SNAPSHOT = Snapshot(
    recipe=Path("/r/mnist.yaml"), folder=Path("/r"),
    sections={"seed": 1, "threads": 4, "data": {"dataset": "mnist", "args": {}}, "model": {"build": "lenet"},
              "train": {"epochs": 2}, "augment": {}, "loss": {}, "quantize": {"epochs": 1}, "convert": {},
              "metrics": {}, "validate": {"max_accuracy_drop": 0.01}, "report": {"samples": "wrong"},
              "export": {"targets": []}},
    data={"train": "aa", "validation": "bb", "test": "cc"}, files={},
    source={name: {"tasks/{}.py".format(spec.module): "dd"} for name, spec in STAGES.items()},
    versions={name: {"python": "3.7", "numpy": "1.19.5", "tensorflow": "1.14.0"} for name in STAGES},
    closures={})
PREPARED = {"PrepareData." + part: {"spec.json": "aa", "names.json": "a9", "input_0.npy": part, "target_0.npy": part}
            for part in ("train", "validation", "test")}
FLOAT = {**PREPARED, "TrainFloat": {"float.pb": "ee", "network.json": "ff"}}


def of(stage, upstream=FLOAT, **changes):
    return key.of(STAGES[stage], SNAPSHOT._replace(**changes), upstream)[0]


def with_section(name, value):
    return {**SNAPSHOT.sections, name: value}


def test_golden():
    """A change here means that every artifact of every user is made again: the changelog must say so."""
    assert of("TrainQAT") == (
        "65395f9399cc2a650545d0d2a498a54f5b5f043657c569588ff2ae05ced52c6f")


def test_key_is_the_digest_of_its_preimage():
    found, preimage = key.of(STAGES["TrainQAT"], SNAPSHOT, FLOAT)
    assert found == key.digest(preimage)
    assert set(preimage["recipe"]) == {"seed", "threads", "augment", "loss", "quantize"}


def test_a_section_that_is_read_changes_the_key_and_no_other_does():
    assert of("TrainFloat", sections=with_section("train", {"epochs": 3})) != of("TrainFloat")
    for name in ("quantize", "convert", "validate"):
        assert of("TrainFloat", sections=with_section(name, {"x": 1})) == of("TrainFloat")


@pytest.mark.parametrize("section, value", [("augment", {"x": 1}), ("threads", 8), ("seed", 2)])
def test_augmentation_threads_and_seed_are_read_by_the_two_phases_of_training_alone(section, value):
    upstream = {name: {"file": "00"} for name in STAGES}
    changed = [stage for stage in STAGES
               if of(stage, upstream, sections=with_section(section, value)) != of(stage, upstream)]
    assert changed == ["TrainFloat", "TrainQAT"]


def test_the_limits_of_the_data_are_in_no_key():
    upstream = {name: {"file": "00"} for name in STAGES}
    limited = with_section("data", {**SNAPSHOT.sections["data"], "limits": {"min_samples": 3}})
    assert [stage for stage in STAGES if of(stage, upstream, sections=limited) != of(stage, upstream)] == []
    assert of("PrepareData.train", {}, sections=limited) == of("PrepareData.train", {})


def test_a_changed_threshold_changes_the_keys_of_the_page_and_the_verdict_alone():
    upstream = {name: {"file": "00"} for name in STAGES}
    changed = [stage for stage in STAGES
               if of(stage, upstream, sections=with_section("validate", {})) != of(stage, upstream)]
    assert changed == ["Report", "ValidateInterpreter"]


def test_another_verdict_exports_nothing_again():
    upstream = {name: {"file": "00"} for name in STAGES}
    assert of("Export", {**upstream, "ValidateInterpreter": {"verdict.json": "11"}}) == of("Export", upstream)


def test_only_the_part_that_changed_is_prepared_again():
    data = dict(SNAPSHOT.data, test="c0")
    assert of("PrepareData.test", data=data) != of("PrepareData.test")
    for stage in STAGES:
        if stage != "PrepareData.test":
            upstream = {name: {"file": "00"} for name in STAGES}
            assert of(stage, upstream, data=data) == of(stage, upstream)


def test_other_test_arrays_retrain_nothing():
    other = {**FLOAT, "TrainQAT": {"network.pb": "00"}, "PrepareData.test": {"input_0.npy": "c0"}}
    assert of("TrainFloat", other) == of("TrainFloat") and of("TrainQAT", other) == of("TrainQAT")
    assert of("EvalGraph", other) != of("EvalGraph", {**other, "PrepareData.test": {"input_0.npy": "c1"}})


def test_another_part_reads_no_arrays_of_the_train_part():
    other = {**FLOAT, "PrepareData.train": {**FLOAT["PrepareData.train"], "input_0.npy": "a0"}}
    assert of("PrepareData.validation", other) == of("PrepareData.validation")
    assert of("TrainFloat", other) != of("TrainFloat")
    other["PrepareData.train"]["spec.json"] = "a1"
    assert of("PrepareData.validation", other) != of("PrepareData.validation")


NAMED = {**PREPARED, "TrainFloat": {"float.pb": "ee"}, "TrainQAT": {"network.pb": "ee"}, "EvalGraph": {"v": "ee"},
         "Freeze": {"frozen.pb": "ee"}, "ConvertUint8": {"model.tflite": "ee"}, "Measure": {"measurement.json": "ee"},
         "ValidateInterpreter": {"verdict.json": "ee"}, "Report": {"report.html": "ee"}}
RENAMED = {**NAMED, **{stage: {**products, "names.json": "b9"} for stage, products in PREPARED.items()}}


def test_a_renamed_class_is_read_by_what_shows_it_and_by_nothing_that_trains():
    assert [stage for stage in STAGES if of(stage, RENAMED) != of(stage, NAMED)] == [
        "PrepareData.validation", "PrepareData.test", "SummarizeData", "EvalGraph", "Measure", "Report", "Export"]


@pytest.mark.parametrize("loss", [{"class_weights": {"cat": 2}}, {"targets": {"label": {"class_weights": {"cat": 2}}}}])
def test_a_weight_for_a_class_by_its_name_reads_the_names(loss):
    sections = with_section("loss", loss)
    assert of("TrainFloat", RENAMED, sections=sections) != of("TrainFloat", NAMED, sections=sections)
    assert of("TrainQAT", RENAMED, sections=sections) == of("TrainQAT", NAMED, sections=sections)
    balanced = with_section("loss", {"class_weights": "balanced", "targets": {}})
    assert of("TrainFloat", RENAMED, sections=balanced) == of("TrainFloat", NAMED, sections=balanced)


@pytest.mark.parametrize("change", [
    {"source": {**SNAPSHOT.source, "TrainQAT": {"tasks/stages/train_qat.py": "d0"}}},
    {"versions": {**SNAPSHOT.versions, "TrainQAT": {"python": "3.7", "tensorflow": "1.15.0"}}}])
def test_source_and_versions_change_the_key(change):
    assert of("TrainQAT", **change) != of("TrainQAT")


def test_a_file_that_the_recipe_names_counts_where_its_section_is_read():
    weights = {"model.weights": "0123"}
    assert of("TrainFloat", files=weights) != of("TrainFloat")
    assert of("TrainQAT", files=weights) == of("TrainQAT")


def test_other_upstream_bytes_change_the_key():
    other = {**PREPARED, "TrainFloat": {"float.pb": "e0", "network.json": "ff"}}
    assert of("TrainQAT", other) != of("TrainQAT")


def test_what_a_stage_does_not_need_stays_out():
    assert of("TrainQAT", {**FLOAT, "Freeze": {"frozen.pb": "99"}}) == of("TrainQAT")


def test_a_missing_upstream_is_an_error():
    with pytest.raises(KeyError):
        of("TrainQAT", {})


def test_name_and_place_of_the_recipe_are_no_content():
    moved = SNAPSHOT._replace(recipe=Path("/s/other.yaml"), folder=Path("/s"))
    assert moved.digest == SNAPSHOT.digest
    assert SNAPSHOT._replace(data={}).digest != SNAPSHOT.digest


def test_what_json_cannot_represent_is_refused():
    with pytest.raises(ValueError):
        key.canonical({"rate": float("nan")})


def test_every_stage_needs_only_earlier_ones():
    names = list(STAGES)
    for spec in STAGES.values():
        assert all(names.index(need) < names.index(spec.name) for need in spec.needs)
