import os
import subprocess
import sys
import time

import numpy as np
import pytest

from octet import digest
from octet.data import content_digests


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("OCTET_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def settled(tmp_path, monkeypatch):
    """A file, and a clock for which the file was written a minute ago."""
    path = tmp_path / "file"
    path.write_bytes(b"one")
    now_ns = time.time_ns
    monkeypatch.setattr(digest.time, "time_ns", lambda: now_ns() + 60 * 10 ** 9)
    return str(path)


class Counted:
    def __init__(self):
        self.calls = 0

    def __call__(self, path):
        self.calls += 1
        return digest.of_file(path)


def test_digests_are_golden(tmp_path):
    (tmp_path / "f").write_bytes(b"abc")
    abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert digest.of_bytes(b"abc") == digest.of_file(str(tmp_path / "f")) == abc


def test_an_array_digest_sees_dtype_shape_and_values_but_not_strides():
    array = np.arange(6, dtype=np.int32).reshape(2, 3)
    same = content_digests.of_array(np.asfortranarray(array))
    others = [array.reshape(3, 2), array.view(np.uint32), array.astype(">i4"), array + 1, array[:0]]
    assert content_digests.of_array(array) == same
    assert len({same} | {content_digests.of_array(other) for other in others}) == 6
    with pytest.raises(TypeError):
        content_digests.of_array(np.array([None]))


def test_an_unchanged_file_is_hashed_once(settled):
    compute = Counted()
    assert digest.cached(settled, "a", compute) == digest.cached(settled, "a", compute)
    assert compute.calls == 1
    digest.cached(settled, "b", compute)
    assert compute.calls == 2


def test_same_size_and_restored_mtime_is_still_a_change(settled):
    before, stat = digest.cached(settled, "a", digest.of_file), os.stat(settled)
    time.sleep(0.02)
    with open(settled, "wb") as file:
        file.write(b"two")
    os.utime(settled, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert digest.cached(settled, "a", digest.of_file) != before


def test_a_file_written_within_two_seconds_is_not_remembered(tmp_path):
    path, compute = tmp_path / "file", Counted()
    path.write_bytes(b"one")
    digest.cached(str(path), "a", compute)
    digest.cached(str(path), "a", compute)
    assert compute.calls == 2


def test_a_block_may_hash_each_file_only_once(tmp_path):
    path, compute = tmp_path / "file", Counted()
    path.write_bytes(b"one")
    for once, calls in ((True, 1), (False, 3)):
        with digest.kept_open(once=once):
            assert digest.cached(str(path), "a", compute) == digest.cached(str(path), "a", compute)
            assert digest.cached_all([str(path)] * 2, "b", digest.of_file) == [digest.of_file(str(path))] * 2
        assert compute.calls == calls


def test_a_link_shares_the_entry_of_its_file(settled, tmp_path):
    compute = Counted()
    os.symlink(settled, str(tmp_path / "link"))
    digest.cached(settled, "a", compute)
    digest.cached(str(tmp_path / "link"), "a", compute)
    assert compute.calls == 1


def test_a_corrupt_cache_is_ignored_and_replaced(settled, tmp_path):
    compute = Counted()
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "digests.sqlite").write_bytes(b"not a database" * 1000)
    for _ in range(3):
        assert digest.cached(settled, "a", compute) == digest.of_bytes(b"one")
    assert compute.calls == 1


def test_a_cache_that_cannot_be_made_means_hashing_again(settled, tmp_path, monkeypatch):
    monkeypatch.setenv("OCTET_CACHE", os.path.join(settled, "below a file"))
    compute = Counted()
    for _ in range(2):
        digest.cached(settled, "a", compute)
    assert compute.calls == 2


def test_a_user_without_a_home_gets_no_folder_named_tilde(settled, tmp_path, monkeypatch):
    monkeypatch.delenv("OCTET_CACHE")
    monkeypatch.chdir(str(tmp_path))
    monkeypatch.setattr(digest.platformdirs, "user_cache_dir", lambda name: "~/.cache/" + name)
    assert digest.cached(settled, "a", digest.of_file) == digest.of_bytes(b"one")
    assert not (tmp_path / "~").exists()


def test_no_home_in_the_environment_works(tmp_path):
    (tmp_path / "f").write_bytes(b"abc")
    code = "from octet import digest; print(digest.cached({!r}, 'a', digest.of_file))"
    out = subprocess.check_output([sys.executable, "-c", code.format(str(tmp_path / "f"))],
                                  env={"XDG_CACHE_HOME": str(tmp_path), "PYTHONPATH": os.getcwd()})
    assert out.decode().strip() == digest.of_bytes(b"abc")


def test_a_missing_file_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        digest.cached(str(tmp_path / "none"), "a", digest.of_file)


HOLDER = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute(sys.argv[2])
print("held", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("lock", ["BEGIN EXCLUSIVE", "BEGIN IMMEDIATE"])
def test_a_cache_that_another_process_holds_is_waited_for_and_reported_once(settled, tmp_path, capfd, lock):
    digest.cached(settled, "before", digest.of_file)
    with subprocess.Popen([sys.executable, "-c", HOLDER, digest.cache_file(), lock], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        started = time.monotonic()
        with digest.kept_open():
            for number in range(10):
                assert digest.cached(settled, str(number), digest.of_file) == digest.of_bytes(b"one")
        for number in range(10):
            digest.cached(settled, str(number), digest.of_file)
        assert time.monotonic() - started < 2 * digest.LOCK_WAIT_S
        holder.stdin.close()
    assert capfd.readouterr().err == ("the digest cache {} is locked by another process: files are hashed without "
                                      "it\n".format(digest.cache_file()))


def test_a_fifo_in_place_of_the_cache_is_ignored(settled, tmp_path):
    (tmp_path / "cache").mkdir()
    os.mkfifo(str(tmp_path / "cache" / "digests.sqlite"))
    assert digest.cached(settled, "a", digest.of_file) == digest.of_bytes(b"one")


def test_what_is_no_regular_file_has_no_digest(tmp_path):
    os.mkfifo(str(tmp_path / "fifo"))
    for path in (str(tmp_path / "fifo"), "/dev/zero", str(tmp_path)):
        with pytest.raises(OSError):
            digest.of_file(path)
