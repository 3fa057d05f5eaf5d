"""Bytes kept by their sha256: the source that made each artifact, and the lists of its data's files.

    <root>/sources/<two digits>/<sha256>        compressed; the sha256 is that of the content
"""

import gzip
import zlib
from pathlib import Path
from typing import Iterator, Optional

from octet import digest
from pipeline import disk


class Blobs:
    """The blobs below one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def keep(self, content: bytes) -> str:
        """The sha256 under which `content` is kept from now on. Raises StoreError."""
        sha256 = digest.of_bytes(content)
        path = self._path(sha256)
        if not path.exists():
            with disk.explained("keep a source file", path):
                path.parent.mkdir(parents=True, exist_ok=True)
                disk.write(path, gzip.compress(content, 6))
        return sha256

    def read(self, sha256: str) -> Optional[bytes]:
        """The content; None where it is not there or is no longer what it was."""
        path = self._path(sha256)
        with disk.explained("read a source file", path):
            try:
                packed = path.read_bytes()
            except FileNotFoundError:
                return None
        try:
            content = gzip.decompress(packed)
        except (OSError, EOFError, zlib.error):
            return None
        return content if digest.of_bytes(content) == sha256 else None

    def list(self) -> Iterator[str]:
        """The sha256 of each."""
        for path in sorted(self.root.glob("??/*")):
            if not path.name.startswith("."):
                yield path.name

    def remove(self, sha256: str) -> None:
        """It is not there any more: a damaged one is no use, and is kept anew by the next run."""
        with disk.explained("remove a source file", self._path(sha256)):
            self._path(sha256).unlink()

    def _path(self, sha256: str) -> Path:
        return self.root / sha256[:2] / sha256
