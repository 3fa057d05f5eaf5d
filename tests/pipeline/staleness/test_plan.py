import os

import pytest

from pipeline.spec import STAGES
from pipeline.staleness.plan import Plan
from pipeline.store.artifacts import Store
from tests.pipeline.inputs.test_key import SNAPSHOT

STAGES_ABOVE_QAT = list(STAGES).index("TrainQAT")


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def make(plan, stage, content="bytes", by_product="log"):
    """What a stage's task does, without the work."""
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


def test_a_second_look_finds_everything(store):
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


def test_bad_news_is_not_remembered_and_good_news_is(store, monkeypatch):
    plan = Plan(SNAPSHOT, store)
    assert not plan.intact("PrepareData.train")
    make(plan, "PrepareData.train")
    assert plan.intact("PrepareData.train")
    monkeypatch.setattr(store, "status", lambda *artifact: pytest.fail("looked again"))
    assert plan.intact("PrepareData.train") and plan.key("PrepareData.test")
