"""Damaged records in a store: an error with code 11; everything else is still read."""

import json
import os
import tracemalloc
from pathlib import Path

import pytest

from pipeline.store import manifest
from pipeline.store.runs import Runs
from tests.pipeline.store.full_store import KEY, OTHER, PLACES, STAGE, octet, publish

DEEP = b'{"a": ' + b"[" * 100000 + b"]" * 100000 + b"}"


def sealed(change):
    """Changes a record and seals it correctly."""
    def spoil(path: Path) -> bytes:
        record = json.loads(path.read_text())
        change(record)
        return manifest.sealed(record)
    return spoil


SPOILS = {
    "deep": lambda path: DEEP, "empty": lambda path: b"", "zeros": lambda path: b"\0" * 4096,
    "a list": lambda path: b"[1]", "a number": lambda path: b"7", "not ASCII": lambda path: b"\xff" * 90,
    "cut": lambda path: path.read_bytes()[:-9], "null": lambda path: b"null",
    "no stage": sealed(lambda record: record.pop("stage", record.pop("number", None))),
    "a key with a path": sealed(lambda record: record.update(key="../../x", recipe={"name": "x", "path": "a\0b"})),
    "a stage that is no text": sealed(lambda record: record.update(stage=7, target=None)),
    "names that lead out": sealed(lambda record: record.update(
        upstream={"../../x": "k"}, by=["me"], stages={"../../x": {"key": "k", "made": True, "why": []}})),
    "half an artifact kept": sealed(lambda record: record.update(keeps=[["a"]], why=None, exit="0")),
    "null outputs": sealed(lambda record: record.update(outputs=None, stages=None, marked=None)),
    "outputs elsewhere": sealed(lambda record: record.update(
        outputs=[{"path": "../../../x", "bytes": 1, "sha256": "0" * 64, "product": True}], stages=[], marked="now")),
}


def records(situation):
    return {"manifest": PLACES["a manifest"], "pin": PLACES["a pin"], "run": situation.record,
            "force": "marks/forced/Freeze-{}.json".format(OTHER)}


@pytest.mark.parametrize("spoil", sorted(SPOILS))
@pytest.mark.parametrize("name", ["manifest", "pin", "force", "run"])
def test_a_damaged_record_is_reported_once_and_the_rest_is_read(situation, name, spoil):
    path = situation.store.root / records(situation)[name]
    content = SPOILS[spoil](path)
    path.chmod(0o644)
    path.write_bytes(content)
    for argv in (["ls"], ["ls", "--artifacts"], ["gc"], ["pin"], ["trace", "--used-by", "a.py"]):
        octet(*argv)
    code, said = octet("verify")
    assert code == 11 and "1 artifacts read, 1 damaged" in said, said
    code, said = octet("verify")
    assert code == 0, said
    publish(situation.store)
    assert situation.store.state(STAGE, KEY) == "intact"


@pytest.mark.parametrize("name", ["manifest", "pin", "force", "run"])
def test_a_record_that_is_too_large_is_damaged_and_not_read(situation, name):
    path = situation.store.root / records(situation)[name]
    path.chmod(0o644)
    os.truncate(str(path), 1 << 38)  # sparse: 256 GB that use no disk space
    tracemalloc.start()
    try:
        octet("ls", "--artifacts")
        code, said = octet("verify")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert code == 11 and "damaged" in said, said
    assert peak < 16 << 20
    assert octet("verify")[0] == 0


def test_a_damaged_pin_keeps_its_artifact(situation):
    situation.store.marks.put("pinned", STAGE, KEY, {"by": "me"})
    path = situation.store.root / "marks/pinned/Freeze-{}.json".format(KEY)
    path.write_bytes(path.read_bytes()[:-30])
    octet("gc", "--delete", "--runs", "0")
    octet("verify")
    octet("gc", "--delete", "--runs", "0")
    assert situation.store.state(STAGE, KEY) == "intact"


@pytest.mark.parametrize("place", ["runs", "{run folder}", "{run}"])
def test_nothing_goes_while_a_runs_record_is_damaged(situation, place):
    path = situation.store.root / place.format_map({"run folder": os.path.dirname(situation.record),
                                                    "run": situation.record})
    path.rename(situation.folder / "away")
    path.symlink_to(situation.folder / "away")
    code, said = octet("gc", "--delete", "--runs", "0")
    assert code == 11 and "the record of a run is damaged" in said
    assert situation.store.state(STAGE, KEY) == "intact"


def test_a_file_in_the_middle_of_anything_deep_can_be_removed(situation):
    """Nested more deeply than Python's recursion limit, and than a path may be long."""
    handle = os.open(str(situation.store.root / "quarantine"), os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("inner", dir_fd=handle)
        below = os.open("inner", os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = below
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=handle))
    os.close(handle)
    assert octet("gc", "--quarantine")[0] == 0
    assert octet("gc", "--delete", "--quarantine")[0] == 0
    assert os.listdir(str(situation.store.root / "quarantine")) == []


def test_a_run_after_one_that_is_damaged_is_the_newest(situation):
    runs, recipe = Runs(situation.store.root), Path(json.loads(
        (situation.store.root / situation.record).read_text())["recipe"]["path"])
    first = next(runs.of(recipe))
    (situation.store.root / situation.record).write_bytes(DEEP)
    assert list(runs.of(recipe)) == []
    assert runs.begin(recipe, {name: value for name, value in first.items() if name != "number"})["number"] == 2
    assert [run["number"] for run in runs.of(recipe)] == [2]
