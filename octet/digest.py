"""sha256 of bytes and files, and a cache that spares hashing a file that has not changed."""

import hashlib
import os
import sqlite3
import sys
import time
from contextlib import closing, contextmanager
from typing import BinaryIO, Callable, Iterable, Iterator, List, Optional, Tuple

import platformdirs

from octet import regular_file

RACY_NS = 2 * 10 ** 9  # a file can change twice within one tick of a coarse clock (FAT: 2 s)
CHUNK_BYTES = 1 << 20

HELD_S = 1.0  # how long a cache that another process holds is waited for, once

_held = None  # type: Optional[sqlite3.Connection]
_unusable = None  # type: Optional[str]


def of_bytes(content: bytes) -> str:
    """The sha256 of `content`, as 64 hex digits."""
    return hashlib.sha256(content).hexdigest()


def of_file(path: str) -> str:
    """The sha256 of a file's bytes, as sha256sum prints it. Raises OSError, for what is no regular
    file, too."""
    with regular_file.opened(path) as file:
        return of_open_file(file)


def of_open_file(file: BinaryIO) -> str:
    """The sha256 of the bytes from here to the end of an open file. Raises OSError."""
    hasher = hashlib.sha256()
    for chunk in iter(lambda: file.read(CHUNK_BYTES), b""):
        hasher.update(chunk)
    return hasher.hexdigest()


def cached(path: str, purpose: str, compute: Callable[[str], str]) -> str:
    """`compute(path)`, remembered until the file's inode, size, mtime or ctime changes.

    `purpose` tells apart several digests of one file, and names what else they depend on.
    A cache that is broken or cannot be written is done without; one that another process holds is, too, from the
    first wait on, and that is said once.
    Raises OSError when the file cannot be read, and whatever `compute` raises.
    """
    return cached_all([path], purpose, compute)[0]


def cached_all(paths: Iterable[str], purpose: str, compute: Callable[[str], str]) -> List[str]:
    """`cached` for many files, in order, with the cache opened once to read and once to write."""
    keys = [(os.fsencode(path), purpose) for path in _real_paths(paths)]
    known = _recall(keys) if keys else {}
    digests, fresh = [], []
    for key in keys:
        path = os.fsdecode(key[0])
        before = stamp(path)
        known_stamp, digest = known.get(key, (None, None))
        if known_stamp != before:
            started_ns = time.time_ns()
            digest = compute(path)
            if stamp(path) == before and started_ns - max(before[2:]) > RACY_NS:
                fresh.append(key + before + (digest,))
        digests.append(digest)
    if fresh:
        _remember(fresh)
    return digests


def cache_file() -> Optional[str]:
    """Where the cache is: in $OCTET_CACHE or the user's cache folder; None for a homeless user."""
    folder = os.environ.get("OCTET_CACHE")
    folder = os.path.abspath(folder) if folder else platformdirs.user_cache_dir("octet")
    # Without HOME and without a passwd entry, "~" stays as it is: that would be a folder named "~".
    return os.path.join(folder, "digests.sqlite") if os.path.isabs(folder) else None


def _real_paths(paths: Iterable[str]) -> List[str]:
    """realpath of each, the folders that many files share resolved once."""
    folders = {}
    real = []
    for path in paths:
        folder, name = os.path.split(path)
        if os.path.islink(path) or name in ("", ".", ".."):
            real.append(os.path.realpath(path))
            continue
        if folder not in folders:
            folders[folder] = os.path.realpath(folder)
        real.append(os.path.join(folders[folder], name))
    return real


@contextmanager
def kept_open() -> Iterator[None]:
    """Inside the block the cache is opened once, for whoever asks thousands of times. Not to be
    held over a fork."""
    global _held
    before = _held
    try:
        _held = before or _open()
    except (OSError, sqlite3.Error) as error:
        _held = None
        _give_up(error)
    try:
        yield
    finally:
        if _held is not None and _held is not before:
            _held.close()
        _held = before


def stamp(path: str) -> Tuple[int, int, int, int]:
    """(inode, size, mtime, ctime): another content of the file has another. Raises OSError."""
    stat = os.stat(path)
    return stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


def _recall(keys) -> dict:
    def select(database):
        found = {}
        for key in keys:
            row = database.execute("SELECT inode, size, mtime_ns, ctime_ns, digest FROM digests "
                                   "WHERE path = ? AND purpose = ?", key).fetchone()
            if row is not None:
                found[key] = row[:4], row[4]
        return found
    return _with_cache(select) or {}


def _remember(rows) -> None:
    def insert(database):
        database.executemany("INSERT OR REPLACE INTO digests VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    _with_cache(insert)


def _with_cache(work):
    """What `work` makes of the open cache, or None when there is no usable cache."""
    try:
        if _unusable is not None and _unusable == cache_file():
            return None
        if _held is not None:
            with _held:
                return work(_held)
        opened = _open()
        if opened is None:
            return None
        with closing(opened) as database, database:
            return work(database)
    except (OSError, OverflowError, sqlite3.Error) as error:
        if type(error) is sqlite3.DatabaseError:  # not a database, or a damaged one
            _discard(cache_file())
        _give_up(error)
        return None


def _give_up(error: Exception) -> None:
    """Has the cache done without from now on where another process holds it: each look would wait for that anew."""
    global _unusable
    path = cache_file()
    if isinstance(error, sqlite3.OperationalError) and "locked" in str(error) and _unusable != path:
        _unusable = path
        _say("the digest cache {} is held by another process: files are hashed without it".format(path))


def _say(text: str) -> None:
    try:
        print(text, file=sys.stderr, flush=True)
    except (OSError, ValueError):
        pass  # nobody reads it, which is no reason to end the work


def _open() -> Optional[sqlite3.Connection]:
    """The cache, with its table; None where there can be none. Raises OSError, sqlite3.Error."""
    path = cache_file()
    if path is None or path == _unusable or regular_file.kind(path):  # SQLite would wait for a fifo for ever
        return None
    os.makedirs(os.path.dirname(path), exist_ok=True)
    database = sqlite3.connect(path, timeout=HELD_S)
    try:
        database.execute("PRAGMA synchronous = OFF")  # a lost entry is only hashed again
        database.execute("CREATE TABLE IF NOT EXISTS digests (path BLOB, purpose TEXT, "
                         "inode INTEGER, size INTEGER, mtime_ns INTEGER, ctime_ns INTEGER, "
                         "digest TEXT, PRIMARY KEY (path, purpose))")
    except BaseException:
        database.close()
        raise
    return database


def _discard(path: str) -> None:
    try:
        os.remove(path)
    except OSError:
        pass  # then each call hashes again
