"""One look at recipe, data, source and versions, taken before anything is scheduled.

Nothing reads recipe or source again after it: an edit while a run is on changes the next run.
"""

import glob as globs
import os
import sys
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

from octet import digest as digests
from octet import lookup, regular_file
from octet.data.dataset import PARTS, arguments
from octet.errors import OctetError, RecipeError, UsageError
from octet.recipe import loading as recipes
from pipeline import settings
from pipeline.inputs import data_digests, distributions, key, source_closure, source_tree
from pipeline.inputs.source_tree import SourceTree
from pipeline.spec import CHECKS, DIGEST, JOBS, STAGES, StageSpec

NAME_DIGITS = 16
ATTEMPTS = 20  # to read source that is just being edited

_HERE = Path(__file__).resolve().parents[2]


class Snapshot(NamedTuple):
    """What is to be built, by content.

    recipe:   the recipe's file; folder: what its paths are relative to. Neither is content.
    sections: {section: its values, defaults filled in}.
    data:     {part: sha256}.
    files:    {'section.key', or 'section.key: name' in a list: sha256} of the files that the recipe names.
    source:   {stage: {file: sha256 of its syntax tree}}.
    versions: {stage: {'python': 'major.minor', distribution: version}}.
    closures: {stage: where that source is}. No content.
    root:     the folder that holds `octet`, `tasks` and `models`. No content.
    trees:    {file in `tasks`: the source of its job as bytes}, of stages, checks and the digest; empty in a snapshot
              that is only looked at. No content beyond `source`.
    where:    where(*keys) is the place of a key in the recipe's files, 'file:line:column'. No content.
    """

    recipe: Path
    folder: Path
    sections: Dict[str, object]
    data: Dict[str, str]
    files: Dict[str, str]
    source: Dict[str, Dict[str, str]]
    versions: Dict[str, Dict[str, str]]
    closures: Dict[str, source_closure.Closure]
    root: Path = _HERE
    trees: Dict[str, SourceTree] = {}
    where: Callable[..., str] = lambda *keys: ""

    @property
    def digest(self) -> str:
        """sha256 of the content: two recipes of one content are one, whatever their names."""
        return key.digest({"record": "octet.snapshot", "version": 2, "sections": self.sections,
                           "data": self.data, "files": self.files, "source": self.source,
                           "versions": self.versions})


def name(digest: str) -> str:
    """A snapshot's digest, short enough for the scheduler's page to show: 64 bits of it."""
    return digest[:NAME_DIGITS]


class Moment:
    """What several recipes have in common, looked at once for all of them: source, versions, data.

    packages_root: the folder that holds `octet`, `tasks` and `models`; this checkout by default."""

    def __init__(self, packages_root: Optional[Path] = None) -> None:
        self.reader = source_closure.Reader(Path(packages_root) if packages_root else _HERE)
        self._source: Dict[str, Tuple[Dict[str, source_closure.Closure], Dict[str, Dict[str, str]]]] = {}
        self._data: Dict[str, Dict[str, str]] = {}

    def source(self, sections: dict, folder: Path):
        """({stage: its closure}, {stage: its versions})."""
        named = key.canonical([sections["model"]["build"], sections["data"]["dataset"], str(folder)])
        if named not in self._source:
            closures = {name: self.reader.of(_roots(spec, sections, folder, self.reader.root))
                        for name, spec in STAGES.items()}
            self._source[named] = closures, {name: versions(found) for name, found in closures.items()}
        return self._source[named]

    def data(self, sections: dict, folder: Path) -> Dict[str, str]:
        """{part: sha256}."""
        named = key.canonical([sections["data"], str(folder)])
        if named not in self._data:
            modules = self.reader.of([_source(sections, lookup.DATASETS, folder)]).modules
            light = data_digests.is_light(
                sections["data"], {name for name in modules if not distributions.is_standard(name)})
            tree = None if light else _settled(lambda: _trees(sections, folder, _HERE, (DIGEST,)))[DIGEST]
            self._data[named] = data_digests.digests(sections["data"], folder, PARTS, tree)
        return self._data[named]


def take(recipe_path: Path, packages_root: Optional[Path] = None, moment: Optional[Moment] = None) -> Snapshot:
    """A snapshot of the recipe in `recipe_path` and of all that it names, at this moment or at one
    that is given, for many recipes.

    Raises RecipeError for a recipe that is not one, DatasetError for data that has no digest."""
    recipe = recipes.load(Path(recipe_path), lambda name: settings.load().find_recipe(name))
    sections, folder = recipe.sections(), Path(recipe.folder)
    moment = moment or Moment(packages_root)
    with digests.kept_open():
        try:
            closures, reached = moment.source(sections, folder)
            found = moment.data(sections, folder)
        except OctetError as error:
            raise located(error, recipe.where) from error
        return Snapshot(
            recipe=Path(recipe.path), folder=folder, sections=sections, data=found,
            files=_file_digests(sections, folder, recipe.where),
            source={name: found.trees for name, found in closures.items()}, versions=reached,
            closures=closures, root=moment.reader.root, where=recipe.where)


def with_source(taken: Snapshot, jobs: Sequence[str] = JOBS) -> Snapshot:
    """`taken` with the bytes of the source of these jobs, read now.

    Where these are not what its digests say, because somebody edits them, the snapshot is taken again: it may have
    another digest. Raises UsageError for edits that never end."""
    def attempt() -> Optional[Snapshot]:
        nonlocal taken
        trees = _trees(taken.sections, taken.folder, taken.root, jobs, taken)
        if trees is None:
            taken = take(taken.recipe, taken.root)
            return None
        return taken._replace(trees=trees)
    return _settled(attempt)


def located(error: OctetError, where: Callable[..., str]) -> OctetError:
    """The error as it is; one whose `where` is a key path (model.build) with its place in the recipe."""
    keys = error.where.split(".")
    if keys[0] not in recipes.SECTIONS or not where(*keys):
        return error
    return type(error)("{}: {}".format(error.where, error.what), where(*keys), error.why, error.next_step)


def places(snapshot: Snapshot) -> Dict[str, str]:
    """{'data': path, 'model.weights': path} of what the recipe names by path, absolute; for a person
    who looks for it, and no content."""
    path = arguments(snapshot.sections["data"], snapshot.folder).get("path")
    return {**({"data": path} if isinstance(path, str) else {}),
            **_files(snapshot.sections, snapshot.folder)}


def data_now(snapshot: Snapshot, parts: Sequence[str]) -> Dict[str, str]:
    """{part: sha256} of these parts as they are at this moment: not those of `snapshot.data` when they changed. They
    are digested by the source that the snapshot has, if it has any."""
    section, tree = snapshot.sections["data"], None
    if not data_digests.is_light(section):
        tree = snapshot.trees.get(DIGEST) or _settled(
            lambda: _trees(snapshot.sections, snapshot.folder, _HERE, (DIGEST,)))[DIGEST]
    return data_digests.digests(section, snapshot.folder, parts, tree)


def files_now(snapshot: Snapshot) -> Dict[str, str]:
    """{'section.key': sha256} of the recipe's files as they are at this moment."""
    return _file_digests(snapshot.sections, snapshot.folder)


def versions(found: source_closure.Closure) -> Dict[str, str]:
    """The versions that what a closure makes depends on: Python's, and those of the distributions
    that it imports."""
    return {"python": "{}.{}".format(*sys.version_info[:2]),
            **distributions.versions(sorted(found.modules))}


def _no_place(*keys: str) -> str:
    return ""


def _roots(spec: StageSpec, sections: dict, folder: Path, packages_root: Path) -> List[Path]:
    roots = [packages_root / "tasks" / "__main__.py",
             packages_root / "tasks" / (spec.module.replace(".", "/") + ".py")]
    for pattern in spec.files:
        roots.extend(sorted((packages_root / "tasks").glob(pattern)))
    if "model" in spec.reads:
        roots.append(_source(sections, lookup.MODELS, folder))
    if "data" in spec.reads:
        roots.append(_source(sections, lookup.DATASETS, folder))
    return roots


def _trees(sections: dict, folder: Path, root: Path, jobs: Sequence[str],
           expected: Optional[Snapshot] = None) -> Optional[Dict[str, SourceTree]]:
    """{job: its source}; None if what is read is not what it was a moment ago, or in the snapshot that is given."""
    reader = source_closure.Reader(root)
    specs = {spec.module: spec for spec in STAGES.values()}
    closures = {}
    for job in jobs:
        spec = specs[job] if job in specs else StageSpec(job, job, reads=CHECKS[job])
        closures[job] = reader.of(_roots(spec, sections, folder, reader.root))
        if expected is not None and job in specs and closures[job].trees != expected.source[spec.name]:
            return None
    content = source_tree.read(closures)
    if content is None:
        return None
    links = {written: real for written, real in reader.links.items() if written != real}
    named = tuple(os.path.normpath(path) for name in _files(sections, folder).values()
                  for path in ([name] if os.path.exists(name) else _existing(name)))
    return {job: SourceTree(str(reader.root), {file.path: content[file.path] for file in found.files.values()},
                            links, named) for job, found in closures.items()}


def _settled(attempt: Callable[[], Any]) -> Any:
    """What `attempt` gives when it gives something."""
    for number in range(ATTEMPTS):
        found = attempt()
        if found is not None:
            return found
        time.sleep(0.01 * number)
    raise UsageError("the source changes faster than it can be read", where="the source that the recipe names",
                     why="it was read {} times, and was another one each time".format(ATTEMPTS),
                     next_step="run it again when nobody writes to the source")


def _source(sections: dict, catalogue: str, folder: Path) -> Path:
    """The file that a name in the recipe means. Not imported: it may need TensorFlow."""
    named = lookup.CATALOGUES[catalogue]
    return lookup.source_of(sections[named.section][named.key], catalogue, folder)


def _file_digests(sections: dict, folder: Path,
                  where: Callable[..., str] = _no_place) -> Dict[str, str]:
    return {name: _file_digest(path, name, where(*name.partition(":")[0].split(".")))
            for name, path in _files(sections, folder).items()}


def _file_digest(name: str, key_path: str, where: str) -> str:
    """sha256 of a file, or of the files of a folder or a checkpoint by what follows its name in theirs."""
    files = _existing(name)
    if not files or (key_path == "model.weights" and os.path.isdir(name)):
        raise _no_file(Path(name), key_path, where)
    hashes = digests.cached_all(files, "file", digests.of_file)
    return key.digest({file[len(name):]: sha256 for file, sha256 in zip(files, hashes)})


def _existing(name: str) -> List[str]:
    """The file of this name, or else the files below the folder, or of the checkpoint, of this name."""
    if regular_file.is_there(name):
        return [name]
    if os.path.isdir(name):
        return sorted(os.path.join(folder, file) for folder, _, files in os.walk(name) for file in files)
    return [name + str(file)[len(str(Path(name))):] for file in _of_checkpoint(Path(name))]


def _of_checkpoint(prefix: Path) -> List[Path]:
    """The files of a checkpoint, sorted."""
    return sorted(file for ending in (".index", ".data-*")
                  for file in prefix.parent.glob(globs.escape(prefix.name) + ending))


def _no_file(path: Path, key_path: str, where: str) -> RecipeError:
    """What is at the path instead of a file, and the path that was meant, where it is near."""
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


def _files(sections: dict, folder: Path) -> Dict[str, str]:
    """{'section.key', or 'section.key: name' in a list: path, absolute} of the files that the recipe names."""
    found: Dict[str, str] = {}
    for section, named in key.FILES:
        value = (sections.get(section) or {}).get(named)
        for path in value if isinstance(value, list) else [value] if value else []:
            # By its name, since a model's function tells them apart by it; not by its folder, which may be moved.
            name = "{}.{}".format(section, named)
            name += ": {}".format(Path(path).name) if isinstance(value, list) else ""
            count = sum(other.split("#")[0] == name for other in found)
            name += "#{}".format(count + 1) if count else ""
            found[name] = arguments({"args": {"path": path}}, folder)["path"]
    return found
