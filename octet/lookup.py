"""Finds the function or class that a recipe names. The name is called a spec, and has one of these forms:

    lenet                 a module of the catalogue (the package `models` or `octet.datasets`); losses, metrics and
                          boxes have no catalogue
    my_package.nets:fn    a dotted path, looked up in the recipe's folder, then among installed packages, such as
                          tensorflow.keras.applications:ResNet50
    ./nets.py:fn          a file, relative to the recipe's folder

`:fn` may be omitted if the function has the catalogue's usual name. A file can import the modules beside it
(`neighbour_modules.py`). For a dotted path, only its top-level name is imported from the recipe's folder, so a
`yaml.py` there does not shadow the installed package."""

import ast
import functools
import importlib
import importlib.util
import os
import pkgutil
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any, List, NamedTuple, Optional, Tuple, Type, Union

from octet import regular_file
from octet.dotted_import import import_dotted, public_names
from octet.errors import DatasetError, ModelError, OctetError, RecipeError
from octet.installed_files import is_installed
from octet.job import Sections
from octet.suggestions import suggest
from octet.user_code import load_file, translated_errors

UNPARSABLE = (OSError, SyntaxError, ValueError, RecursionError, MemoryError)
"""The exceptions of reading and parsing a source file. The last two: the source is nested too deeply for Python."""
LONGEST_SPEC = 1000  # characters

MODELS, DATASETS, LOSSES, METRICS, BOXES = "models", "octet.datasets", "losses", "metrics", "boxes"


class Catalogue(NamedTuple):
    """A kind of function or class that a recipe can name.

    usual: the function that each member module of the catalogue's package defines; empty without such a package. kind:
    the word for one member, for messages. error: the class of errors that a member's code causes. section, key: the
    recipe's key that names a member; key is empty for a section with another structure (see `named`)."""

    usual: str
    kind: str
    error: Type[OctetError]
    section: str
    key: str

    @property
    def where(self) -> str:
        """The recipe's key, as `section.key`."""
        return self.section + "." * bool(self.key) + self.key


CATALOGUES = {DATASETS: Catalogue("load", "dataset", DatasetError, "data", "dataset"),
              MODELS: Catalogue("build", "model", ModelError, "model", "build"),
              LOSSES: Catalogue("", "loss", ModelError, "loss", ""),
              METRICS: Catalogue("", "metric", ModelError, "metrics", ""),
              BOXES: Catalogue("", "reader of boxes", ModelError, "report", "boxes")}


class Named(NamedTuple):
    """A function or class that a recipe names. catalogue: its kind. keys: the path of its key in the recipe."""

    catalogue: str
    keys: Tuple[str, ...]
    spec: str


def named(sections: Sections) -> List[Named]:
    """All functions and classes that these sections name. Malformed sections are skipped."""
    entries = [Named(catalogue, (each.section, each.key), _entry(sections.get(each.section), each.key))
               for catalogue, each in CATALOGUES.items() if each.key]
    loss = sections.get("loss")
    of_targets = _entry(loss, "targets")
    entries.append(Named(LOSSES, ("loss", "function"), _entry(loss, "function")))
    if isinstance(of_targets, dict):
        entries.extend(Named(LOSSES, ("loss", "targets", str(name), "function"), _entry(one, "function"))
                     for name, one in of_targets.items())
    metrics = sections.get("metrics")
    if isinstance(metrics, dict):
        entries.extend(Named(METRICS, ("metrics", str(name)), spec) for name, spec in metrics.items())
    return [each for each in entries if isinstance(each.spec, str) and each.spec]


def _entry(section: Any, key: str) -> Any:
    return section.get(key) if isinstance(section, dict) else None


_copies = ""  # the folder with copies of source files, each below it at its absolute path; empty: use the originals


def read_copies(folder: str) -> None:
    """From now on, loads source files from copies: /a/b.py from FOLDER/a/b.py."""
    global _copies
    _copies = folder


def names(catalogue: str) -> List[str]:
    """The catalogue's members, sorted: its modules that define `build` or `load`. Imports no module."""
    usual = CATALOGUES[catalogue].usual
    return sorted(info.name for info in pkgutil.iter_modules(_folders(catalogue))
                  if not info.name.startswith("_")
                  and _defines(_found(info.name, _folders(catalogue)), usual))


def is_member(name: str, catalogue: str) -> bool:
    """Whether `name` is one of `names(catalogue)`. Reads only that module."""
    return (name.isidentifier() and not name.startswith("_")
            and _defines(_found(name, _folders(catalogue)), CATALOGUES[catalogue].usual))


def load_attribute(spec: str, catalogue: str, default_attr: str, folder: Union[str, Path], where: str = "") -> Any:
    """Loads the function or class that `spec` names. folder: the recipe's. where: the recipe's key, by default the
    catalogue's.

    Raises RecipeError if there is no such function, ModelError or DatasetError for a user's module that fails to
    import.
    """
    name, attr = _split(spec)
    attr = attr or default_attr
    where = where or CATALOGUES[catalogue].where
    module = _module(spec, name, catalogue, _place(folder), where)
    function = getattr(module, attr, None)
    if not callable(function):
        what = "class" if catalogue == METRICS else "function"
        raise RecipeError("no {} '{}' in {}".format(what, attr, module.__file__), where=where,
                          why="a {} is a {}".format(CATALOGUES[catalogue].kind, what),
                          next_step=suggest(attr, public_names(module, callable)))
    return function


def source_file(spec: str, catalogue: str, folder: Union[str, Path]) -> Optional[Path]:
    """The source file that `spec` refers to, found without importing it; None if there is none.

    For a module that an installed package creates during its import, as TensorFlow does, it is the file of the
    top-level package.
    """
    name, attr = _split(spec)
    source_folder = _place(folder)
    if is_file(spec):  # name may be absolute
        path = Path(os.path.normpath(str(_place(source_folder / name)))) if _copies else source_folder / name
        return path if regular_file.is_there(str(path)) else None
    if _is_plain(name, attr):
        return _found(name, _folders(catalogue))
    return _found(name, [str(source_folder)]) or _found(name, None) or _installed(name)


def source_of(spec: str, catalogue: str, folder: Union[str, Path], where: str = "") -> Path:
    """`source_file`, but raises RecipeError, with similar names, if there is none. where: the recipe's key, by default
    the catalogue's."""
    kind, where = CATALOGUES[catalogue].kind, where or CATALOGUES[catalogue].where
    if len(spec) > LONGEST_SPEC:
        raise RecipeError("no {} has a name of {} characters".format(kind, len(spec)), where=where,
                          why="it begins with {!r}".format(spec[:40]),
                          next_step="write the name or the path of a {}".format(kind))
    name, attr = _split(spec)
    if not CATALOGUES[catalogue].usual and not attr:
        raise RecipeError("{!r} names no {}".format(spec, "class" if catalogue == METRICS else "function"), where=where,
                          why="a {} of your own is written FILE:NAME".format(kind),
                          next_step="write ./{}.py:NAME, a file relative to the recipe and a name in it".format(
                              catalogue))
    path = source_file(spec, catalogue, folder)
    if _is_plain(name, attr) and not is_file(spec) and not is_member(name, catalogue):
        raise RecipeError("no {} named '{}'".format(kind, name), where=where,
                          why="a name without a dot or a slash refers to Octet's own",
                          next_step=suggest(name, names(catalogue)))
    if path is not None:
        return path
    folder = Path(folder).absolute()
    if not is_file(spec):
        raise RecipeError("no module '{}' in {}, and none is installed".format(name, folder), where=where,
                          why="the recipe names it as its {}".format(kind),
                          next_step="correct the name; a file is written ./nets.py:function")
    path = folder / name
    if regular_file.kind(str(path)):
        raise RecipeError("'{}' in {} is {}, not a file".format(name, folder, regular_file.kind(str(path))),
                          where=where, why="a {} is Python source".format(kind),
                          next_step="write ./file.py:function, or a dotted path for a package: package.module:function")
    near = path.parent.glob("*.py") if os.path.isdir(str(path.parent)) else []
    raise RecipeError("no file '{}' in {}".format(name, folder), where=where,
                      why="the recipe names it as its {}".format(kind),
                      next_step=suggest(path.name, [file.name for file in near]))


def is_file(spec: str) -> bool:
    """Whether the spec is a file path rather than a name or a dotted path."""
    name = _split(spec)[0]
    return "/" in name or name.endswith(".py")


def _place(folder: Union[str, Path]) -> Path:
    """The folder that holds the source: `folder`, or its copy if copies are used."""
    absolute = str(Path(folder).absolute())
    return Path(absolute if not _copies or absolute.startswith(_copies) else _copies + absolute)


def _split(spec: str) -> Tuple[str, str]:
    name, _, attr = spec.partition(":")
    return name, attr


def _is_plain(name: str, attr: str) -> bool:
    return "." not in name and not attr


def _folders(catalogue: str) -> List[str]:
    if not CATALOGUES[catalogue].usual:
        return []
    spec = importlib.util.find_spec(catalogue)
    return list(spec.submodule_search_locations or ()) if spec is not None else []


def _found(dotted: str, folders: Optional[List[str]]) -> Optional[Path]:
    """The source file of a dotted module in the folders (None: those of sys.path). Imports nothing."""
    done: List[str] = []
    spec = None
    for part in dotted.split("."):
        done.append(part)
        spec = PathFinder.find_spec(".".join(done), folders) if part else None
        if spec is None:
            return None
        folders = list(spec.submodule_search_locations or [])
    return Path(spec.origin) if spec is not None and spec.has_location and spec.origin else None


def _installed(dotted: str) -> Optional[Path]:
    """The source file of the top-level package of a dotted path; None if it is not installed."""
    path = _found(dotted.split(".")[0], None)
    return path if path is not None and is_installed(path) else None


def _defines(path: Optional[Path], name: str) -> bool:
    if path is None or path.suffix != ".py":
        return False
    stat = path.stat()
    return _defined(str(path), name, (stat.st_mtime_ns, stat.st_size))


@functools.lru_cache(maxsize=None)
def _defined(path: str, name: str, stamp: Tuple[int, int]) -> bool:
    """Whether the file defines the name. Cached for each `stamp` of the file."""
    try:
        body = ast.parse(regular_file.text(path)).body
    except UNPARSABLE:
        return True  # treated as a member, so that loading it reports the error
    return any(getattr(node, "name", None) == name
               or name in [getattr(target, "id", None) for target in getattr(node, "targets", [])]
               for node in body)


def _module(spec: str, name: str, catalogue: str, folder: Path, where: str) -> ModuleType:
    path = source_of(spec, catalogue, folder, where)
    next_step = "install another release of its package, or name another {}" if is_installed(path) else \
        "correct that file, or name another {}"
    importing = functools.partial(translated_errors, "'{}' cannot be imported".format(spec), path,
                                  CATALOGUES[catalogue].error, where, next_step.format(CATALOGUES[catalogue].kind))
    if is_file(spec):
        with importing():
            resolved = path.resolve()
            return load_file(resolved, str(resolved)[len(_copies):])
    if _is_plain(name, _split(spec)[1]):
        with importing():
            return importlib.import_module(catalogue + "." + name)
    with importing():
        module = import_dotted(name, folder, where)
    if path != _installed(name) and Path(str(module.__file__)).resolve() != path.resolve():
        raise RecipeError("the name '{}' is taken by {}".format(name, module.__file__), where=where,
                          why="so {} cannot be imported under it".format(path),
                          next_step="rename it, or write it as a file: ./nets.py:function")
    return module
