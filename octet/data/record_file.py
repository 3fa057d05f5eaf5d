"""Reads TFRecord files of tf.train.Example messages, without TensorFlow.

A record is its length (8 bytes, little endian), the masked CRC-32C of those, the record, and the masked CRC-32C of it.
Source: tensorflow/core/lib/io/record_writer.h and tensorflow/core/example/{example,feature}.proto of TensorFlow 1.14.
"""

import hashlib
import os
from typing import Any, Dict, Iterator, NamedTuple

from octet import regular_file
from octet.errors import DatasetError

HEAD, FOOT = 12, 4  # bytes before a record, and after it
COMPRESSED = {b"\x1f\x8b": "gzip", b"\x78\x01": "zlib", b"\x78\x9c": "zlib", b"\x78\xda": "zlib"}
KINDS = {"bytes_list": "bytes", "float_list": "float", "int64_list": "int64"}


class Record(NamedTuple):
    """offset: of its first byte in the file. number: 0 of the first record."""

    number: int
    offset: int
    content: bytes


def place(path: str, number: int) -> str:
    """How a record is named in errors."""
    return "{}: record {}".format(path, number)


def records(path: str, hasher: Any = None, is_checked: bool = True) -> Iterator[Record]:
    """The records of a file, in order; one is in memory at a time. hasher: is updated with all bytes of the file.
    is_checked: whether the records' checksums are compared, which costs about as much as to decode a small picture.

    Raises DatasetError for a file that cannot be read, or whose framing or checksums are damaged."""
    from octet.data import crc32c  # not at the top: a digest is asked for without numpy

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
                    raise _damaged("the content of the record is not what its checksum says", path, number)
                yield Record(number, offset + HEAD, content)
                offset, number = offset + HEAD + length + FOOT, number + 1
    except OSError as error:
        raise DatasetError("the file cannot be read: {}".format(error.strerror), path,
                           "Its records are part of the dataset.", "Mend its permissions, or remove it.") from None


def _length(head: bytes, path: str, number: int, offset: int, whole: int) -> int:
    """The length of the record that begins with `head`. Raises DatasetError where it is none."""
    from octet.data import crc32c

    if len(head) == HEAD and crc32c.masked(head[:8]) == int.from_bytes(head[8:], "little"):
        length = int.from_bytes(head[:8], "little")
        if offset + HEAD + length + FOOT > whole:
            raise _cut_off(path, number)
        return length
    if number == 0 and head[:2] in COMPRESSED:
        raise DatasetError("the file is compressed with {}".format(COMPRESSED[head[:2]]), path,
                           "Records are read at their places in the file.",
                           "Write it without compression, or unpack it: gunzip.")
    if number == 0:
        raise DatasetError("this is no TFRecord file", path, "It does not begin with the length of a record and the "
                           "checksum of that.", "Give a file that tf.io.TFRecordWriter has written.")
    if len(head) < HEAD:
        raise _cut_off(path, number)
    raise _damaged("the length of the record is not what its checksum says", path, number)


def _cut_off(path: str, number: int) -> DatasetError:
    return _damaged("the file ends within the record", path, number)


def _damaged(what: str, path: str, number: int) -> DatasetError:
    return DatasetError(what, place(path, number), "The file is damaged, or is still being written.",
                        "Write or copy it again.")


_example_class = None


def features(content: bytes, where: str) -> Dict[str, Any]:
    """{name: its values} of a serialized tf.train.Example: a list of bytes, of floats, or of ints; None for a feature
    without a value. where: names the record. Raises DatasetError."""
    from google.protobuf.message import DecodeError

    global _example_class
    if _example_class is None:
        _example_class = _make_example_class()
    example = _example_class()
    try:
        example.ParseFromString(content)
    except DecodeError:
        raise DatasetError("the record is no tf.train.Example", where, "Its features are read by name.",
                           "Write each sample as tf.train.Example(...).SerializeToString().") from None
    found: Dict[str, Any] = {}
    for entry in example.features.feature:
        kind = next((kind for kind in KINDS if entry.value.HasField(kind)), None)
        found[entry.key] = list(getattr(entry.value, kind).value) if kind else None
    return found


def _make_example_class() -> Any:
    """The message class of tf.train.Example. TensorFlow's own can be imported only with TensorFlow."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="octet/example.proto", package="octet", syntax="proto3")
    lists = (("BytesList", field.TYPE_BYTES), ("FloatList", field.TYPE_FLOAT), ("Int64List", field.TYPE_INT64))
    for name, of_value in lists:
        file.message_type.add(name=name).field.add(name="value", number=1, type=of_value, label=field.LABEL_REPEATED)
    feature = file.message_type.add(name="Feature")
    feature.oneof_decl.add(name="kind")
    for number, (kind, (name, _)) in enumerate(zip(KINDS, lists), 1):
        feature.field.add(name=kind, number=number, type=field.TYPE_MESSAGE, type_name=".octet." + name,
                          label=field.LABEL_OPTIONAL, oneof_index=0)
    # A map is a repeated message of key and value.
    entry = file.message_type.add(name="Entry")
    entry.field.add(name="key", number=1, type=field.TYPE_STRING, label=field.LABEL_OPTIONAL)
    entry.field.add(name="value", number=2, type=field.TYPE_MESSAGE, type_name=".octet.Feature",
                    label=field.LABEL_OPTIONAL)
    of_message = (("Features", "feature", "Entry", field.LABEL_REPEATED),
                  ("Example", "features", "Features", field.LABEL_OPTIONAL))
    for name, key, inner, label in of_message:
        file.message_type.add(name=name).field.add(name=key, number=1, type=field.TYPE_MESSAGE,
                                                   type_name=".octet." + inner, label=label)
    pool: Any = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.MessageFactory(pool).GetPrototype(pool.FindMessageTypeByName("octet.Example"))
