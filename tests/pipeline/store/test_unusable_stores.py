"""Stores that cannot be read or written, that are on a full disk, or whose path is too long: an error with code 11;
everything else is still read."""

import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from octet.errors import StoreError
from pipeline.store.artifacts import Store
from tests.pipeline.faults import small_disk
from tests.pipeline.store.full_store import KEY, OTHER, PLACES, ROOT, STAGE, octet, publish

PROGRAM = "import sys; from pipeline.cli import main; sys.exit(main.main(sys.argv[1:]))"
PUBLISH = ("import sys; from pathlib import Path; from pipeline.store.artifacts import Store\n"
           "from octet.errors import OctetError\n"
           "from tests.pipeline.store.full_store import publish\n"
           "try: publish(Store(Path(sys.argv[1])), b'again')\n"
           "except OctetError as error: print(error); sys.exit(error.exit_code)\n")


def as_others(*command: str) -> "subprocess.CompletedProcess":
    """Runs the command without root's capability to ignore permissions."""
    if os.getuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("root cannot give its rights away here")
        without = "-dac_override,-dac_read_search,-fowner"
        command = ("setpriv", "--bounding-set", without, "--inh-caps", without) + command
    return subprocess.run(list(command), cwd=str(ROOT), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)


FORBIDDEN = ["", "artifacts", "artifacts/Freeze", PLACES["an artifact"], PLACES["a manifest"], PLACES["a product"],
             PLACES["a by-product"], "marks", "marks/pinned", PLACES["a pin"], "runs", "{run folder}", "{run}",
             "sources", "{source}", "locks", "logs", "quarantine"]


@pytest.mark.parametrize("place", FORBIDDEN)
def test_unreadable_entries_are_reported_and_left_in_place(situation, place):
    path = situation.store.root / place.format_map({
        "run folder": os.path.dirname(situation.record), "run": situation.record,
        "source": "sources/{}/{}".format(situation.source[:2], situation.source)})
    before = path.stat().st_mode
    path.chmod(0)
    try:
        done = as_others(sys.executable, "-c", PROGRAM, "verify")
        said = done.stdout.decode()
        readable = place in ("locks", "logs", "quarantine")  # nothing of these needs to be read, but they are reported
        assert done.returncode == 11 and "Permission denied" in said and "Traceback" not in said, said
        assert readable or place == "" or "artifacts read" in said
        done = as_others(sys.executable, "-c", PROGRAM, "gc", "--delete", "--runs", "0")
        assert done.returncode in (0, 11) and b"Traceback" not in done.stdout, done.stdout.decode()
    finally:
        if path.exists():
            path.chmod(before)


@pytest.mark.parametrize("place", ["", "artifacts", "artifacts/Freeze", "locks", "marks/forced", "logs"])
def test_a_store_that_may_not_be_written_is_a_store_error(situation, place):
    path = situation.store.root / place
    manifest_file = situation.store.root / PLACES["a manifest"]
    manifest_file.unlink()  # so that there is something to do
    path.mkdir(exist_ok=True)
    before = path.stat().st_mode
    path.chmod(0o555)
    try:
        done = as_others(sys.executable, "-c", PUBLISH, str(situation.store.root))
    finally:
        path.chmod(before)
    assert b"Traceback" not in done.stdout and done.returncode in (0, 11), done.stdout.decode()
    assert done.returncode == 0 or b"Permission denied" in done.stdout


def test_a_folder_that_others_can_write_to_is_reported(situation):
    assert "can be written" not in octet("verify")[1]
    for place in ("artifacts/Freeze", "marks"):
        (situation.store.root / place).chmod(0o777)
    code, said = octet("verify")
    assert code == 0
    assert "artifacts/Freeze: can be written by its group and every user" in said and "marks: can be written" in said


@pytest.mark.parametrize("length", [3700, 3900, 4050, 4200, 9000])
def test_a_path_that_is_too_long_is_a_store_error(tmp_path, length):
    root = str(tmp_path)
    while len(root) + 201 < length:
        root += "/" + "s" * 200
    root += "/" + "s" * (length - len(root) - 1)
    try:
        publish(Store(Path(root)))
    except StoreError as error:
        assert "too long" in error.what and "luigi.cfg" in error.next_step
    else:
        assert length < 3800


@pytest.mark.parametrize("root", ["a\0b", "s" * 300])
def test_a_root_that_is_no_path_is_a_store_error(tmp_path, root):
    with pytest.raises(StoreError) as caught:
        store = Store(tmp_path / root)
        store.state(STAGE, KEY)
        publish(store)
    assert caught.value.next_step and "\0" not in str(caught.value)


@contextlib.contextmanager
def full_disk(folder: Path, size_bytes: int):
    """A small file system without a free block, and `luigi.cfg` for a store on it."""
    with small_disk(folder, size_bytes) as mounted:
        if not mounted:
            pytest.skip("mounting is not allowed here: no small disk to fill")
        yield folder


def fill(folder: Path, name: str = "filling") -> None:
    with contextlib.suppress(OSError), open(str(folder / name), "ab", buffering=0) as out:
        while True:
            out.write(b"x" * 65536)
    with contextlib.suppress(OSError), open(str(folder / name), "ab", buffering=0) as out:
        while True:
            out.write(b"x")


@pytest.mark.parametrize("no_inodes", [False, True])
def test_gc_makes_space_on_a_disk_that_is_full_to_the_last_block(tmp_path, monkeypatch, no_inodes):
    with full_disk(tmp_path / "disk", 1 << 20) as disk:
        store = Store(disk / "store")
        publish(store, b"x" * 400000)
        (tmp_path / "luigi.cfg").write_text("[octet]\nstore = disk/store\nrecipes = .\n")
        monkeypatch.setenv("LUIGI_CONFIG_PATH", str(tmp_path / "luigi.cfg"))
        monkeypatch.setenv("OCTET_CACHE", str(disk / "cache"))
        fill(disk)
        if no_inodes:
            used = sum(len(folders) + len(files) for _, folders, files in os.walk(str(disk))) + 1
            subprocess.run(["mount", "-o", "remount,nr_inodes={}".format(used), str(disk)], check=False)
            with contextlib.suppress(OSError):
                for number in range(1000):
                    (disk / "empty{}".format(number)).touch()
        with pytest.raises(OSError):
            (disk / "more").write_bytes(b"x" * 4096)
        with pytest.raises(StoreError, match="No space left"):
            with store.lock(STAGE, OTHER):
                work = store.workspace(STAGE, OTHER)
                try:
                    (work / "frozen.pb").write_bytes(b"")
                    (work / "network.json").write_bytes(b"")
                    store.publish(work, STAGE, OTHER, {})
                finally:
                    store.discard(work)
        code, said = octet("gc", "--delete", "--runs", "0")
        assert code == 0 and "gone" in said, said
        assert store.state(STAGE, KEY) == "dropped" and store.status(STAGE, KEY).manifest["metrics"] == {"nodes": 3}
        assert sorted(os.listdir(str(store.artifact(STAGE, KEY)))) == ["dropped.json", "manifest.json"]
        assert shutil.disk_usage(str(disk)).free > 300000
        for name in os.listdir(str(disk)):
            if name.startswith(("empty", "filling")):
                (disk / name).unlink()
        subprocess.run(["mount", "-o", "remount,nr_inodes=9999", str(disk)], check=True)
        assert octet("verify")[0] == 0
        publish(store)
        assert store.state(STAGE, KEY) == "intact"


def test_a_mounted_file_system_is_not_emptied(situation):
    left = situation.store.root / PLACES["a leftover"]
    (left / "mounted").mkdir(parents=True)
    treasure = situation.canary / "inner" / "treasure"
    done = subprocess.run(["mount", "--bind", str(situation.canary), str(left / "mounted")], stderr=subprocess.DEVNULL)
    if done.returncode:
        pytest.skip("mounting is not allowed here")
    try:
        with pytest.raises(StoreError, match="a file system is mounted there"):
            situation.store.workspace(STAGE, KEY)
        octet("gc", "--delete")
        assert treasure.read_text() == "not ours: inner/treasure"
    finally:
        subprocess.run(["umount", str(left / "mounted")], check=True)
