"""The source that made an artifact, as files again."""

from pathlib import Path
from typing import Dict

from octet.errors import StoreError
from pipeline.closure import PACKAGES
from pipeline.store import Store

USER = "recipe"
"""Where a user's own files go: theirs are named relative to the file that the recipe names."""


def write(store: Store, manifest: dict, folder: Path) -> int:
    """`folder` holds every file of the artifact's source closure, byte by byte; their number.

    Raises StoreError when one was not kept, before anything is written."""
    contents: Dict[str, bytes] = {}
    lost = []
    for name, sha256 in manifest["sources"].items():
        content = store.blobs.read(sha256)
        if content is None:
            lost.append(name)
        else:
            contents[name] = content
    if lost or not manifest["sources"]:
        raise StoreError(
            "the source of {} {} is not whole in the store".format(
                manifest["stage"], manifest["key"][:12]),
            where=str(store.root), why="not there: {}".format(", ".join(lost) or "all of it"),
            next_step="its manifest names the git commit: {}".format(
                (manifest.get("git") or {}).get("commit")))
    for name, content in contents.items():
        path = folder / _place(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return len(contents)


def _place(name: str) -> Path:
    """Where a file of the closure goes, always below the folder."""
    if name.split("/")[0] in PACKAGES:
        return Path(name)
    return Path(USER, *("up" if part == ".." else part for part in name.split("/")))
