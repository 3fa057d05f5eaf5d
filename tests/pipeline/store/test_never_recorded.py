"""What must never be recorded: results of other code or data than the key states. Also a store that cannot be written
to, and a clock that was set back."""

import os
import re
import shutil
import subprocess
import time

import pytest

from pipeline.stage_specs import upward
from pipeline.store import manifest
from tests.pipeline.checkout import Checkout, finish
from tests.pipeline.scheduling.test_concurrent_runs import child_of, luigid
from tests.pipeline.scheduling.test_run_scheduler import ask

ALL = list(upward("ValidateInterpreter"))
PREPARED, FLOAT = ALL[:4], ALL[4:]
SLOW_DATA = """\
import time
from octet.datasets import image_folder

def load(sleep_s, **args):
    found = image_folder.load(**args)
    time.sleep(sleep_s)
    return found

def digest(part, sleep_s, **args):
    return image_folder.digest(part, **args)
"""


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path)


def made(checkout):
    folder = checkout.store / "artifacts"
    return sorted(path.parent.name for path in folder.glob("*/*") if not path.name.startswith("."))


def test_an_import_whose_name_was_computed_is_an_error_that_names_it(checkout):
    (checkout.root / "tasks/training/hidden.py").write_text("X = 1\n")
    checkout.change(checkout.root / "tasks/training/loop.py", "def steps():", (
        "def steps():\n    import importlib\n"
        "    importlib.import_module('tasks.training.' + 'hid' + 'den')"))
    run = checkout.luigi()
    assert run.code == 14 and "'tasks.training.hidden' is not visible in the stage's source" in run.said
    assert "Traceback" not in run.said and made(checkout) == sorted(PREPARED)
    checkout.change(checkout.root / "tasks/training/loop.py", "import importlib\n",
                 "import importlib\n    from tasks.training import hidden\n")
    assert checkout.luigi().code == 0


def test_a_users_own_module_is_not_missed_either(checkout):
    checkout.put("nets/extra.py", "X = 1\n")
    checkout.change(checkout.mine / "nets/net.py", "    blocks.wait",
                    "    __import__('nets.' + 'extra')\n    blocks.wait")
    run = checkout.luigi()
    assert run.code == 14 and "nets.extra" in run.said and made(checkout) == sorted(PREPARED)


def reading_slowly(checkout, *words):
    """Starts a run that makes PrepareData.train, and calls the function while it reads the data."""
    checkout.put("slow.py", SLOW_DATA)
    checkout.change(checkout.mine / "faces.yaml", "dataset: image_folder, args: {",
                    "dataset: ./slow.py, args: {sleep_s: 2, ")
    run = checkout.start(*words, stage="PrepareData.train")
    child_of(run, "PrepareData.train")
    return run


def test_a_recipe_that_was_edited_beside_the_data_is_not_made_by_the_run_that_begins_again(checkout):
    going_on = reading_slowly(checkout)
    checkout.change(checkout.mine / "faces.yaml", "width: 8", "width: 9")
    checkout.picture("photos/train/cat/0.png", 222)
    run = finish(going_on)
    assert run.code == 3 and "the recipe or its source has been edited, too" in run.said, run.said
    assert run.made == ["PrepareData.train"] and made(checkout) == []


def test_data_that_changes_while_it_is_read_is_read_again_with_a_new_snapshot(checkout):
    going_on = reading_slowly(checkout)
    checkout.picture("photos/train/cat/0.png", 222)
    run = finish(going_on)
    assert run.code == 0 and run.made == ["PrepareData.train"] * 2, run.said
    assert run.said.index("the data changed while it was read") < run.said.index("the run begins again, once")
    assert made(checkout) == ["PrepareData.train"] and checkout.luigi(stage="PrepareData.train").made == []
    records = [manifest.unsealed(path.read_bytes()) for path in sorted(checkout.store.glob("runs/*/*.json"))]
    assert [record["exit"] for record in records] == [4, 0]


def test_the_schedulers_page_shows_the_run_that_began_again_and_no_failure(checkout):
    with luigid(checkout) as (_, option):
        going_on = reading_slowly(checkout, option)
        checkout.picture("photos/train/cat/0.png", 222)
        assert finish(going_on).code == 0
        shown = {status: list(ask(option, "task_list", status=status, upstream_status=""))
                 for status in ("FAILED", "PENDING", "RUNNING", "DONE")}
    assert [status for status, tasks in shown.items() if tasks] == ["DONE"] and len(shown["DONE"]) == 1, shown


def test_a_run_of_a_named_snapshot_does_not_begin_again_from_another(checkout):
    checkout.put("slow.py", SLOW_DATA)
    checkout.change(checkout.mine / "faces.yaml", "dataset: image_folder, args: {",
                    "dataset: ./slow.py, args: {sleep_s: 2, ")
    refused = checkout.luigi("--snapshot", "0" * 16, stage="PrepareData.train")
    name, = re.findall(r"was asked for, there is (\w+)", refused.said)
    going_on = checkout.start("--snapshot", name, stage="PrepareData.train")
    child_of(going_on, "PrepareData.train")
    checkout.picture("photos/train/cat/0.png", 222)
    run = finish(going_on)
    assert run.code == 4 and run.made == ["PrepareData.train"] and made(checkout) == [], run.said
    assert "the data changed while it was read" in run.said and "begins again" not in run.said
    assert "no longer what was asked for" not in run.said and "without --snapshot" in run.said
    assert checkout.luigi(stage="PrepareData.train").code == 0


def test_data_that_is_never_at_rest_ends_the_run(checkout):
    checkout.put("slow.py", SLOW_DATA.replace("    time.sleep(sleep_s)\n", (
        "    open(args['path'] + '/x', 'w').write(str(time.time()))\n")))
    checkout.change(checkout.mine / "faces.yaml", "dataset: image_folder, args: {",
                    "dataset: ./slow.py, args: {sleep_s: 2, ")
    run = checkout.luigi(stage="PrepareData.train")
    assert run.code == 4 and run.made == ["PrepareData.train"] * 2 and made(checkout) == []
    assert run.said.count("the data changed while it was read") == 2 and "Traceback" not in run.said


def test_a_digest_that_the_cache_has_wrong_is_found_by_reading(checkout, monkeypatch):
    """A write through a memory map may leave inode, size and times unchanged."""
    from octet import digest
    monkeypatch.setenv("OCTET_CACHE", checkout.environment["OCTET_CACHE"])
    monkeypatch.setattr(digest, "RACY_NS", 0)
    picture = str(checkout.mine / "photos/train/cat/0.png")
    digest.cached(picture, "file", lambda path: "f" * 64)
    run = checkout.luigi(stage="PrepareData.test")
    assert run.code == 0 and run.made == ["PrepareData.train"] * 2 + ["PrepareData.test"]
    assert "{}  the data changed while it was read".format(picture) in run.said
    assert checkout.luigi(stage="PrepareData.test").made == []


def test_a_picture_that_is_being_written_is_no_damaged_picture(checkout):
    """The picture cannot be decoded while it is written, but can when the run begins again."""
    for name in ("cat", "dog"):  # a separate part, so that no training pictures are drawn for it
        checkout.picture("photos/validation/{}/0.png".format(name), 3)
    checkout.change(checkout.root / "tasks/stages/prepare_data.py", "        dataset = data_source.load(job, learnt=", (
        "        from pathlib import Path\n        path = Path({!r})\n"
        "        other = (path.parent.parent / 'dog' / '0.png').read_bytes()\n"
        "        try:\n"
        "            path.write_bytes(path.read_bytes() if path.read_bytes() == other else other[:20])\n"
        "            data_source.load(job, learnt=learnt)\n"
        "        finally:\n            path.write_bytes(other)\n"
        "        dataset = data_source.load(job, learnt=").format(str(checkout.mine / "photos/train/cat/0.png")))
    run = checkout.luigi(stage="PrepareData.train")
    assert run.code == 0 and run.made == ["PrepareData.train"] * 2, run.said
    assert "not a readable picture" in run.said and "the data has changed since its snapshot was taken" in run.said


def test_data_that_changes_while_a_network_is_trained_is_for_the_next_run(checkout):
    assert checkout.luigi(stage="PrepareData.validation").code == 0
    checkout.change(checkout.mine / "faces.yaml", "width: 8", "width: 8, sleep_s: 2")
    going_on = checkout.start(stage="TrainQAT")
    child_of(going_on)
    checkout.picture("photos/train/cat/0.png", 222)
    run = finish(going_on)
    assert run.code == 0 and run.made == ["TrainFloat", "TrainQAT"]
    assert checkout.luigi(stage="TrainQAT").made == ["PrepareData.train", "TrainFloat", "TrainQAT"]


def test_a_stage_reads_no_part_that_is_not_in_its_key(checkout):
    checkout.change(checkout.root / "tasks/stages/train_float.py",
                 'bytes_of.part(dataset, "train")', 'bytes_of.part(dataset, "test")')
    run = checkout.luigi()
    assert run.code == 1 and "KeyError: 'test'" in run.said and "Traceback" not in run.said
    assert made(checkout) == sorted(PREPARED)


def test_a_recipe_edited_during_a_run_changes_the_next_run_only(checkout):
    checkout.change(checkout.mine / "faces.yaml", "width: 8", "width: 8, sleep_s: 2")
    going_on = checkout.start()
    child_of(going_on)
    checkout.change(checkout.mine / "faces.yaml", "quantize: {epochs: 1}", "quantize: {epochs: 2}")
    assert finish(going_on).code == 0
    assert checkout.luigi().made == FLOAT[1:]


def test_two_empty_stores_get_the_same_manifested_bytes(checkout, tmp_path):
    def products():
        from pipeline.store.artifacts import Store
        return {record["stage"]: (record["key"], manifest.products(record))
                for record in Store(checkout.store).manifests()}
    assert checkout.luigi().code == 0
    first = products()
    checkout.use_store(tmp_path / "another")
    assert checkout.luigi().code == 0
    assert products() == first and len(first) == len(ALL)


def test_a_store_that_cannot_be_written_to_serves_what_it_has(checkout):
    assert checkout.luigi().code == 0
    if not _mount("--bind", checkout.store, checkout.store) or not _mount("-o", "remount,bind,ro", checkout.store):
        pytest.skip("mounting is not allowed here: no read-only file system to be had")
    try:
        run = checkout.luigi()
        assert (run.code, run.made) == (0, [])
        for verb in ("ls", "verify", "gc"):
            assert checkout.octet(verb).returncode == 0
        checkout.change(checkout.mine / "faces.yaml", "train: {epochs: 1}", "train: {epochs: 2}")
        run = checkout.luigi()
        assert run.code == 11 and "Read-only file system" in run.said and "Traceback" not in run.said
    finally:
        subprocess.run(["umount", str(checkout.store)], check=True)
    assert checkout.luigi().made == FLOAT


def _mount(*words):
    return shutil.which("mount") and subprocess.run(
        ["mount"] + [str(word) for word in words], stderr=subprocess.DEVNULL).returncode == 0


def test_a_clock_set_back_hides_no_edit_and_no_run(checkout):
    assert checkout.luigi().code == 0
    checkout.change(checkout.mine / "faces.yaml", "train: {epochs: 1}", "train: {epochs: 2}")
    early = time.time() - 400 * 86400
    for path in [checkout.mine / "faces.yaml", checkout.mine / "photos/test/cat/0.png"]:
        os.utime(str(path), (early, early))
    run = checkout.luigi()
    assert run.made == FLOAT
    # The newest run is the one with the highest number, independently of the clock.
    newest = max((checkout.store / "runs").glob("faces-*/*.json"))
    record = manifest.unsealed(newest.read_bytes())
    newest.write_bytes(manifest.sealed(dict(record, started="1999-01-01T00:00:00Z",
                                            finished="1999-01-01T00:00:09Z")))
    checkout.change(checkout.mine / "faces.yaml", "train: {epochs: 2}", "train: {epochs: 3}")
    assert checkout.why()["TrainFloat"] == ["stale", "train.epochs 2 -> 3"]


def test_the_first_file_of_a_stage_is_not_taken_from_pythons_cache(tmp_path):
    checkout = Checkout(tmp_path)
    assert checkout.luigi().code == 0
    path = checkout.root / "tasks" / "__main__.py"
    before = path.stat()
    checkout.change(path, "file_guard, loaded_sources,", "file_guard, loaded_sourcex,")  # there is no such module
    os.utime(str(path), ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    assert checkout.luigi().code == 13


def test_data_written_to_and_put_back_before_it_is_read_is_what_the_key_says(checkout):
    """The bytes that are read are compared, not the time at which the file was written."""
    picture = checkout.mine / "photos/train/cat/0.png"
    checkout.change(checkout.root / "tasks/stages/prepare_data.py", "    before = data_source.stamp(", (
        "    from pathlib import Path\n    path = Path({!r})\n    content = path.read_bytes()\n"
        "    path.write_bytes(b'')\n    path.write_bytes(content)\n"
        "    before = data_source.stamp(").format(str(picture)))
    run = checkout.luigi(stage="PrepareData.train")
    assert run.code == 0 and run.made == made(checkout) == ["PrepareData.train"]
