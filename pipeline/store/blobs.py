"""Stores bytes under their sha256: the source that made each artifact, and the lists of its data files.

    <root>/sources/<two digits>/<sha256>        compressed by gzip; the sha256 is that of the uncompressed content
"""

import gzip
import zlib
from typing import Iterator, List, Optional

from octet import digest
from pipeline.files import file_errors
from pipeline.files.safe_tree import Misplaced
from pipeline.store.store_tree import StoreTree

FOLDER = "sources"
MOST_BYTES = 1 << 30
"""The largest content that is ever stored. A file that unpacks to more is damaged."""


class Blobs:
    """The blobs of one store. Its methods raise StoreError for every OSError."""

    def __init__(self, tree: StoreTree) -> None:
        self.tree = tree

    def keep(self, content: bytes) -> str:
        """Stores `content` unless it is stored already. Returns its sha256."""
        sha256 = digest.of_bytes(content)
        with file_errors.explained("keep a source file", self.tree.path(_place(sha256))):
            folder, exists = self.tree.folder_for_file(_place(sha256))
            with folder:
                if not exists:
                    folder.write(sha256, gzip.compress(content, 6))
        return sha256

    def read(self, sha256: str) -> Optional[bytes]:
        """The content; None if it is missing or damaged."""
        with file_errors.explained("read a source file", self.tree.path(_place(sha256))):
            try:
                with self.tree.at(_folder(sha256)) as folder:
                    packed = folder.read(sha256, MOST_BYTES)
            except (FileNotFoundError, Misplaced):
                return None
        unpack = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)  # with gzip's header
        try:
            content = unpack.decompress(packed, MOST_BYTES)
        except zlib.error:
            return None
        return content if unpack.eof and digest.of_bytes(content) == sha256 else None

    def list(self) -> Iterator[str]:
        """The sha256 of every blob. A folder that cannot be read counts as empty."""
        for two in self._names(FOLDER):
            for name in self._names("{}/{}".format(FOLDER, two)):
                if not name.startswith(".") and name[:2] == two:
                    yield name

    def remove(self, sha256: str) -> None:
        """Removes a damaged blob: the next run stores it again."""
        with file_errors.explained("remove a source file", self.tree.path(_place(sha256))):
            with self.tree.at(_folder(sha256)) as folder:
                folder.unlink(sha256)

    def _names(self, inside: str) -> List[str]:
        try:
            with self.tree.at(inside) as folder:
                return folder.names()
        except OSError:
            return []


def _folder(sha256: str) -> str:
    return "{}/{}".format(FOLDER, sha256[:2])


def _place(sha256: str) -> str:
    return "{}/{}".format(_folder(sha256), sha256)
