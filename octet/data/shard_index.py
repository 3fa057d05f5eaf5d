"""The index of the sources of rows in shards, `shards/<array>.samples`, by which a later artifact finds rows.

    octet-samples 1 <decoder>               the first line
    shard <sha256> <rows>                   for each shard; it is followed by a line for each of its rows:
    <source> <sha256 of the row> <words>    words: what was noticed about the file, separated by commas; may be empty
    seal <sha256 of all lines above>

Only PrepareData reads this file. If its seal is missing or wrong, or if a shard does not have the sha256 in its name,
PrepareData decodes the files again.
"""

import errno
import hashlib
import os
import shutil
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Dict, FrozenSet, Iterable, Iterator, List, NamedTuple, Sequence, Tuple

import numpy as np

from octet import digest
from octet.data.shards import FOLDER

ENDING = ".samples"
BYTES = 32  # of a sha256
HEX = frozenset("0123456789abcdef")
_HEAD = "octet-samples 1 "
_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Rows(NamedTuple):
    """The rows of one shard, in order. sources: [n] S64, the sha256 from which each row follows. row_sha256: of each
    row's bytes, [n, 32] uint8. words: {source: what was noticed}, without sources about which nothing was noticed."""

    shard: str
    sources: np.ndarray
    row_sha256: np.ndarray
    words: Dict[bytes, FrozenSet[str]]


def write(path: Path, decoder: str, shards: Iterable[Rows]) -> None:
    """Writes the file. decoder: the sha256 of everything else that determines a row, besides its source."""
    hasher = hashlib.sha256()
    with path.open("w", encoding="ascii") as out:
        for line in _lines(decoder, shards):
            hasher.update(line.encode())
            out.write(line)
        out.write("seal {}\n".format(hasher.hexdigest()))


def _lines(decoder: str, shards: Iterable[Rows]) -> Iterator[str]:
    yield _HEAD + decoder + "\n"
    for one in shards:
        yield "shard {} {}\n".format(one.shard, len(one.sources))
        for source, sha256 in zip(one.sources, one.row_sha256):
            yield "{} {} {}\n".format(source.decode(), sha256.tobytes().hex(),
                                      ",".join(sorted(one.words.get(source, ()))))


def _read(file: BinaryIO, decoder: str) -> List[Rows]:
    """The shards in a file; an empty list if its decoder differs or its seal is wrong."""
    head = (_HEAD + decoder + "\n").encode()
    if file.read(len(head)) != head:
        return []
    hasher, sources, hashes = hashlib.sha256(head), bytearray(), bytearray()
    shards: List[Tuple[str, int, Dict[bytes, FrozenSet[str]]]] = []  # name, first row, words
    for line in file:
        first, _, rest = line.decode("ascii", "replace").rstrip("\n").partition(" ")
        if first == "seal":
            sound = line == "seal {}\n".format(hasher.hexdigest()).encode() and not file.read(1)
            return list(_rows(shards, bytes(sources), bytes(hashes))) if sound and hashes else []
        hasher.update(line)
        second, _, words = rest.partition(" ")
        if first == "shard":
            shards.append((second, len(hashes) // BYTES, {}))
            continue
        if not shards or len(first) != 2 * BYTES or len(second) != 2 * BYTES or set(first + second) - HEX:
            return []
        sources += first.encode()
        hashes += bytes.fromhex(second)
        if words:
            shards[-1][2][first.encode()] = frozenset(words.split(","))
    return []


def _rows(shards: Sequence[Tuple[str, int, Dict[bytes, FrozenSet[str]]]], sources: bytes,
          hashes: bytes) -> Iterator[Rows]:
    """The rows of each shard. shards: (name, first row, words). sources, hashes: of the rows of all shards,
    concatenated."""
    of_rows = np.frombuffer(sources, "S64")
    of_bytes = np.frombuffer(hashes, np.uint8).reshape(-1, BYTES)
    ends = [first for _, first, _ in shards[1:]] + [len(of_rows)]
    for (name, first, words), end in zip(shards, ends):
        yield Rows(name, of_rows[first:end], of_bytes[first:end], words)


def of_artifact(folder: str, decoder: str) -> Iterator[Rows]:
    """The shards of an artifact that were made with this decoder; none if the artifact was removed meanwhile."""
    try:
        with _shards(folder) as shards:
            for name in sorted(os.listdir(shards)):
                if name.endswith(ENDING):
                    with os.fdopen(_regular(shards, name), "rb") as file:
                        yield from _read(file, decoder)
    except OSError:
        return


def lend(folder: str, shard: str, to: str) -> bool:
    """Makes `to` a hard link to a shard of an artifact, or a copy if the file system has no hard links. Returns False,
    and leaves no file, if there is no such shard or its sha256 is not its name. No symbolic link is followed."""
    name = shard + ".npy"
    try:
        with _shards(folder) as shards:
            try:
                os.link(name, to, src_dir_fd=shards, follow_symlinks=False)
            except FileNotFoundError:
                return False
            except OSError:  # the file system has no hard links, or the file has too many
                with os.fdopen(_regular(shards, name), "rb") as file, open(to, "xb") as copy:
                    shutil.copyfileobj(file, copy, digest.CHUNK_BYTES)
        above = os.open(os.path.dirname(to), _FOLDER_FLAGS)
        try:
            with os.fdopen(_regular(above, os.path.basename(to)), "rb") as file:
                sound = digest.of_open_file(file) == shard
        finally:
            os.close(above)
    except OSError:
        sound = False
    if not sound and os.path.lexists(to):
        os.remove(to)
    return sound


@contextmanager
def _shards(folder: str) -> Iterator[int]:
    """A descriptor of the folder of an artifact's shards."""
    artifact = os.open(folder, _FOLDER_FLAGS)
    try:
        shards = os.open(FOLDER, _FOLDER_FLAGS, dir_fd=artifact)
    finally:
        os.close(artifact)
    try:
        yield shards
    finally:
        os.close(shards)


def _regular(folder: int, name: str) -> int:
    """A descriptor of a regular file. Raises OSError for any other kind of file, without opening it."""
    _expect_regular(os.stat(name, dir_fd=folder, follow_symlinks=False), name)
    handle = os.open(name, _FILE_FLAGS, dir_fd=folder)
    try:
        _expect_regular(os.fstat(handle), name)  # again: another file may have replaced it
    except BaseException:
        os.close(handle)
        raise
    return handle


def _expect_regular(status: os.stat_result, name: str) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is no regular file", name)
