"""The identifier of a .tflite file: the sha256 of the bytes that the converter wrote.

It is appended after the flatbuffer; runtimes ignore it. It depends only on the bytes before it, so equal networks give
equal files. A renamed or edited file keeps its identifier.
"""

import os
import re
from typing import Optional

from octet import digest, regular_file

_FORM = re.compile(rb"\noctet-model-1 sha256:([0-9a-f]{64})\n\Z")


def with_identifier(content: bytes) -> bytes:
    """`content` with its identifier appended. Content that has an identifier is returned unchanged."""
    if find(content):
        return content
    return content + "\noctet-model-1 sha256:{}\n".format(digest.of_bytes(content)).encode("ascii")


def without_identifier(content: bytes) -> bytes:
    """`content` without its identifier."""
    return _FORM.sub(b"", content)


def of_file(path: str) -> Optional[str]:
    """The identifier of a file, or None. Raises OSError."""
    with regular_file.opened(path) as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - len(with_identifier(b""))))
        return find(file.read())


def find(content: bytes) -> Optional[str]:
    """The identifier (64 hex digits) at the end of a file's content, or None."""
    match = _FORM.search(content)
    return match.group(1).decode("ascii") if match else None
