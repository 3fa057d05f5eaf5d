"""Restores the source that made an artifact."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Dict, Iterator

from octet.errors import StoreError, UsageError
from pipeline.files.safe_tree import Folder, is_safe, printable
from pipeline.inputs.source_closure import PACKAGES
from pipeline.store.artifacts import Store

if TYPE_CHECKING:
    from pipeline.store.record_types import Manifest

USER = "recipe"
"""The folder for a user's own files, whose names are relative to the file that the recipe names."""


def write(store: Store, manifest: Manifest, folder: Path) -> int:
    """Writes every file of the artifact's source closure into `folder`, byte for byte. Returns their number.

    Raises StoreError, before it writes anything, when a file is not in the store, or its name leads out of the
    folder."""
    places = _places(manifest)
    contents: Dict[str, bytes] = {}
    missing = []
    for name, sha256 in manifest["sources"].items():
        content = store.blobs.read(sha256)
        if content is None:
            missing.append(name)
        else:
            contents[places[name]] = content
    git = manifest.get("git")
    if missing or not manifest["sources"]:
        raise StoreError(
            "the source of {} {} is not complete in the store".format(
                manifest["stage"], manifest["key"][:12]),
            where=str(store.root), why="not there: {}".format(", ".join(missing) or "all of it"),
            next_step="its manifest names the git commit: {}".format(git.get("commit") if git else None))
    with _explained(folder):
        os.makedirs(str(folder), exist_ok=True)
        with Folder.at(Path(os.path.realpath(str(folder)))) as top:
            for place, content in contents.items():
                parent, _, name = place.rpartition("/")
                with top.ensure(parent) as below:
                    below.write(name, content, exclusive=True)
    return len(contents)


def expect_new(folder: Path) -> None:
    """Raises UsageError if `folder` exists and is not empty."""
    with _explained(folder):
        try:
            is_new = not os.listdir(str(folder))
        except FileNotFoundError:
            return
    if not is_new:
        raise UsageError("is not empty", where=str(folder), why="source is restored into a new folder",
                         next_step="name another one")


def _places(manifest: Manifest) -> Dict[str, str]:
    """{file of the closure: its path below the folder}, which differs for each file."""
    places = {name: _place(name) for name in manifest["sources"]}
    distinct = set(places.values())
    for name, place in places.items():
        parents = {place[:index] for index, letter in enumerate(place) if letter == "/"}
        if not is_safe(place) or parents & distinct or len(distinct) < len(places):
            raise StoreError(
                "a source file of {} {} has a name that leads out of the folder".format(
                    manifest["stage"], manifest["key"][:12]), where=printable(repr(name)[1:-1]),
                why="it would be written outside the folder, or over another file; Octet never writes such names",
                next_step="find out who else writes to this store: `octet verify` lists who can")
    return places


def _place(name: str) -> str:
    """The path of a file of the closure below the folder. The name of a file above the model's own folder begins with
    `..`."""
    parts = name.split("/")
    if parts[0] in PACKAGES:
        return name
    above = next((index for index, part in enumerate(parts) if part != ".."), len(parts))
    return "/".join([USER] + ["up"] * above + (parts[above:] or [".."]))


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """Raises an OSError of the block as a StoreError about the folder that the user named."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise StoreError("cannot restore the source: {}".format(getattr(error, "strerror", None) or error),
                         where=printable(str(getattr(error, "filename", None) or folder)),
                         why="it is written into a new folder", next_step="name another folder") from error
