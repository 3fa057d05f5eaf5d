"""The content of recipe, data, source and versions at one moment, taken before anything is scheduled.

Nothing reads recipe or source again later: an edit during a run belongs to the next run.
"""

from __future__ import annotations

import glob as globs
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple, TypeVar

from octet import digest as digests
from octet import lookup, regular_file
from octet.data.dataset import PARTS, arguments
from octet.errors import DatasetError, OctetError, RecipeError, UsageError
from octet.recipe import loading as recipes
from pipeline import settings
from pipeline.inputs import data_digests, distributions, key, source_closure, source_tree
from pipeline.inputs.source_tree import SourceTree
from pipeline.stage_specs import CHECK_FILES, CHECKS, DIGEST, JOBS, STAGES, StageSpec

if TYPE_CHECKING:
    from pipeline.inputs.preimage_types import Digests, Sections

NAME_DIGITS = 16
ATTEMPTS = 20  # to read source that is being edited

_HERE = Path(__file__).resolve().parents[2]
_T = TypeVar("_T")


class Snapshot(NamedTuple):
    """What is to be built. Its digest follows from the fields that are content.

    recipe:   the recipe's file; folder: what its paths are relative to. No content.
    sections: {section: its values, defaults filled in}.
    data:     {part: sha256}.
    files:    {'section.key', or 'section.key: name' in a list: sha256} of the files that the recipe names.
    source:   {stage: {file: sha256 of its syntax tree}}.
    versions: {stage: {'python': 'major.minor', distribution: version}}.
    closures: {stage: the files of that source}. No content.
    root:     the folder that holds `octet`, `tasks` and `models`. No content.
    trees:    {module in `tasks`: the source of its job as bytes}, of stages, checks and the digest. Empty until
              `with_source` reads it. No content beyond `source`.
    where:    where(*keys) is the place of a key in the recipe's files, 'file:line:column'. No content.
    """

    recipe: Path
    folder: Path
    sections: Sections
    data: Digests
    files: Digests
    source: Dict[str, Digests]
    versions: Dict[str, Dict[str, str]]
    closures: Dict[str, source_closure.Closure]
    root: Path = _HERE
    trees: Dict[str, SourceTree] = {}
    where: Callable[..., str] = lambda *keys: ""

    @property
    def digest(self) -> str:
        """sha256 of the content. Two recipes of the same content have the same digest, whatever their names."""
        return key.digest({"record": "octet.snapshot", "version": 2, "sections": self.sections,
                           "data": self.data, "files": self.files, "source": self.source,
                           "versions": self.versions})


def name(digest: str) -> str:
    """The first 64 bits of a snapshot's digest, short enough for the scheduler's page."""
    return digest[:NAME_DIGITS]


class Moment:
    """Source, versions and data at one moment, each read once for all recipes that share it.

    packages_root: the folder that holds `octet`, `tasks` and `models`; this checkout by default."""

    def __init__(self, packages_root: Optional[Path] = None) -> None:
        self.reader = source_closure.Reader(Path(packages_root) if packages_root else _HERE)
        self._source: Dict[str, Tuple[Dict[str, source_closure.Closure], Dict[str, Dict[str, str]]]] = {}
        self._data: Dict[str, Digests] = {}

    def source(self, sections: Sections, folder: Path) -> Tuple[
            Dict[str, source_closure.Closure], Dict[str, Dict[str, str]]]:
        """({stage: its closure}, {stage: its versions})."""
        identity = key.canonical([lookup.named(sections), str(folder)])
        if identity not in self._source:
            closures = {name: self.reader.of(_roots(spec, sections, folder, self.reader.root))
                        for name, spec in STAGES.items()}
            self._source[identity] = closures, {name: versions(closure) for name, closure in closures.items()}
        return self._source[identity]

    def data(self, sections: Sections, folder: Path) -> Digests:
        """{part: sha256}."""
        identity = key.canonical([sections["data"], str(folder)])
        if identity not in self._data:
            modules = self.reader.of([_source(sections, lookup.DATASETS, folder)]).modules
            light = data_digests.is_light(
                sections["data"], {name for name in modules if not distributions.is_standard(name)})
            tree = None if light else _settled(lambda: _trees(sections, folder, _HERE, (DIGEST,)))[DIGEST]
            self._data[identity] = data_digests.digests(sections["data"], folder, PARTS, tree)
        return self._data[identity]


def take(recipe_path: Path, packages_root: Optional[Path] = None, moment: Optional[Moment] = None) -> Snapshot:
    """A snapshot of the recipe in `recipe_path` and of everything that it names.

    moment: the state of source and data to use; by default, the present one.
    Raises RecipeError for a malformed recipe, DatasetError for data that has no digest."""
    recipe = recipes.load(Path(recipe_path), lambda name: settings.load().find_recipe(name))
    sections, folder = recipe.sections(), Path(recipe.folder)
    moment = moment or Moment(packages_root)
    with digests.kept_open(once=True):
        try:
            closures, versions_of = moment.source(sections, folder)
            data = moment.data(sections, folder)
        except OctetError as error:
            raise located(error, recipe.where) from error
        return Snapshot(
            recipe=Path(recipe.path), folder=folder, sections=sections, data=data,
            files=_file_digests(sections, folder, recipe.where),
            source={name: closure.trees for name, closure in closures.items()}, versions=versions_of,
            closures=closures, root=moment.reader.root, where=recipe.where)


def with_source(snapshot: Snapshot, jobs: Sequence[str] = JOBS) -> Snapshot:
    """`snapshot` with the bytes of the source of these jobs, read now.

    Where the source has been edited since, the snapshot is taken again, and may have another digest. Raises
    UsageError where the edits do not end."""
    def attempt() -> Optional[Snapshot]:
        nonlocal snapshot
        trees = _trees(snapshot.sections, snapshot.folder, snapshot.root, jobs, snapshot)
        if trees is None:
            snapshot = take(snapshot.recipe, snapshot.root)
            return None
        return snapshot._replace(trees=trees)
    return _settled(attempt)


def source_of(job: str) -> SourceTree:
    """The source, read now, of a job that reads no section of a recipe."""
    return _settled(lambda: _trees({}, Path(), _HERE, (job,)))[job]


def located(error: OctetError, where: Callable[..., str]) -> OctetError:
    """The error with the place in the recipe's file, where its `where` is a key path (model.build); else as it is."""
    keys = error.where.split(".")
    if keys[0] not in recipes.SECTIONS or not where(*keys):
        return error
    return type(error)("{}: {}".format(error.where, error.what), where(*keys), error.why, error.next_step)


def places(snapshot: Snapshot) -> Dict[str, str]:
    """{'data', or 'section.key': absolute path} of the files and folders that the recipe names. For a person who looks
    for them; no content."""
    path = arguments(snapshot.sections["data"], snapshot.folder).get("path")
    return {**({"data": path} if isinstance(path, str) else {}),
            **_files(snapshot.sections, snapshot.folder)}


def data_now(snapshot: Snapshot, parts: Sequence[str]) -> Dict[str, str]:
    """{part: sha256} of these parts at this moment, which differ from `snapshot.data` where the data has changed. The
    snapshot's own source computes them, if it has been read."""
    section, tree = snapshot.sections["data"], None
    if not data_digests.is_light(section):
        tree = snapshot.trees.get(DIGEST) or _settled(
            lambda: _trees(snapshot.sections, snapshot.folder, _HERE, (DIGEST,)))[DIGEST]
    return data_digests.digests(section, snapshot.folder, parts, tree)


def differ_in_data_alone(one: Snapshot, other: Snapshot) -> bool:
    """Whether two snapshots of one recipe have the same content but for the data."""
    return one._replace(data=other.data).digest == other.digest


def has_data_as_taken(snapshot: Snapshot, parts: Sequence[str]) -> bool:
    """Whether the data of these parts is, at this moment, what the snapshot says. Data that cannot be read is not."""
    try:
        return data_now(snapshot, parts) == {part: snapshot.data[part] for part in parts}
    except DatasetError:
        return False


def files_now(snapshot: Snapshot) -> Dict[str, str]:
    """{'section.key': sha256} of the recipe's files at this moment."""
    return _file_digests(snapshot.sections, snapshot.folder)


def versions(closure: source_closure.Closure) -> Dict[str, str]:
    """The versions that enter a key: Python's, and those of the distributions that the closure imports."""
    return {"python": "{}.{}".format(*sys.version_info[:2]),
            **distributions.versions(sorted(closure.modules))}


def _no_place(*keys: str) -> str:
    return ""


def _roots(spec: StageSpec, sections: Sections, folder: Path, packages_root: Path) -> List[Path]:
    roots = [packages_root / "tasks" / "__main__.py",
             packages_root / "tasks" / (spec.module.replace(".", "/") + ".py")]
    for pattern in spec.files:
        roots.extend(sorted((packages_root / "tasks").glob(pattern)))
    return roots + [lookup.source_of(named.spec, named.catalogue, folder, ".".join(named.keys))
                    for named in lookup.named(sections) if named.keys[0] in spec.reads]


def _trees(sections: Sections, folder: Path, root: Path, jobs: Sequence[str],
           expected: Optional[Snapshot] = None) -> Optional[Dict[str, SourceTree]]:
    """{job: its source}; None where the source changes while it is read, or differs from that of `expected`."""
    reader = source_closure.Reader(root)
    specs = {spec.module: spec for spec in STAGES.values()}
    closures = {}
    for job in jobs:
        spec = specs[job] if job in specs else StageSpec(
            job, job, reads=CHECKS[job], files=CHECK_FILES.get(job, ()))
        closures[job] = reader.of(_roots(spec, sections, folder, reader.root))
        if expected is not None and job in specs and closures[job].trees != expected.source[spec.name]:
            return None
    content = source_tree.read(closures)
    if content is None:
        return None
    links = {written: real for written, real in reader.links.items() if written != real}
    files = tuple(os.path.normpath(path) for name in _files(sections, folder).values()
                  for path in ([name] if os.path.exists(name) else _existing(name)))
    return {job: SourceTree(str(reader.root), {file.path: content[file.path] for file in closure.files.values()},
                            links, files, frozenset(closure.modules)) for job, closure in closures.items()}


def _settled(attempt: Callable[[], Optional[_T]]) -> _T:
    """The first result of `attempt` that is not None."""
    for number in range(ATTEMPTS):
        result = attempt()
        if result is not None:
            return result
        time.sleep(0.01 * number)
    raise UsageError("the source changes faster than it can be read", where="the source that the recipe names",
                     why="it was read {} times, and was another one each time".format(ATTEMPTS),
                     next_step="run it again when nobody writes to the source")


def _source(sections: Sections, catalogue: str, folder: Path) -> Path:
    """The file that a name in the recipe stands for. It is not imported, since it may need TensorFlow."""
    entry = lookup.CATALOGUES[catalogue]
    return lookup.source_of(sections[entry.section][entry.key], catalogue, folder)


def _file_digests(sections: Sections, folder: Path,
                  where: Callable[..., str] = _no_place) -> Digests:
    return {name: _file_digest(path, name, where(*name.partition(":")[0].split(".")))
            for name, path in _files(sections, folder).items()}


def _file_digest(name: str, key_path: str, where: str) -> str:
    """sha256 of a file; of a folder or checkpoint, over its files' digests and the rest of their paths after `name`."""
    # Weights are refused before their folder is walked: somebody's home folder takes minutes.
    files = [] if key_path == "model.weights" and os.path.isdir(name) else _existing(name)
    if not files:
        raise _no_file(Path(name), key_path, where)
    hashes = digests.cached_all(files, "file", digests.of_file)
    return key.digest({file[len(name):]: sha256 for file, sha256 in zip(files, hashes)})


def _existing(name: str) -> List[str]:
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
    """The error for a path that is no file. It names what is there instead, and a checkpoint inside, if any."""
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


def _files(sections: Sections, folder: Path) -> Dict[str, str]:
    """{'section.key', or 'section.key: name' in a list: absolute path} of the files that the recipe names."""
    paths: Dict[str, str] = {}
    for section, option in key.FILES:
        value = (sections.get(section) or {}).get(option)
        for path in value if isinstance(value, list) else [value] if value else []:
            # A file in a list is named by its own name, as in the model's function, and not by its folder, which may
            # be moved.
            name = "{}.{}".format(section, option)
            name += ": {}".format(Path(path).name) if isinstance(value, list) else ""
            count = sum(other.split("#")[0] == name for other in paths)
            name += "#{}".format(count + 1) if count else ""
            paths[name] = arguments({"args": {"path": path}}, folder)["path"]
    return paths
