import os
import shutil
from pathlib import Path

import pytest

from pipeline import formatting
from pipeline.store.artifacts import Store
from pipeline.store.runs import Runs
from tests.pipeline.store.full_store import KEY, OTHER, STAGE, Situation, publish


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """A folder with a store that contains one of everything."""
    folder = tmp_path_factory.mktemp("whole")
    store = Store(folder / "store")
    publish(store)
    Runs(store.root).begin(folder / "gone.yaml", {
        "recipe": {"name": "gone", "path": str(folder / "gone.yaml")}, "snapshot": "s", "target": STAGE,
        "started": formatting.utc(0), "finished": formatting.utc(0), "exit": 0, "host": "h", "pid": 1,
        "stages": {STAGE: {"key": KEY, "made": True, "why": []}}})
    store.marks.put("pinned", STAGE, OTHER, {"by": "me"})
    store.marks.put("forced", STAGE, OTHER, {"by": "me"})
    (store.root / "quarantine").mkdir()
    return folder


@pytest.fixture
def situation(whole, tmp_path, monkeypatch) -> Situation:
    shutil.copytree(str(whole / "store"), str(tmp_path / "store"))
    canary = tmp_path / "canary"
    (canary / "inner").mkdir(parents=True)
    for name in ("manifest.json", "frozen.pb", "network.json", "inner/treasure", "events", "000001.json"):
        (canary / name).write_text("not ours: " + name)
    (tmp_path / "luigi.cfg").write_text("[octet]\nstore = store\nrecipes = .\n")
    monkeypatch.setenv("LUIGI_CONFIG_PATH", str(tmp_path / "luigi.cfg"))
    monkeypatch.setenv("OCTET_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(str(tmp_path))
    monkeypatch.setattr(os, "fsync", lambda handle: None)  # nothing here needs to survive a power cut
    store = Store(tmp_path / "store")
    record, = (store.root / "runs").glob("*/*.json")
    source, = store.blobs.list()
    return Situation(store, tmp_path, canary, source, str(record.relative_to(store.root)))
