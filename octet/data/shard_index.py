"""What the rows of shards were decoded from: `shards/<array>.samples`, by which a later artifact finds them.

    octet-samples 1 <decoder>               one line
    shard <sha256> <rows>                   one for each shard, and below it a line for each of its rows:
    <source> <sha256 of the row> <words>    words: what was noticed as it was decoded, separated by commas; may be empty
    seal <sha256 of all the lines above>

No stage reads it but PrepareData, which takes it as it is or not at all: without its seal, or where a shard is not what
its name says, the files are decoded again.
"""

import errno
import os
import shutil
import stat
from contextlib import contextmanager
from typing import Dict, FrozenSet, Iterable, Iterator, List, NamedTuple, Optional

from octet import digest
from octet.data.shards import FOLDER

ENDING = ".samples"
_HEAD = "octet-samples 1 "
_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Rows(NamedTuple):
    """The rows of one shard, in order. sources: the sha256 of what each was decoded from. row_sha256: of its bytes.
    words: {source: what was noticed}; sources of which nothing was noticed are left out."""

    shard: str
    sources: List[str]
    row_sha256: List[str]
    words: Dict[str, FrozenSet[str]]


def text(decoder: str, shards: Iterable[Rows]) -> str:
    """The text of the file. decoder: the sha256 of everything but its source that a row follows from."""
    lines = [_HEAD + decoder]
    for one in shards:
        lines.append("shard {} {}".format(one.shard, len(one.sources)))
        lines.extend("{} {} {}".format(source, row, ",".join(sorted(one.words.get(source, ()))))
                     for source, row in zip(one.sources, one.row_sha256))
    above = "\n".join(lines) + "\n"
    return "{}seal {}\n".format(above, digest.of_bytes(above.encode()))


def parsed(content: bytes, decoder: str) -> Optional[List[Rows]]:
    """The shards of a file; None where it was made by another decoder, or its seal does not fit."""
    if not content.startswith((_HEAD + decoder + "\n").encode()):
        return None
    above, seal, of_lines = content.rpartition(b"seal ")
    if not seal or of_lines != digest.of_bytes(above).encode() + b"\n":
        return None
    shards: List[Rows] = []
    for line in above.decode().splitlines()[1:]:
        first, second, words = line.split(" ")
        if first == "shard":
            shards.append(Rows(second, [], [], {}))
            continue
        shards[-1].sources.append(first)
        shards[-1].row_sha256.append(second)
        if words:
            shards[-1].words[first] = frozenset(words.split(","))
    return shards


def of_artifact(folder: str, decoder: str) -> Iterator[Rows]:
    """The shards of an artifact that this decoder made; none where there are none, or it was removed meanwhile."""
    try:
        with _shards(folder) as shards:
            for name in sorted(os.listdir(shards)):
                if name.endswith(ENDING):
                    with os.fdopen(_regular(shards, name), "rb") as file:
                        yield from parsed(file.read(), decoder) or ()
    except OSError:
        return


def lend(folder: str, shard: str, to: str) -> bool:
    """Whether `to` is now the shard of that name of an artifact: a hard link to it, or a copy where the file system has
    none. Its bytes were read, and are what its name says. No symbolic link is followed."""
    name = shard + ".npy"
    try:
        with _shards(folder) as shards:
            try:
                os.link(name, to, src_dir_fd=shards, follow_symlinks=False)
            except FileNotFoundError:
                return False
            except OSError:  # none on this file system, or too many of this file
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
    """A descriptor of an artifact's folder of shards."""
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
    """A descriptor of a regular file. Raises OSError for anything else, which is not opened."""
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
