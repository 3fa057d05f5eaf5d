"""The source that made an artifact, as files again."""

import os
from contextlib import contextmanager
from pathlib import Path
from typing import Dict, Iterator

from octet.errors import StoreError, UsageError
from pipeline.files.safe_tree import Folder, is_safe, printable
from pipeline.inputs.source_closure import PACKAGES
from pipeline.store.artifacts import Store

USER = "recipe"
"""Where a user's own files go: theirs are named relative to the file that the recipe names."""


def write(store: Store, manifest: dict, folder: Path) -> int:
    """`folder` holds every file of the artifact's source closure, byte by byte; their number.

    Raises StoreError when one was not kept, or has a name that leads out of the folder, before anything is written."""
    places = _places(manifest)
    contents: Dict[str, bytes] = {}
    lost = []
    for name, sha256 in manifest["sources"].items():
        content = store.blobs.read(sha256)
        if content is None:
            lost.append(name)
        else:
            contents[places[name]] = content
    if lost or not manifest["sources"]:
        raise StoreError(
            "the source of {} {} is not whole in the store".format(
                manifest["stage"], manifest["key"][:12]),
            where=str(store.root), why="not there: {}".format(", ".join(lost) or "all of it"),
            next_step="its manifest names the git commit: {}".format(
                (manifest.get("git") or {}).get("commit")))
    with _told(folder):
        os.makedirs(str(folder), exist_ok=True)
        with Folder.at(Path(os.path.realpath(str(folder)))) as top:
            for place, content in contents.items():
                parent, _, name = place.rpartition("/")
                with top.made(parent) as below:
                    below.write(name, content, exclusive=True)
    return len(contents)


def expect_new(folder: Path) -> None:
    """Raises UsageError unless `folder` is not there or empty."""
    with _told(folder):
        try:
            is_new = not os.listdir(str(folder))
        except FileNotFoundError:
            return
    if not is_new:
        raise UsageError("is not empty", where=str(folder), why="source is restored into a new folder",
                         next_step="name another one")


def _places(manifest: dict) -> Dict[str, str]:
    """{file of the closure: where it goes, relative to the folder}, each another place below it."""
    places = {name: _place(name) for name in manifest["sources"]}
    taken = set(places.values())
    for name, place in places.items():
        parents = {place[:index] for index, letter in enumerate(place) if letter == "/"}
        if not is_safe(place) or parents & taken or len(taken) < len(places):
            raise StoreError(
                "a source file of {} {} has a name that leads elsewhere".format(
                    manifest["stage"], manifest["key"][:12]), where=printable(repr(name)[1:-1]),
                why="it would be written outside the folder, or over another file; Octet gives no such names",
                next_step="find out who else writes to this store: `octet verify` says who can")
    return places


def _place(name: str) -> str:
    """Where a file of the closure goes. `..` stands at the beginning only, for files above the model's own folder."""
    parts = name.split("/")
    if parts[0] in PACKAGES:
        return name
    above = next((index for index, part in enumerate(parts) if part != ".."), len(parts))
    return "/".join([USER] + ["up"] * above + (parts[above:] or [".."]))


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    """An OSError inside is a StoreError about the folder that the user named."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise StoreError("cannot restore the source: {}".format(getattr(error, "strerror", None) or error),
                         where=printable(str(getattr(error, "filename", None) or folder)),
                         why="it is written into a new folder", next_step="name another folder") from error
