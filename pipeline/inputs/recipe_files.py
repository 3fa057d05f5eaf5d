"""The files that a recipe names beside its source files: trained weights, and files that the model's function reads."""

from __future__ import annotations

import glob as globs
import os
from pathlib import Path
from typing import TYPE_CHECKING, Callable, Dict, List

from octet import digest as digests
from octet import regular_file
from octet.data.dataset import arguments
from octet.errors import RecipeError
from octet.job import Sections
from pipeline.inputs import key

if TYPE_CHECKING:
    from pipeline.inputs.preimage_types import Digests


def no_place(*keys: str) -> str:
    """A `where` for recipes whose positions are unknown: returns ''."""
    return ""


def digests_of(sections: Sections, folder: Path, where: Callable[..., str] = no_place) -> Digests:
    """{name, as in `files`: sha256}. where: gives the position of a key in the recipe's file, for errors.

    Raises RecipeError for a path that is no file."""
    return {name: _file_digest(path, name, where(*name.partition(":")[0].split(".")))
            for name, path in files(sections, folder).items()}


def _file_digest(name: str, key_path: str, where: str) -> str:
    """The sha256 of a file; for a folder or a checkpoint, of the digests of its files and of their paths relative to
    `name`."""
    # A folder as weights is refused without listing it, which could take minutes.
    found = [] if key_path == "model.weights" and os.path.isdir(name) else existing(name)
    if not found:
        raise _no_file(Path(name), key_path, where)
    hashes = digests.cached_all(found, "file", digests.of_file)
    return key.digest({file[len(name):]: sha256 for file, sha256 in zip(found, hashes)})


def existing(name: str) -> List[str]:
    """The file `name`; or the files below the folder `name`; or the files of the checkpoint with this prefix."""
    if regular_file.is_there(name):
        return [name]
    if os.path.isdir(name):
        return sorted(os.path.join(folder, file) for folder, _, files in os.walk(name) for file in files)
    return [name + str(file)[len(str(Path(name))):] for file in _of_checkpoint(Path(name))]


def _of_checkpoint(prefix: Path) -> List[Path]:
    """The files of the checkpoint with this prefix, sorted."""
    return sorted(file for ending in (".index", ".data-*")
                  for file in prefix.parent.glob(globs.escape(prefix.name) + ending))


def _no_file(path: Path, key_path: str, where: str) -> RecipeError:
    """The error for a path that is not a file. It names what is there instead, and a checkpoint in it, if any."""
    if key_path != "model.weights":
        return RecipeError("{}: there is no such file".format(key_path), where=where, why="looked for {}".format(path),
                           next_step="give the path of a file, relative to the recipe")
    inside = sorted(str(file)[:-len(".index")] for folder in (path, path / "variables")
                    for file in folder.glob("*.index")) if path.is_dir() else []
    kind = regular_file.kind(str(path))
    if kind:
        is_saved_model = (path / "saved_model.pb").exists()
        return RecipeError(
            "{}: {} is {}".format(key_path, path, "a SavedModel" if is_saved_model else kind), where=where,
            why="weights are read from a .h5 file, or from a checkpoint by the prefix of its files",
            next_step="give the checkpoint in it: {}".format(
                ", or ".join(inside)) if inside else "give the path of a file")
    return RecipeError("{}: there is no such file, nor a checkpoint of this name".format(key_path), where=where,
                       why="looked for {}, and {}.index".format(path, path),
                       next_step="give the path of a .h5 file or the prefix of a checkpoint, relative to the recipe")


def files(sections: Sections, folder: Path) -> Dict[str, str]:
    """{name: absolute path} of the files that a recipe names. name: 'section.key', or 'section.key: file' in a list."""
    paths: Dict[str, str] = {}
    for section, option in key.FILES:
        value = (sections.get(section) or {}).get(option)
        for path in value if isinstance(value, list) else [value] if value else []:
            # A file in a list is identified by its name without its folder, which may be moved.
            name = "{}.{}".format(section, option)
            name += ": {}".format(Path(path).name) if isinstance(value, list) else ""
            count = sum(other.split("#")[0] == name for other in paths)
            name += "#{}".format(count + 1) if count else ""
            paths[name] = arguments({"args": {"path": path}}, folder)["path"]
    return paths
