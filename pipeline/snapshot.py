"""One look at recipe, data, source and versions, taken before anything is scheduled.

Nothing reads the recipe again after it: an edit while a run is on changes the next run.
"""

import glob as globs
import sys
from pathlib import Path
from typing import Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

from octet import digest as digests
from octet import recipe as recipes
from octet import regular_file, resolve
from octet.datasets.dataset import PARTS, arguments
from octet.errors import OctetError, RecipeError
from pipeline import closure, data, distributions, key, settings
from pipeline.spec import STAGES, StageSpec

NAME_DIGITS = 16

_HERE = Path(__file__).resolve().parent.parent


class Snapshot(NamedTuple):
    """What is to be built, by content.

    recipe:   the recipe's file; folder: what its paths are relative to. Neither is content.
    sections: {section: its values, defaults filled in}.
    data:     {part: sha256}.
    files:    {'section.key': sha256} of the files that the recipe names.
    source:   {stage: {file: sha256 of its syntax tree}}.
    versions: {stage: {'python': 'major.minor', distribution: version}}.
    closures: {stage: where that source is}. No content.
    where:    where(*keys) is the place of a key in the recipe's files, 'file:line:column'. No content.
    """

    recipe: Path
    folder: Path
    sections: Dict[str, object]
    data: Dict[str, str]
    files: Dict[str, str]
    source: Dict[str, Dict[str, str]]
    versions: Dict[str, Dict[str, str]]
    closures: Dict[str, closure.Closure]
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
        self.reader = closure.Reader(Path(packages_root) if packages_root else _HERE)
        self._source: Dict[str, Tuple[Dict[str, closure.Closure], Dict[str, Dict[str, str]]]] = {}
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
            self._data[named] = data.digests(sections["data"], folder, PARTS,
                                             _dataset_modules(self.reader, sections, folder))
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
            closures=closures, where=recipe.where)


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
    """{part: sha256} of these parts as they are at this moment: not those of `snapshot.data` when they changed."""
    reader = closure.Reader(_HERE)
    return data.digests(snapshot.sections["data"], snapshot.folder, parts,
                        _dataset_modules(reader, snapshot.sections, snapshot.folder))


def files_now(snapshot: Snapshot) -> Dict[str, str]:
    """{'section.key': sha256} of the recipe's files as they are at this moment."""
    return _file_digests(snapshot.sections, snapshot.folder)


def source_now(snapshot: Snapshot, stage: str,
               packages_root: Optional[Path] = None) -> Dict[str, str]:
    """{file: digest} of one stage's source as it is at this moment. A stage's process imports what
    is there now, so where this is not `snapshot.source[stage]` its work has no right to the key."""
    reader = closure.Reader(Path(packages_root) if packages_root else _HERE)
    return reader.of(_roots(STAGES[stage], snapshot.sections, snapshot.folder, reader.root)).trees


def versions(found: closure.Closure) -> Dict[str, str]:
    """The versions that what a closure makes depends on: Python's, and those of the distributions
    that it imports."""
    return {"python": "{}.{}".format(*sys.version_info[:2]),
            **distributions.versions(sorted(found.modules))}


def _no_place(*keys: str) -> str:
    return ""


def _roots(spec: StageSpec, sections: dict, folder: Path, packages_root: Path) -> List[Path]:
    roots = [packages_root / "tasks" / "__main__.py",
             packages_root / "tasks" / (spec.module + ".py")]
    if "model" in spec.reads:
        roots.append(_source(sections, resolve.MODELS, folder))
    if "data" in spec.reads:
        roots.append(_source(sections, resolve.DATASETS, folder))
    return roots


def _dataset_modules(reader: closure.Reader, sections: dict, folder: Path) -> set:
    """The modules from elsewhere that a dataset imports; Python's own are left out."""
    found = reader.of([_source(sections, resolve.DATASETS, folder)])
    return {name for name in found.modules if not distributions.is_standard(name)}


def _source(sections: dict, catalogue: str, folder: Path) -> Path:
    """The file that a name in the recipe means. Not imported: it may need TensorFlow."""
    named = resolve.CATALOGUES[catalogue]
    return resolve.source_of(sections[named.section][named.key], catalogue, folder)


def _file_digests(sections: dict, folder: Path,
                  where: Callable[..., str] = _no_place) -> Dict[str, str]:
    return {name: _file_digest(path, name, where(*name.split(".")))
            for name, path in _files(sections, folder).items()}


def _file_digest(name: str, key_path: str, where: str) -> str:
    """sha256 of a file, or of the files of a checkpoint by their endings."""
    path = Path(name)
    files = [path] if regular_file.is_there(name) else _of_checkpoint(path)
    if not files:
        raise _no_weights(path, key_path, where)
    hashes = digests.cached_all([str(file) for file in files], "file", digests.of_file)
    return key.digest({file.name[len(path.name):]: sha256 for file, sha256 in zip(files, hashes)})


def _of_checkpoint(prefix: Path) -> List[Path]:
    """The files of a checkpoint, sorted."""
    return sorted(file for ending in (".index", ".data-*")
                  for file in prefix.parent.glob(globs.escape(prefix.name) + ending))


def _no_weights(path: Path, key_path: str, where: str) -> RecipeError:
    """What is at the path instead of weights, and the path that was meant, where it is near."""
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
    """{'section.key': path, absolute} of the files that the recipe names."""
    values = {"{}.{}".format(section, name): (sections.get(section) or {}).get(name)
              for section, name in key.FILES}
    return {name: arguments({"args": {"path": value}}, folder)["path"]
            for name, value in values.items() if value}
