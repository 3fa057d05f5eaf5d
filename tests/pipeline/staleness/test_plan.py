import os

import pytest

from pipeline.stage_specs import STAGES, upward
from pipeline.staleness.plan import Plan
from pipeline.store.artifacts import Store
from tests.pipeline.inputs.test_key import SNAPSHOT

STAGES_ABOVE_QAT = list(STAGES).index("TrainQAT")


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def make(plan, stage, content="bytes", by_product="log"):
    """What a stage's task does, without its work."""
    key, preimage = plan.key(stage)
    with plan.store.lock(stage, key):
        work = plan.store.workspace(stage, key)
        for pattern in STAGES[stage].products:
            (work / pattern.replace("*", "0")).write_text(stage + pattern + content)
        (work / "log").write_text(by_product)
        return plan.store.publish(work, stage, key, {"inputs": preimage})


def make_all(store, snapshot=SNAPSHOT):
    plan = Plan(snapshot, store)
    for stage in STAGES:
        make(plan, stage)
    return plan


def keys(plan):
    return {stage: plan.key(stage) and plan.key(stage)[0] for stage in STAGES}


def test_a_key_is_known_when_the_upstream_is_intact(store):
    plan = Plan(SNAPSHOT, store)
    assert plan.key("PrepareData.train") and plan.folder("PrepareData.train")
    assert plan.key("TrainFloat") is None and plan.folder("TrainFloat") is None
    for stage in list(STAGES)[:STAGES_ABOVE_QAT]:
        make(plan, stage)
    assert plan.key("TrainQAT") and not plan.intact("TrainQAT")
    assert plan.key("EvalGraph") is None


def test_a_second_plan_finds_everything(store):
    first = make_all(store)
    second = Plan(SNAPSHOT, store)
    assert all(second.intact(stage) for stage in STAGES)
    assert keys(second) == keys(first)
    assert second.manifest("Freeze")["stage"] == "Freeze"


def test_a_damaged_upstream_makes_everything_below_stale(store):
    plan = make_all(store)
    os.truncate(str(plan.folder("TrainQAT") / "network.pb"), 1)
    after = Plan(SNAPSHOT, store)
    assert [stage for stage in STAGES if after.intact(stage)] == list(STAGES)[:STAGES_ABOVE_QAT]


def test_a_dropped_upstream_makes_nothing_stale(store):
    plan = make_all(store)
    for stage in list(STAGES)[:3]:
        store.drop(stage, plan.key(stage)[0], "")
    after = Plan(SNAPSHOT, store)
    assert keys(after) == keys(plan)
    assert [stage for stage in STAGES if not after.intact(stage)] == list(STAGES)[:3]
    assert after.intact("ValidateInterpreter") and after.key("TrainQAT")


def test_a_dropped_upstream_that_comes_back_with_other_bytes_makes_what_is_below_stale(store):
    plan = make_all(store)
    store.drop("TrainQAT", plan.key("TrainQAT")[0], "")
    make(Plan(SNAPSHOT, store), "TrainQAT", content="other bytes")
    after = Plan(SNAPSHOT, store)
    assert after.intact("TrainQAT") and not after.intact("EvalGraph")


def rebuild(store, stage, **made):
    plan = Plan(SNAPSHOT, store)
    (plan.folder(stage) / "manifest.json").unlink()
    make(Plan(SNAPSHOT, store), stage, **made)
    return Plan(SNAPSHOT, store)


def test_an_upstream_rebuilt_with_other_bytes_changes_the_keys_below(store):
    before = keys(make_all(store))
    after = rebuild(store, "TrainQAT", content="other bytes")
    assert after.key("TrainQAT")[0] == before["TrainQAT"] and after.intact("TrainQAT")
    assert after.key("EvalGraph")[0] != before["EvalGraph"]
    assert not any(after.intact(stage) for stage in list(STAGES)[STAGES_ABOVE_QAT + 1:])


def test_an_upstream_rebuilt_with_the_same_products_changes_nothing_below(store):
    before = keys(make_all(store))
    after = rebuild(store, "TrainQAT", by_product="another log")
    assert keys(after) == before and all(after.intact(stage) for stage in STAGES)


def test_going_back_finds_the_old_artifacts(store):
    make_all(store)
    changed = SNAPSHOT._replace(sections={**SNAPSHOT.sections, "convert": {"x": 1}})
    plan = Plan(changed, store)
    assert plan.intact("Freeze") and not plan.intact("ConvertUint8")
    make(plan, "ConvertUint8")
    assert Plan(SNAPSHOT, store).intact("ValidateInterpreter")


def test_only_the_status_of_existing_artifacts_is_cached(store, monkeypatch):
    plan = Plan(SNAPSHOT, store)
    assert not plan.intact("PrepareData.train")
    make(plan, "PrepareData.train")
    assert plan.intact("PrepareData.train")
    monkeypatch.setattr(store, "status", lambda *artifact: pytest.fail("looked again"))
    assert plan.intact("PrepareData.train") and plan.key("PrepareData.test")


def test_what_is_wanted_is_made_where_it_needs_nothing_more_and_is_left_out_where_it_does(store):
    target = "ValidateInterpreter"
    assert "Report" in Plan(SNAPSHOT, store).wanted(target).made, "all of it is made anyway"
    plan = Plan(SNAPSHOT, store)
    for stage in upward(target):
        if stage not in ("Report", target):
            make(plan, stage)
    assert Plan(SNAPSHOT, store).wanted(target) == (["Report"], {})
    store.drop("TrainFloat", plan.known_key("TrainFloat"), "")
    wanted = Plan(SNAPSHOT, store).wanted(target)
    assert wanted == ([], {"Report": ["TrainFloat"]}) and "needs TrainFloat" in wanted.why("Report")
    store.drop("Measure", plan.known_key("Measure"), "")
    assert Plan(SNAPSHOT, store).wanted(target).made == ["Report"], "the measurement needs TrainFloat, too"


def test_a_wanted_stage_that_was_dropped_is_made_with_others_only(store):
    plan = make_all(store)
    store.drop("Report", plan.known_key("Report"), "")
    assert Plan(SNAPSHOT, store).wanted("ValidateInterpreter") == ([], {})
    store.drop("ValidateInterpreter", plan.known_key("ValidateInterpreter"), "")
    assert Plan(SNAPSHOT, store).wanted("ValidateInterpreter").made == ["Report"]
