import os
import subprocess
import sys
from pathlib import Path

import pytest

from octet.errors import StoreError
from pipeline.files.safe_tree import Folder
from pipeline.store import manifest, upkeep
from pipeline.store.artifacts import Store

STAGE, KEY = "Freeze", "ab" * 32
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def publish(store, content=b"graph", key=KEY):
    with store.lock(STAGE, key):
        work = store.workspace(STAGE, key)
        (work / "frozen.pb").write_bytes(content)
        (work / "network.json").write_text("{}")
        (work / "logs").mkdir()
        (work / "logs" / "events").write_text("by-product")
        return store.publish(work, STAGE, key, {"metrics": {"nodes": 3}, "inputs": {}})


def test_nothing_there_is_unknown(store):
    assert store.state(STAGE, KEY) == "unknown"
    assert store.list() == []


def test_a_published_artifact_is_intact_and_listed(store):
    folder = publish(store)
    assert folder == store.artifact(STAGE, KEY)
    assert store.state(STAGE, KEY) == "intact"
    assert store.list() == [(STAGE, KEY)]
    record, = store.manifests()
    assert record["stage"] == STAGE and record["key"] == KEY and record["metrics"] == {"nodes": 3}
    assert set(manifest.products(record)) == {"frozen.pb", "network.json"}
    assert "logs/events" in [output["path"] for output in record["outputs"]]


def test_its_files_are_not_writable(store):
    folder = publish(store)
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) == 4
    assert not any(path.stat().st_mode & 0o222 for path in files)


def truncate(folder):
    os.truncate(str(folder / "frozen.pb"), 2)


def empty(folder):
    os.truncate(str(folder / "frozen.pb"), 0)


def flip_a_byte_and_put_mtime_back(folder):
    path = folder / "frozen.pb"
    before = path.stat()
    path.chmod(0o644)
    path.write_bytes(b"grapH")
    os.utime(str(path), ns=(before.st_atime_ns, before.st_mtime_ns))
    path.chmod(0o444)
    assert path.stat().st_mtime_ns == before.st_mtime_ns


def replace_with_another_file_of_that_size_and_mtime(folder):
    path, other = folder / "frozen.pb", folder.parent / "other"
    other.write_bytes(b"grapH")
    before = path.stat()
    os.utime(str(other), ns=(before.st_atime_ns, before.st_mtime_ns))
    os.rename(str(other), str(path))


def delete_an_output(folder):
    (folder / "network.json").unlink()


def delete_the_manifest(folder):
    (folder / "manifest.json").unlink()


def cut_the_manifest(folder):
    os.truncate(str(folder / "manifest.json"), 30)


def put_a_folder_in_place_of_an_output(folder):
    (folder / "network.json").unlink()
    (folder / "network.json").mkdir()


def move_it_to_another_key(folder):
    (folder / "manifest.json").unlink()
    with Folder.at(folder) as opened:
        manifest.write(opened, {"stage": STAGE, "key": "cd" * 32, "outputs": []})


DAMAGES = [truncate, empty, flip_a_byte_and_put_mtime_back,
           replace_with_another_file_of_that_size_and_mtime, delete_an_output,
           delete_the_manifest, cut_the_manifest,
           put_a_folder_in_place_of_an_output, move_it_to_another_key]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_damage_is_seen_and_mended_by_publishing_again(store, damage):
    folder = publish(store)
    assert store.state(STAGE, KEY) == "intact"  # the digest is cached now
    damage(folder)
    assert store.state(STAGE, KEY) == "damaged"
    publish(store)
    assert store.state(STAGE, KEY) == "intact"
    quarantined, = (store.root / "quarantine").iterdir()
    assert quarantined.name.startswith("{}-{}".format(STAGE, KEY))


def test_a_lost_by_product_is_no_damage(store):
    folder = publish(store)
    (folder / "logs" / "events").unlink()
    assert store.state(STAGE, KEY) == "intact"


@pytest.mark.parametrize("damage, said", [
    (truncate, "output frozen.pb damaged: 2 bytes instead of 5"),
    (flip_a_byte_and_put_mtime_back, "output frozen.pb damaged: sha256 differs"),
    (delete_an_output, "output network.json missing"),
    (delete_the_manifest, "manifest.json missing"), (cut_the_manifest, "manifest.json damaged"),
    (move_it_to_another_key, "manifest.json is that of Freeze cdcdcdcdcdcd")])
def test_damage_is_described(store, damage, said):
    damage(publish(store))
    assert store.status(STAGE, KEY).damage == (said,)


def test_a_dropped_artifact_keeps_its_manifest_and_can_be_made_again(store):
    folder = publish(store)
    store.drop(STAGE, KEY, "to free space")
    status = store.status(STAGE, KEY)
    assert status.state == "dropped" and status.manifest["metrics"] == {"nodes": 3}
    assert sorted(path.name for path in folder.iterdir()) == ["dropped.json", "manifest.json"]
    publish(store)
    assert store.state(STAGE, KEY) == "intact"


def test_a_drop_that_was_cut_short_is_a_drop(store):
    folder = publish(store)
    store.drop(STAGE, KEY, "")
    (folder / "frozen.pb").write_bytes(b"gr")
    assert store.state(STAGE, KEY) == "dropped"


def test_a_forced_artifact_is_replaced_and_then_intact(store):
    publish(store)
    store.marks.put("forced", STAGE, KEY, {"by": "me"})
    assert store.state(STAGE, KEY) == "forced"
    folder = publish(store, b"other")
    assert store.state(STAGE, KEY) == "intact" and (folder / "frozen.pb").read_bytes() == b"other"
    assert len(list(store.manifests())) == 2  # the replaced artifact can still be traced


def test_statuses_of_many_artifacts_equal_single_statuses(store):
    keys = [digit * 64 for digit in "0123"]
    folders = [publish(store, key=key) for key in keys]
    flip_a_byte_and_put_mtime_back(folders[1])
    store.drop(STAGE, keys[2], "")
    wanted = [(STAGE, key) for key in keys] + [(STAGE, "9" * 64)]
    assert store.statuses(wanted) == {pair: store.status(*pair) for pair in wanted}
    assert [status.state for status in store.statuses(wanted).values()] == [
        "intact", "damaged", "dropped", "intact", "unknown"]


def test_damage_is_seen_when_the_digest_is_cached(store, tmp_path, monkeypatch):
    from octet import digest
    monkeypatch.setenv("OCTET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(digest, "RACY_NS", 0)
    folder = publish(store)
    for _ in range(2):
        assert store.state(STAGE, KEY) == "intact"
    monkeypatch.setattr(digest, "of_open_file", lambda file: pytest.fail("hashed again"))
    assert store.state(STAGE, KEY) == "intact"
    monkeypatch.undo()
    monkeypatch.setenv("OCTET_CACHE", str(tmp_path / "cache"))
    flip_a_byte_and_put_mtime_back(folder)
    assert store.state(STAGE, KEY) == "damaged"


def test_an_intact_artifact_is_never_replaced(store):
    publish(store)
    folder = publish(store, b"other")
    assert (folder / "frozen.pb").read_bytes() == b"graph"
    assert [path.name for path in folder.parent.iterdir()] == [KEY]


def test_leftovers_of_a_killed_run_are_swept_and_others_are_not(store):
    left, other = store.workspace(STAGE, KEY), store.workspace(STAGE, "cd" * 32)
    (left / "half").write_text("...")
    fresh = store.workspace(STAGE, KEY)
    assert not left.exists() and other.exists() and list(fresh.iterdir()) == []
    assert store.list() == [] and store.state(STAGE, KEY) == "unknown"


def test_sweep_removes_what_nobody_works_in(store):
    with store.lock(STAGE, KEY):
        at_work, left = store.workspace(STAGE, KEY), store.workspace(STAGE, "cd" * 32)
        assert upkeep.remove_left_workspaces(store) == [left]
    assert at_work.exists() and not left.exists()


def test_readers_share_a_lock_that_no_maker_gets_meanwhile(store):
    with store.lock(STAGE, KEY, shared=True), store.lock(STAGE, KEY, shared=True):
        with pytest.raises(TimeoutError):
            store.lock(STAGE, KEY).acquire(timeout=0.1)
    with store.lock(STAGE, KEY).acquire(timeout=1):
        with pytest.raises(TimeoutError):
            store.lock(STAGE, KEY, shared=True).acquire(timeout=0.1)


def test_on_wait_is_called_once(store):
    told = []
    with store.lock(STAGE, KEY, on_wait=lambda: told.append("never")):
        with pytest.raises(TimeoutError):
            store.lock(STAGE, KEY, on_wait=lambda: told.append("waiting")).acquire(timeout=0.2)
    assert told == ["waiting"]


def test_a_missing_product_is_not_published(store):
    work = store.workspace(STAGE, KEY)
    (work / "frozen.pb").write_bytes(b"graph")
    with pytest.raises(StoreError, match="network.json"):
        store.publish(work, STAGE, KEY, {})
    assert store.state(STAGE, KEY) == "unknown"


def test_the_lock_of_a_killed_process_is_free(store):
    code = ("import sys; from pathlib import Path; from pipeline.store.artifacts import Store\n"
            "lock = Store(Path(sys.argv[1])).lock('Freeze', 'k')\n"
            "lock.acquire(); print('held', flush=True)\n"
            "sys.stdin.read()")
    process = subprocess.Popen([sys.executable, "-c", code, str(store.root)], cwd=str(ROOT),
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(TimeoutError):
            store.lock("Freeze", "k").acquire(timeout=0.2)
    finally:
        process.kill()
        process.communicate()
    with store.lock("Freeze", "k").acquire(timeout=5):
        pass


def test_a_root_that_cannot_be_a_folder_is_a_store_error(tmp_path):
    (tmp_path / "file").write_text("")
    store = Store(tmp_path / "file")
    for call in (store.workspace, lambda stage, key: store.lock(stage, key).acquire()):
        with pytest.raises(StoreError) as caught:
            call(STAGE, KEY)
        assert all((caught.value.what, caught.value.where, caught.value.why,
                    caught.value.next_step))


def test_a_full_disk_is_a_store_error_and_publishes_nothing(store):
    """The child is real; its limit on file sizes is smaller than the manifest."""
    code = ("import resource, signal, sys; from pathlib import Path\n"
            "from pipeline.store.artifacts import Store; from octet.errors import StoreError\n"
            "store = Store(Path(sys.argv[1])); work = store.workspace('Freeze', 'k')\n"
            "[(work / n).write_text('x') for n in ('frozen.pb', 'network.json')]\n"
            "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))\n"
            "try: store.publish(work, 'Freeze', 'k', {})\n"
            "except StoreError as error: print(error)\n"
            "print(store.state('Freeze', 'k'))")
    said = subprocess.run([sys.executable, "-c", code, str(store.root)], cwd=str(ROOT),
                          stdout=subprocess.PIPE, check=True).stdout.decode()
    assert "cannot publish an artifact: File too large" in said
    assert said.splitlines()[-1] == "unknown"
