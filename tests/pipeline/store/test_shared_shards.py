"""Shards that artifacts of PrepareData share: what `gc` frees, what `verify` reads, and what a kill leaves."""

import errno
import json
import os
import random
import shutil
import signal
import time

import pytest

from octet import digest
from pipeline.files.safe_tree import Folder
from pipeline.store.artifacts import Store
from pipeline.store.dropping import delete_files
from tests.pipeline.checkout import Checkout, damage, finish

TRAIN = "PrepareData.train"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A checkout whose shards have four rows. Its store has the training part before and after one picture was
    added."""
    checkout = Checkout(tmp_path_factory.mktemp("shards"))
    checkout.change(checkout.root / "octet/data/shards.py", "MOST_BYTES = 16 << 20", "MOST_BYTES = 4 * 4 * 4")
    for index in range(20):
        checkout.picture("photos/train/dog/more{}.png".format(index), 200 + index)
        checkout.picture("photos/validation/{}/{}.png".format("cat" if index < 2 else "dog", index), index)
    assert checkout.luigi(stage=TRAIN).code == 0
    checkout.before = checkout.artifact(TRAIN).name
    checkout.picture("photos/train/dog/new.png", 250)
    assert checkout.luigi(stage=TRAIN).code == 0
    shutil.copytree(str(checkout.mine), str(checkout.folder / "mine_kept"))
    return checkout


@pytest.fixture
def checkout(made, tmp_path):
    """The checkout with a copy of its store, in which the same files have two names, too."""
    store, inodes = tmp_path / "store", {}
    for path in sorted(made.store.rglob("*")):
        copy = store / path.relative_to(made.store)
        if path.is_dir():
            copy.mkdir(parents=True)
            continue
        first = inodes.setdefault(path.stat().st_ino, copy)
        if first is copy:
            shutil.copy2(str(path), str(copy))
        else:
            os.link(str(first), str(copy))
    kept = made.store
    made.use_store(store)
    yield made
    made.use_store(kept)
    shutil.rmtree(str(made.mine))
    shutil.copytree(str(made.folder / "mine_kept"), str(made.mine))


def _octet(checkout, *words, code=0):
    done = checkout.octet(*words)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def _manifests(checkout):
    return {key: json.loads((checkout.store / "artifacts" / TRAIN / key / "manifest.json").read_text())
            for stage, key in Store(checkout.store).list() if stage == TRAIN}


def _sizes(checkout):
    """{inode: bytes} of all files of the artifacts."""
    return {path.stat().st_ino: path.stat().st_size for path in (checkout.store / "artifacts").rglob("*")
            if path.is_file() and path.name != "dropped.json"}


def _shards(checkout, key):
    return {path.name: path for path in (checkout.store / "artifacts" / TRAIN / key / "shards").glob("*.npy")
            if path.name != "input_0.npy"}


def test_one_more_picture_is_decoded_and_the_other_shards_are_the_same_files(checkout):
    manifests = _manifests(checkout)
    old = manifests.pop(checkout.before)
    (key, new), = manifests.items()
    assert old["metrics"]["decoded"] == old["metrics"]["samples"] and old["metrics"]["reused"] == 0
    assert new["metrics"]["decoded"] == 1 and new["metrics"]["reused"] == old["metrics"]["samples"]
    assert new["metrics"]["samples"] == old["metrics"]["samples"] + 1
    before, after = _shards(checkout, checkout.before), _shards(checkout, key)
    shared = set(before) & set(after)
    assert len(after) - len(shared) == new["metrics"]["shards_written"] in (1, 2)
    assert all(before[name].stat().st_ino == after[name].stat().st_ino for name in shared)
    assert {output["path"] for output in new["outputs"] if not output["product"]} == {"shards/input_0.samples"}


def test_gc_counts_and_removes_what_no_artifact_lists_any_more(checkout):
    key, = set(_manifests(checkout)) - {checkout.before}
    content = {name: path.read_bytes() for name, path in _shards(checkout, key).items()}
    sizes = _sizes(checkout)
    would, = json.loads(_octet(checkout, "gc", "--runs", "0", "--json"))
    rows = json.loads(_octet(checkout, "gc", "--runs", "0", "--delete", "--json"))
    row, = rows
    assert (row["stage"], row["key"]) == (TRAIN, checkout.before) and row["bytes"] == would["bytes"]
    assert row["bytes"] == sum(sizes.values()) - sum(_sizes(checkout).values())
    assert {name: path.read_bytes() for name, path in _shards(checkout, key).items()} == content
    assert "0 damaged" in _octet(checkout, "verify")
    assert checkout.luigi(stage=TRAIN).made == []


def test_a_shard_goes_with_the_last_artifact_that_has_it(checkout):
    sizes = _sizes(checkout)
    for name in ("faces.yaml", "own.yaml"):  # so that nothing is fresh for them
        (checkout.mine / name).unlink()
    rows = json.loads(_octet(checkout, "gc", "--runs", "0", "--delete", "--json"))
    assert len(rows) == 2
    assert sum(row["bytes"] for row in rows) == sum(sizes.values()) - sum(_sizes(checkout).values())
    assert not list((checkout.store / "artifacts").rglob("*.npy"))


def test_verify_reads_a_shard_once(checkout, monkeypatch):
    read = []
    real = digest.of_open_file
    monkeypatch.setattr(digest, "of_open_file", lambda file: read.append(os.fstat(file.fileno()).st_ino) or real(file))
    store, known = Store(checkout.store), {}
    for stage, key in store.list():
        assert store.status(stage, key, hashed=True, read=known).state == "intact"
    assert len(read) == len(set(read)) == len(known)
    products = [output["path"] for manifest in _manifests(checkout).values() for output in manifest["outputs"]
                if output["product"]]
    assert len(read) < len(products)


def test_a_damaged_shard_is_damage_of_each_artifact_that_has_it_and_is_made_again(checkout):
    key, = set(_manifests(checkout)) - {checkout.before}
    shared = sorted(set(_shards(checkout, key)) & set(_shards(checkout, checkout.before)))[0]
    path = _shards(checkout, key)[shared]
    content = path.read_bytes()
    damage(path, content[:-1] + bytes([content[-1] ^ 1]))
    said = _octet(checkout, "verify", code=11)
    assert said.count("output shards/{} damaged: sha256 differs".format(shared)) == 2
    assert said.count("in quarantine") == 2
    run = checkout.luigi(stage=TRAIN)
    assert run.code == 0 and run.made == [TRAIN]
    assert _shards(checkout, key)[shared].read_bytes() == content
    assert _manifests(checkout)[key]["metrics"]["reused"] == 0


def test_a_damaged_shard_that_nobody_has_noticed_is_not_taken_by_a_later_artifact(checkout):
    key, = set(_manifests(checkout)) - {checkout.before}
    name = sorted(_shards(checkout, key))[0]
    content = _shards(checkout, key)[name].read_bytes()
    damage(_shards(checkout, key)[name], content[:-1] + bytes([content[-1] ^ 1]))
    checkout.picture("photos/train/cat/another.png", 251)
    assert checkout.luigi(stage=TRAIN).code == 0
    new, = set(_manifests(checkout)) - {checkout.before, key}
    assert _manifests(checkout)[new]["metrics"]["decoded"] > 1
    assert name not in _shards(checkout, new) or _shards(checkout, new)[name].read_bytes() == content


def test_what_is_made_again_by_force_takes_nothing(checkout):
    key, = set(_manifests(checkout)) - {checkout.before}
    _octet(checkout, "force", checkout.mine / "faces.yaml", TRAIN)
    assert checkout.luigi(stage=TRAIN).made == [TRAIN]
    assert _manifests(checkout)[key]["metrics"]["reused"] == 0


@pytest.mark.slow
def test_a_kill_at_any_moment_leaves_shards_that_are_whole(checkout):
    content = {path: path.read_bytes() for path in (checkout.store / "artifacts").rglob("*.npy")}
    canary = checkout.folder / "canary"
    canary.write_text("here")
    moments, whole_s = random.Random(4), 1.5
    for index in range(6):
        checkout.picture("photos/train/cat/killed{}.png".format(index), 100 + index)
        process = checkout.start(stage=TRAIN)
        time.sleep(moments.uniform(0.2, 1.0) * whole_s)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        started = time.monotonic()
        run = finish(checkout.start(stage=TRAIN))
        whole_s = time.monotonic() - started
        assert run.code == 0, run.said
        assert "0 damaged" in _octet(checkout, "verify")
    assert {path: path.read_bytes() for path in content} == content and canary.read_text() == "here"


def test_a_note_on_a_full_disk_empties_no_file_that_another_artifact_has(tmp_path, monkeypatch):
    artifact, other = tmp_path / "artifact", tmp_path / "other"
    artifact.mkdir()
    other.write_bytes(b"a shard")
    os.link(str(other), str(artifact / "a.npy"))
    (artifact / "manifest.json").write_text("{}")

    def full(self, name):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    monkeypatch.setattr(Folder, "create", full)
    with Folder.at(artifact) as folder:
        delete_files(folder, "nothing needed it")
    assert other.read_bytes() == b"a shard"
    assert sorted(os.listdir(str(artifact))) == ["dropped.json", "manifest.json"]
