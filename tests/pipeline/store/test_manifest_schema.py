"""The schema of the manifest, checked on manifests from real runs."""

import json

import fastjsonschema
import pytest

from pipeline.stage_specs import upward
from pipeline.staleness.plan import Plan
from pipeline.store import manifest
from pipeline.store.artifacts import Store
from tests.pipeline.checkout import ROOT, Checkout
from tests.pipeline.inputs.test_key import SNAPSHOT

SCHEMA = json.loads((ROOT / "docs" / "manifest.schema.json").read_text())


@pytest.fixture(scope="module")
def validate():
    return fastjsonschema.compile(SCHEMA)


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """The manifest files of a run, and of an acceptance after it."""
    checkout = Checkout(tmp_path_factory.mktemp("schema"))
    assert checkout.luigi().code == 0
    checkout.change(checkout.root / "tasks/stages/freeze.py", '{"nodes": 0}', '{"nodes": 1}')
    assert checkout.octet("accept", checkout.mine / "faces.yaml", "Freeze").returncode == 0
    return [json.loads(path.read_text()) for path in (checkout.store / "artifacts").glob("*/*/manifest.json")]


def test_every_manifest_of_a_run_is_as_the_schema_says(records, validate):
    assert len(records) == len(upward("ValidateInterpreter")) + 1
    assert sum("accepted" in record for record in records) == 1
    for record in records:
        validate(record)


@pytest.mark.parametrize("spoil", [
    {"format": 3}, {"key": "abc"}, {"started": "yesterday"}, {"unheard": 1}, {"sources": {"a.py": 1}}])
def test_a_manifest_that_is_otherwise_is_refused(records, validate, spoil):
    with pytest.raises(fastjsonschema.JsonSchemaException):
        validate({**records[0], **spoil})


def test_the_schema_is_that_of_the_format_that_is_written():
    assert SCHEMA["properties"]["format"]["const"] == manifest.FORMAT


def test_a_store_of_the_first_format_is_read_listed_and_traced(tmp_path):
    """Its keys were computed differently, so nothing in it is fresh, but everything is still there."""
    from pipeline.provenance.lineage import Lineage
    store = Store(tmp_path)
    work = store.workspace("Freeze", "ab" * 32)
    (work / "frozen.pb").write_text("graph")
    (work / "network.json").write_text("{}")
    store.publish(work, "Freeze", "ab" * 32, {
        "format": 1, "metrics": {"nodes": 3}, "git": {"commit": "c" * 40, "dirty": False},
        "inputs": {"record": "octet.stage", "version": 1, "stage": "Freeze", "recipe": {}, "source": {"a.py": "d" * 64},
                   "data": {}, "versions": {"numpy": "1"}, "upstream": {}, "products": ["frozen.pb"]}})
    assert store.state("Freeze", "ab" * 32) == "intact"
    lineage = Lineage(store)
    found = lineage.find(store.artifact("Freeze", "ab" * 32) / "frozen.pb")
    assert found.manifest["metrics"] == {"nodes": 3} and lineage.chain(found.manifest) == [found.manifest]
    assert [record for record, how in lineage.users("c" * 40)] == [found.manifest]
    assert Plan(SNAPSHOT, store).key("PrepareData.train")
