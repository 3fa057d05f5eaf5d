"""One look at recipe, data, source and versions, taken before anything is scheduled.

Nothing reads the recipe again after it: an edit while a run is on changes the next run.
"""

import inspect
import sys
from pathlib import Path
from typing import Callable, Dict, Iterable, List, NamedTuple, Optional, Tuple

try:
    from importlib import metadata
except ImportError:  # Python 3.7
    import importlib_metadata as metadata

from octet import digest as digests
from octet import recipe as recipes
from octet import resolve
from octet.datasets.dataset import PARTS, arguments
from octet.errors import DatasetError, OctetError, RecipeError
from pipeline import closure, key
from pipeline.spec import STAGES, StageSpec

DATASETS, MODELS = "octet.datasets", "models"
DISTRIBUTIONS = ("numpy", "tensorflow")

_HERE = Path(__file__).resolve().parent.parent


class Snapshot(NamedTuple):
    """What is to be built, by content.

    recipe:   the recipe's file; folder: what its paths are relative to. Neither is content.
    sections: {section: its values, defaults filled in}.
    data:     {part: sha256}.
    source:   {stage: {file: sha256 of its syntax tree}}.
    versions: {'python': 'major.minor', 'numpy': ..., 'tensorflow': ...}.
    where:    where(*keys) is the place of a key in the recipe's files, 'file:line:column'. No content.
    """

    recipe: Path
    folder: Path
    sections: Dict[str, object]
    data: Dict[str, str]
    source: Dict[str, Dict[str, str]]
    versions: Dict[str, str]
    where: Callable[..., str] = lambda *keys: ""

    @property
    def digest(self) -> str:
        """sha256 of the content: two recipes of one content are one, whatever their names."""
        return key.digest({"record": "octet.snapshot", "version": 1, "sections": self.sections,
                           "data": self.data, "source": self.source, "versions": self.versions})


def take(recipe_path: Path, packages_root: Optional[Path] = None) -> Snapshot:
    """A snapshot of the recipe in `recipe_path` and of all that it names.

    packages_root: the folder that holds `octet`, `tasks` and `models`; this checkout by default.
    Raises RecipeError for a recipe that is not one, DatasetError for data that has no digest."""
    recipe = recipes.load(Path(recipe_path))
    sections = recipe.sections()
    folder = Path(recipe.folder)
    root = Path(packages_root) if packages_root else _HERE
    if sections["model"]["weights"] is not None:
        sections["model"]["weights_sha256"] = _weights(sections["model"]["weights"], folder,
                                                       recipe.where("model", "weights"))
    try:
        data = _digests(sections["data"], folder, PARTS, recipe.where("data", "dataset"))
    except DatasetError as error:
        raise located(error, recipe.where) from error
    return Snapshot(
        recipe=Path(recipe.path), folder=folder, sections=sections, data=data,
        source={name: closure.of(_roots(spec, sections, folder, root, recipe.where), root)
                for name, spec in STAGES.items()},
        versions=versions(), where=recipe.where)


def located(error: OctetError, where: Callable[..., str]) -> OctetError:
    """The error as it is; one whose `where` is a key path (model.build) with its place in the recipe."""
    keys = error.where.split(".")
    if keys[0] not in recipes.SECTIONS or not where(*keys):
        return error
    return type(error)("{}: {}".format(error.where, error.what), where(*keys), error.why, error.next_step)


def data_now(snapshot: Snapshot) -> Dict[str, str]:
    """{part: sha256} of the data as it is at this moment: not `snapshot.data` when it changed."""
    return _digests(snapshot.sections["data"], snapshot.folder, tuple(snapshot.data))


def source_now(snapshot: Snapshot, stage: str,
               packages_root: Optional[Path] = None) -> Dict[str, str]:
    """{file: digest} of one stage's source as it is at this moment. A stage's process imports what
    is there now, so where this is not `snapshot.source[stage]` its work has no right to the key."""
    root = Path(packages_root) if packages_root else _HERE
    return closure.of(_roots(STAGES[stage], snapshot.sections, snapshot.folder, root), root)


def versions() -> Dict[str, str]:
    """The versions that an artifact depends on, found without importing anything heavy."""
    found = {"python": "{}.{}".format(*sys.version_info[:2])}
    for name in DISTRIBUTIONS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "absent"  # checking a recipe needs no TensorFlow; another key, though
    return found


def _digests(section: dict, folder: Path, parts: Iterable[str], where: str = "") -> Dict[str, str]:
    name, colon, _ = section["dataset"].partition(":")  # `./faces.py:load` has its digest beside it
    digest = resolve.load_attribute(name + (":digest" if colon else ""), DATASETS, "digest",
                                    folder, where)
    args = arguments(section, folder)
    found = {}
    for part in parts:
        try:
            inspect.signature(digest).bind(part, **args)
        except TypeError as error:
            raise DatasetError(
                "they do not fit the dataset '{}': {}".format(section["dataset"], error),
                where="data.args", why="digest(part, **args) and load(**args) take them.",
                next_step="its digest takes {}".format(inspect.signature(digest))) from error
        try:
            found[part] = digest(part, **args)
        except OSError as error:
            raise DatasetError(
                "cannot read the {} part of '{}': {}".format(part, section["dataset"],
                                                             error.strerror or error),
                where=str(error.filename or section["dataset"]),
                why="the content of the data is part of what an artifact is made of.",
                next_step="fetch the data, or correct data.args in the recipe.") from error
        if not isinstance(found[part], str):
            raise DatasetError(
                "digest('{}') of '{}' is {!r}, not a text".format(part, section["dataset"],
                                                                  found[part]),
                where=section["dataset"],
                why="it tells this content of the part from any other.",
                next_step="return a sha256 in hex digits.")
    return found


def _weights(name: str, folder: Path, where: str) -> str:
    """sha256 of a file of weights, or of the files of a checkpoint by their endings."""
    path = folder / Path(name).expanduser()
    files = [path] if path.is_file() else sorted(
        file for pattern in (".index", ".data-*") for file in path.parent.glob(path.name + pattern))
    if not files:
        raise RecipeError("model.weights: there is no such file, nor a checkpoint of this name", where=where,
                          why="looked for {}, and {}.index".format(path, path),
                          next_step="give the path of a .h5 file or the prefix of a checkpoint, "
                                    "relative to the recipe")
    return key.digest({file.name[len(path.name):]: digests.cached(str(file), "file", digests.of_file)
                       for file in files})


def _roots(spec: StageSpec, sections: dict, folder: Path, packages_root: Path,
           where: Callable[..., str] = lambda *keys: "") -> List[Path]:
    roots = [packages_root / "tasks" / "__main__.py",
             packages_root / "tasks" / (spec.module + ".py")]
    if "model" in spec.reads:
        roots.append(_source(sections, ("model", "build"), MODELS, folder, where))
    if "data" in spec.reads:
        roots.append(_source(sections, ("data", "dataset"), DATASETS, folder, where))
    return roots


def _source(sections: dict, keys: Tuple[str, str], catalogue: str, folder: Path,
            where: Callable[..., str]) -> Path:
    """The file that a name in the recipe means. Not imported: it may need TensorFlow."""
    name = sections[keys[0]][keys[1]]
    path = resolve.source_file(name, catalogue, folder)
    if path is None:
        raise RecipeError("{}: there is no '{}'".format(".".join(keys), name),
                          where=where(*keys),
                          why="neither among ours, nor below {}.".format(folder),
                          next_step=resolve.suggest(name, resolve.names(catalogue)))
    return path
