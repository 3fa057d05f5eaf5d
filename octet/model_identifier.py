"""The mark that a .tflite file carries: which content it was when it left the converter.

It is appended behind the flatbuffer, where no runtime looks, so it changes no inference; and it is
the sha256 of what stands before it, so that the same network always gives the same bytes. A file
that was renamed, or edited since, still says what it came from.
"""

import os
import re
from typing import Optional

from octet import digest, regular_file

_FORM = re.compile(rb"\noctet-model-1 sha256:([0-9a-f]{64})\n\Z")


def carried(content: bytes) -> bytes:
    """`content` with its identifier behind it; unchanged when it has one."""
    if find(content):
        return content
    return content + "\noctet-model-1 sha256:{}\n".format(digest.of_bytes(content)).encode("ascii")


def without(content: bytes) -> bytes:
    """`content` without the identifier behind it: what a changed file begins from."""
    return _FORM.sub(b"", content)


def of_file(path: str) -> Optional[str]:
    """What `find` gives for a file's content. Raises OSError."""
    with regular_file.opened(path) as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - len(carried(b""))))
        return find(file.read())


def find(content: bytes) -> Optional[str]:
    """The identifier (64 hex digits) that a file's content carries; None when there is none."""
    match = _FORM.search(content)
    return match.group(1).decode("ascii") if match else None
