"""A snapshot of recipe, data, source and versions, taken before anything is scheduled.

Recipe and source are not read again later, so an edit during a run takes effect in the next run.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple, TypeVar

from octet import digest as digests
from octet import lookup
from octet.data.dataset import PARTS, arguments
from octet.errors import DatasetError, OctetError, UsageError
from octet.job import Sections
from octet.recipe import loading as recipes
from pipeline import settings
from pipeline.inputs import data_digests, distributions, key, recipe_files, source_closure, source_tree
from pipeline.inputs.source_tree import SourceTree
from pipeline.stage_specs import CHECK_FILES, CHECKS, DIGEST, JOBS, STAGES, StageSpec

if TYPE_CHECKING:
    from pipeline.inputs.preimage_types import Digests

NAME_DIGITS = 16
ATTEMPTS = 20  # for reading source that is being edited

_HERE = Path(__file__).resolve().parents[2]
_T = TypeVar("_T")


class Snapshot(NamedTuple):
    """What is to be built. Fields that are marked "not content" do not affect the digest.

    recipe:   the recipe's file; folder: the folder to which its paths are relative. Not content.
    sections: {section: its values, defaults filled in}.
    data:     {part: sha256}.
    files:    {'section.key', or 'section.key: name' in a list: sha256} of the files that the recipe names.
    source:   {stage: {file: sha256 of its syntax tree}}.
    versions: {stage: {'python': 'major.minor', distribution: version}}.
    closures: {stage: the files of that source}. Not content.
    root:     the folder that holds `octet`, `tasks` and `models`. Not content.
    trees:    {module in `tasks`: the source of its job as bytes}, of stages, checks and the digest. Empty until
              `with_source` reads it. Not content, apart from `source`.
    where:    where(*keys) is the position of a key in the recipe's files, 'file:line:column'. Not content.
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
    """Source, versions and data at one moment. Several recipes can share it, so that each is read only once.

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
            files=recipe_files.digests_of(sections, folder, recipe.where),
            source={name: closure.trees for name, closure in closures.items()}, versions=versions_of,
            closures=closures, root=moment.reader.root, where=recipe.where)


def with_source(snapshot: Snapshot, jobs: Sequence[str] = JOBS) -> Snapshot:
    """`snapshot` with the bytes of the source of these jobs, read now.

    If the source was edited since, a new snapshot is taken, which may have another digest. Raises UsageError if the
    edits continue."""
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
    """The error with the position in the recipe's file, if its `where` is a key such as model.build; otherwise
    unchanged."""
    keys = error.where.split(".")
    if keys[0] not in recipes.SECTIONS or not where(*keys):
        return error
    return type(error)("{}: {}".format(error.where, error.what), where(*keys), error.why, error.next_step)


def places(snapshot: Snapshot) -> Dict[str, str]:
    """{'data', or 'section.key': absolute path} of the files and folders that the recipe names, for messages."""
    path = arguments(snapshot.sections["data"], snapshot.folder).get("path")
    return {**({"data": path} if isinstance(path, str) else {}),
            **recipe_files.files(snapshot.sections, snapshot.folder)}


def data_now(snapshot: Snapshot, parts: Sequence[str]) -> Dict[str, str]:
    """{part: sha256} of these parts at this moment, which differ from `snapshot.data` if the data has changed. Uses the
    snapshot's source of the dataset, if it has been read."""
    section, tree = snapshot.sections["data"], None
    if not data_digests.is_light(section):
        tree = snapshot.trees.get(DIGEST) or _settled(
            lambda: _trees(snapshot.sections, snapshot.folder, _HERE, (DIGEST,)))[DIGEST]
    return data_digests.digests(section, snapshot.folder, parts, tree)


def differ_in_data_alone(one: Snapshot, other: Snapshot) -> bool:
    """Whether two snapshots of one recipe differ at most in the data."""
    return one._replace(data=other.data).digest == other.digest


def has_data_as_taken(snapshot: Snapshot, parts: Sequence[str]) -> bool:
    """Whether the data of these parts is unchanged since the snapshot. False if it cannot be read."""
    try:
        return data_now(snapshot, parts) == {part: snapshot.data[part] for part in parts}
    except DatasetError:
        return False


def files_now(snapshot: Snapshot) -> Dict[str, str]:
    """{'section.key': sha256} of the recipe's files at this moment."""
    return recipe_files.digests_of(snapshot.sections, snapshot.folder)


def versions(closure: source_closure.Closure) -> Dict[str, str]:
    """The versions that enter a key: Python's, and those of the distributions that the closure imports."""
    return {"python": "{}.{}".format(*sys.version_info[:2]),
            **distributions.versions(sorted(closure.modules))}


def _roots(spec: StageSpec, sections: Sections, folder: Path, packages_root: Path) -> List[Path]:
    roots = [packages_root / "tasks" / "__main__.py",
             packages_root / "tasks" / (spec.module.replace(".", "/") + ".py")]
    for pattern in spec.files:
        roots.extend(sorted((packages_root / "tasks").glob(pattern)))
    return roots + [lookup.source_of(named.spec, named.catalogue, folder, ".".join(named.keys))
                    for named in lookup.named(sections) if named.keys[0] in spec.reads]


def _trees(sections: Sections, folder: Path, root: Path, jobs: Sequence[str],
           expected: Optional[Snapshot] = None) -> Optional[Dict[str, SourceTree]]:
    """{job: its source}; None if the source changes while it is read, or differs from that of `expected`."""
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
    files = tuple(os.path.normpath(path) for name in recipe_files.files(sections, folder).values()
                  for path in ([name] if os.path.exists(name) else recipe_files.existing(name)))
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
                     why="it was read {} times, and had changed each time".format(ATTEMPTS),
                     next_step="run it again when nobody writes to the source")


def _source(sections: Sections, catalogue: str, folder: Path) -> Path:
    """The source file of a name in the recipe, found without importing it, since it may need TensorFlow."""
    entry = lookup.CATALOGUES[catalogue]
    return lookup.source_of(sections[entry.section][entry.key], catalogue, folder)
