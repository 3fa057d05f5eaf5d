"""Writes TFRecord files for tests, without TensorFlow."""

import io
import struct

import numpy as np
from PIL import Image

from octet.data import crc32c


def example(**features):
    """A serialized tf.train.Example. features: {name: bytes, floats or integers, one or a list}."""
    def field(number, content):
        return bytes([number << 3 | 2]) + varint(len(content)) + content

    def varint(number):
        number &= (1 << 64) - 1  # a negative number has ten bytes
        found = b""
        while True:
            found += bytes([number & 127 | (128 if number > 127 else 0)])
            number >>= 7
            if not number:
                return found
    entries = b""
    for name, values in features.items():
        values = list(values) if isinstance(values, (list, tuple, np.ndarray)) else [values]
        if isinstance(values[0], bytes):
            one = field(1, b"".join(field(1, value) for value in values))
        elif isinstance(values[0], (float, np.floating)):
            one = field(2, field(1, struct.pack("<{}f".format(len(values)), *values)))
        else:
            one = field(3, field(1, b"".join(varint(int(value)) for value in values)))
        entries += field(1, field(1, name.encode()) + field(2, one))
    return field(1, entries)


def write(path, records):
    """Writes serialized messages into a TFRecord file, and returns its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as out:
        for record in records:
            head = struct.pack("<Q", len(record))
            out.write(head + struct.pack("<I", crc32c.masked(head)) + record + struct.pack("<I", crc32c.masked(record)))
    return str(path)


def png(seed, size=(9, 7)):
    """(the bytes of a random PNG file, its pixels)."""
    out = io.BytesIO()
    pixels = np.random.RandomState(seed).randint(0, 256, size + (3,)).astype(np.uint8)
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue(), pixels


def gauges(count, seed=0):
    """Records of numbers, with a target of each kind."""
    numbers = np.random.RandomState(seed).rand(count, 3).astype(np.float32)
    return [example(x=row, kind=index % 2, name=[b"cat", b"dog"][index % 2], both=[1, index % 2],
                    y=row[:2] * 4, who="p{}".format(index // 4).encode()) for index, row in enumerate(numbers)]


def folder(tmp_path, records=gauges):
    """A folder with a file for each part, and its path. records: (count, seed) -> the messages of a part."""
    for part, count in (("train", 20), ("validation", 6), ("test", 8)):
        write(tmp_path / "set" / "{}-00000-of-00001".format(part), records(count, len(part)))
    return str(tmp_path / "set")
