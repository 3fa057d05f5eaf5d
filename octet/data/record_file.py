"""Reads the records of TFRecord files, without TensorFlow.

A record is stored as its length (8 bytes, little endian), the masked CRC-32C of the length, the content, and the masked
CRC-32C of the content. Source: tensorflow/core/lib/io/record_writer.h of TensorFlow 1.14.
"""

import hashlib
import os
from typing import Any, Iterator, NamedTuple

from octet import regular_file
from octet.errors import DatasetError

HEAD, FOOT = 12, 4  # bytes before a record, and after it
COMPRESSED = {b"\x1f\x8b": "gzip", b"\x78\x01": "zlib", b"\x78\x9c": "zlib", b"\x78\xda": "zlib"}


class Record(NamedTuple):
    """offset: of the content's first byte in the file. number: of the record in the file, from 0."""

    number: int
    offset: int
    content: bytes


def place(path: str, number: int) -> str:
    """The name of a record in errors."""
    return "{}: record {}".format(path, number)


def records(path: str, hasher: Any = None, is_checked: bool = True) -> Iterator[Record]:
    """The records of a file, in order; one is in memory at a time. hasher: it is updated with all bytes of the file.
    is_checked: whether the records' checksums are compared, which takes about as long as decoding a small picture.

    Raises DatasetError for a file that cannot be read, or in which a length or checksum is wrong."""
    from octet.data import crc32c  # not at the top, because it imports numpy, which a digest does not need

    hasher = hasher or hashlib.sha256()
    try:
        with regular_file.opened(path) as file:
            whole, offset, number = os.fstat(file.fileno()).st_size, 0, 0
            while True:
                head = file.read(HEAD)
                hasher.update(head)
                if not head:
                    return
                length = _length(head, path, number, offset, whole)
                content, foot = file.read(length), file.read(FOOT)
                hasher.update(content)
                hasher.update(foot)
                if len(foot) < FOOT:
                    raise _cut_off(path, number)
                if is_checked and crc32c.masked(content) != int.from_bytes(foot, "little"):
                    raise _damaged("the content of the record does not have its checksum", path, number)
                yield Record(number, offset + HEAD, content)
                offset, number = offset + HEAD + length + FOOT, number + 1
    except OSError as error:
        raise DatasetError("the file cannot be read: {}".format(error.strerror), path,
                           "Its records are part of the dataset.",
                           "Correct its permissions, or remove the file.") from None


def _length(head: bytes, path: str, number: int, offset: int, whole: int) -> int:
    """The length of the record whose first bytes are `head`. Raises DatasetError if they do not begin a record."""
    from octet.data import crc32c

    if len(head) == HEAD and crc32c.masked(head[:8]) == int.from_bytes(head[8:], "little"):
        length = int.from_bytes(head[:8], "little")
        if offset + HEAD + length + FOOT > whole:
            raise _cut_off(path, number)
        return length
    if number == 0 and head[:2] in COMPRESSED:
        raise DatasetError("the file is compressed with {}".format(COMPRESSED[head[:2]]), path,
                           "Records are read from their places in the file.",
                           "Write it without compression, or decompress it: gunzip.")
    if number == 0:
        raise DatasetError("this is no TFRecord file", path, "It does not begin with the length of a record and its "
                           "checksum.", "Use a file that tf.io.TFRecordWriter has written.")
    if len(head) < HEAD:
        raise _cut_off(path, number)
    raise _damaged("the length of the record does not have its checksum", path, number)


def _cut_off(path: str, number: int) -> DatasetError:
    return _damaged("the file ends within the record", path, number)


def _damaged(what: str, path: str, number: int) -> DatasetError:
    return DatasetError(what, place(path, number), "The file is damaged, or is still being written.",
                        "Write or copy it again.")
