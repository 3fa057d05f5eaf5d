"""The sha256 of bytes and files, and a cache of the sha256 of unchanged files."""

import hashlib
import itertools
import os
import sqlite3
import sys
import time
from contextlib import closing, contextmanager
from typing import Any, BinaryIO, Callable, Dict, Iterable, Iterator, List, Optional, Tuple, TypeVar

import platformdirs

from octet import regular_file

RACY_NS = 2 * 10 ** 9  # a file can change twice within one tick of a coarse clock (FAT: 2 s)
CHUNK_BYTES = 1 << 20
AT_ONCE = 4096  # files in one look-up, which takes half a kB of memory for each

LOCK_WAIT_S = 1.0  # longest wait for a cache that another process has locked

Stamp = Tuple[int, int, int, int]
"""(inode, size in bytes, mtime in ns, ctime in ns) of a file."""
_Key = Tuple[bytes, str]
_Result = TypeVar("_Result")

_is_kept_open = False
_held = None  # type: Optional[sqlite3.Connection]
_unusable = None  # type: Optional[str]
_moment = None  # type: Optional[Dict[_Key, str]]


def of_bytes(content: bytes) -> str:
    """The sha256 of `content`, as 64 hex digits."""
    return hashlib.sha256(content).hexdigest()


def of_file(path: str) -> str:
    """The sha256 of a file's bytes, as sha256sum prints it. Raises OSError, also for anything but a regular file."""
    with regular_file.opened(path) as file:
        return of_open_file(file)


def of_open_file(file: BinaryIO) -> str:
    """The sha256 of the bytes from the current position to the end of an open file. Raises OSError."""
    hasher = hashlib.sha256()
    for chunk in iter(lambda: file.read(CHUNK_BYTES), b""):
        hasher.update(chunk)
    return hasher.hexdigest()


def cached(path: str, purpose: str, compute: Callable[[str], str]) -> str:
    """`compute(path)`, from the cache until the file's inode, size, mtime or ctime changes.

    purpose: identifies the computation, and everything but the file that its result depends on.
    A damaged or read-only cache is ignored. After the first wait for a cache that another process has locked, it is
    ignored too, with one message on stderr.
    Raises OSError if the file cannot be read, and whatever `compute` raises.
    """
    return cached_all([path], purpose, compute)[0]


def cached_all(paths: Iterable[str], purpose: str, compute: Callable[[str], str]) -> List[str]:
    """`cached` for many files, in their order. AT_ONCE of them are looked up at a time."""
    found, rest = [], iter(paths)  # type: List[str], Iterator[str]
    for some in iter(lambda: list(itertools.islice(rest, AT_ONCE)), []):
        found += _cached_of(some, purpose, compute)
    return found


def _cached_of(paths: List[str], purpose: str, compute: Callable[[str], str]) -> List[str]:
    keys = [(os.fsencode(path), purpose) for path in _real_paths(paths)]
    if _moment is None:
        return _cached(keys, compute)
    new = [key for key in dict.fromkeys(keys) if key not in _moment]
    _moment.update(zip(new, _cached(new, compute)))
    return [_moment[key] for key in keys]


def _cached(keys: List[_Key], compute: Callable[[str], str]) -> List[str]:
    known = _recall(keys) if keys else {}
    digests: List[str] = []
    fresh: List[Tuple[Any, ...]] = []
    for key in keys:
        path = os.fsdecode(key[0])
        before = stamp(path)
        known_stamp, digest = known.get(key, (None, ""))
        if known_stamp != before:
            started_ns = time.time_ns()
            digest = compute(path)
            if stamp(path) == before and started_ns - max(before[2:]) > RACY_NS:
                fresh.append(key + before + (digest,))
        digests.append(digest)
    if fresh:
        _remember(fresh)
    return digests


def forget_others(read: Dict[str, str]) -> List[str]:
    """Drops cached results of these files that are not the sha256 of the bytes that were read, and results for purposes
    other than 'file'. Returns the paths of the files with a dropped result.

    read: {path: the sha256 of the bytes that were read}."""
    path_of = dict(zip(_real_paths(read), read))

    def delete(database: sqlite3.Connection) -> List[str]:
        dropped = []
        for real, path in path_of.items():
            count = database.execute(
                "DELETE FROM digests WHERE path = ? AND (purpose <> 'file' OR digest <> ?)",
                (os.fsencode(real), read[path])).rowcount
            dropped += [path] if count else []
        return dropped
    return _with_cache(delete) or []


def cache_file() -> Optional[str]:
    """The cache's path, in $OCTET_CACHE or in the user's cache folder; None for a user without a home folder."""
    folder = os.environ.get("OCTET_CACHE")
    folder = os.path.abspath(folder) if folder else platformdirs.user_cache_dir("octet")
    # Without HOME and a passwd entry, "~" is not expanded: the path would be that of a folder named "~".
    return os.path.join(folder, "digests.sqlite") if os.path.isabs(folder) else None


def _real_paths(paths: Iterable[str]) -> List[str]:
    """The realpath of each path. Each folder is resolved only once."""
    folders: Dict[str, str] = {}
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
def kept_open(once: bool = False) -> Iterator[None]:
    """Keeps the cache open during the block, from the first look-up on. once: in the block, each file is examined only
    once for each purpose. The block must not fork."""
    global _is_kept_open, _held, _moment
    is_outermost, outer = not _is_kept_open, _moment
    _is_kept_open = True
    _moment = {} if once and outer is None else outer
    try:
        yield
    finally:
        _moment = outer
        if is_outermost:
            _is_kept_open = False
            if _held is not None:
                _held.close()
            _held = None


def stamp(path: str) -> Stamp:
    """The file's stamp, which every write to the file changes. Raises OSError."""
    stat = os.stat(path)
    return stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


def _recall(keys: List[_Key]) -> Dict[_Key, Tuple[Any, str]]:
    """{key: (stamp, result)} of the keys that are in the cache."""
    def select(database: sqlite3.Connection) -> Dict[_Key, Tuple[Any, str]]:
        entries: Dict[_Key, Tuple[Any, str]] = {}
        for key in keys:
            row = database.execute("SELECT inode, size, mtime_ns, ctime_ns, digest FROM digests "
                                   "WHERE path = ? AND purpose = ?", key).fetchone()
            if row is not None:
                entries[key] = row[:4], row[4]
        return entries
    return _with_cache(select) or {}


def _remember(rows: List[Tuple[Any, ...]]) -> None:
    def insert(database: sqlite3.Connection) -> None:
        database.executemany("INSERT OR REPLACE INTO digests VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    _with_cache(insert)


def _with_cache(work: Callable[[sqlite3.Connection], _Result]) -> Optional[_Result]:
    """The result of `work` on the open cache; None if there is no usable cache."""
    global _held
    try:
        if _unusable is not None and _unusable == cache_file():
            return None
        opened = _held or _open()
        if opened is None:
            return None
        if _is_kept_open:
            _held = opened
            with opened:
                return work(opened)
        with closing(opened) as database, database:
            return work(database)
    except (OSError, OverflowError, sqlite3.Error) as error:
        if type(error) is sqlite3.DatabaseError:  # not a database, or a damaged one
            _discard(cache_file() or "")
        _give_up(error)
        return None


def _give_up(error: Exception) -> None:
    """Ignores a locked cache from now on, because every further look-up would wait again."""
    global _unusable
    path = cache_file()
    if isinstance(error, sqlite3.OperationalError) and "locked" in str(error) and _unusable != path:
        _unusable = path
        _say("the digest cache {} is locked by another process: files are hashed without it".format(path))


def _say(text: str) -> None:
    try:
        print(text, file=sys.stderr, flush=True)
    except (OSError, ValueError):
        pass  # a closed stderr must not end the work


def _open() -> Optional[sqlite3.Connection]:
    """Opens the cache and creates its table; None if no cache can be used. Raises OSError, sqlite3.Error."""
    path = cache_file()
    if path is None or path == _unusable or regular_file.kind(path):  # SQLite would block on a fifo
        return None
    os.makedirs(os.path.dirname(path), exist_ok=True)
    database = sqlite3.connect(path, timeout=LOCK_WAIT_S)
    try:
        database.execute("PRAGMA synchronous = OFF")  # a lost entry costs one more hash
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
        pass  # without a cache, every call hashes the files
