"""The source that a stage's work is made of, as normalised syntax trees.

Imports are followed statically, wherever they stand: at the top, inside a function, behind an `if`
or a `try`, relative or absolute, with the `__init__.py` of every package on the way. Followed are
Octet's own packages (PACKAGES), from a user's file the files of the user's own folder or package,
and whatever else is importable and not installed. What is installed is not source: its
distribution's version is in the key instead.

A comment, a docstring or formatting changes no digest. An import whose name is computed at run time
is not seen here; the stage's process has no such file, and says so (`tasks/source_guard/private_source.py`).
"""

import ast
import json
import os
import sys
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple

from octet import digest, regular_file
from octet.errors import RecipeError
from octet.installed import FOLDERS as INSTALLED
from pipeline.inputs import distributions, key
from pipeline.inputs.inert_source import INERT
from pipeline.inputs.modules import Modules

PACKAGES = ("octet", "tasks", "models")

_PURPOSE = "closure-3-python{}.{}".format(*sys.version_info[:2])  # ast.dump differs by version

Import = Tuple[int, str, List[str]]
"""(level, module, names) of `from <level dots><module> import <names>`."""


class File(NamedTuple):
    """One source file: where it is, its raw bytes' sha256, and its normalised tree's. `tree` is
    empty for a file that is INERT or reached through such files alone."""

    path: str
    sha256: str
    tree: str


class Closure(NamedTuple):
    """files: {name: File}; modules: top-level names of what is imported from elsewhere."""

    files: Dict[str, File]
    modules: Set[str]

    @property
    def trees(self) -> Dict[str, str]:
        """{name: sha256 of its tree} of the files that an artifact's key holds."""
        return {name: file.tree for name, file in self.files.items() if file.tree}


class _Look(NamedTuple):
    sha256: str
    tree: str
    imports: List[Import]


class Reader:
    """Closures of several stages and recipes, each file looked at once.

    links: {path as a recipe or an import writes it: real path} of what the closures reached by symbolic links."""

    def __init__(self, packages_root: Path) -> None:
        self.root = Path(packages_root).resolve()
        self._closures: Dict[Tuple[Path, ...], Closure] = {}
        self._looks: Dict[Path, _Look] = {}
        self._edges: Dict[Tuple[Path, Optional[Path]], Tuple[List[Path], Set[str]]] = {}
        self._importable: Dict[str, Optional[Path]] = {}
        self._own_names: Dict[Path, Optional[str]] = {}
        self._modules = Modules()
        self.links: Dict[str, str] = self._modules.links

    def of(self, roots: Sequence[Path]) -> Closure:
        """The closure of the roots. A file of Octet's is named relative to `packages_root`, a
        user's file relative to the root that reached it (so that a moved folder is the same
        source), a second file of that name with `#2`.

        Raises RecipeError for a file that is not there or is not Python."""
        wanted = tuple(Path(root).resolve() for root in roots)
        for root, real in zip(roots, wanted):
            self.links[os.path.normpath(os.path.abspath(str(root)))] = str(real)
        if wanted not in self._closures:
            self._closures[wanted] = self._of(wanted)
        return self._closures[wanted]

    def _of(self, roots: Sequence[Path]) -> Closure:
        files: Dict[str, File] = {}
        modules: Set[str] = set()
        seen: Set[Path] = set()
        inert: List[Path] = []
        for root in roots:
            # Octet itself may be installed: its own files are source wherever they are.
            installed = "" if self._own_name(root) else _installed_module(root)
            if installed:
                modules.add(installed)
                continue
            todo = [root] + _packages_of(root, self.root)
            while todo:
                wave = [path for path in dict.fromkeys(todo) if path not in seen]
                inert += [path for path in wave if self._own_name(path) in INERT]
                wave = [path for path in wave if path not in inert]
                seen.update(wave)
                todo = []
                for path, look in zip(wave, self._look(wave)):
                    name = self._own_name(path) or _user_name(path, root.parent, files)
                    files[name] = File(str(path), look.sha256, look.tree)
                    reached, elsewhere = self._edges_of(path, look, root.parent)
                    todo.extend(reached)
                    modules.update(elsewhere)
        self._add_inert(inert, seen, files)
        return Closure(files, modules)

    def _add_inert(self, todo: List[Path], seen: Set[Path], files: Dict[str, File]) -> None:
        """Adds the inert files, and what is reached through nothing but them."""
        while todo:
            wave = [path for path in dict.fromkeys(todo) if path not in seen]
            seen.update(wave)
            todo = []
            for path, look in zip(wave, self._look(wave)):
                name = self._own_name(path) or _user_name(path, self.root, files)
                files[name] = File(str(path), look.sha256, "")
                todo.extend(self._edges_of(path, look, path.parent)[0])

    def _edges_of(self, path: Path, look: _Look, user_folder: Path) -> Tuple[List[Path], Set[str]]:
        """The files that one file imports, and the top-level modules from elsewhere."""
        place = (path, None if self._own_name(path) else user_folder)
        if place not in self._edges:
            modules: Set[str] = set()
            files = [file for wanted in look.imports
                     for file in self._files_of(wanted, path, user_folder, modules)]
            self._edges[place] = list(dict.fromkeys(files)), modules
        return self._edges[place]

    def _own_name(self, path: Path) -> Optional[str]:
        """`path` relative to the packages' root when it is in one of PACKAGES, else None."""
        if path not in self._own_names:
            try:
                relative = path.relative_to(self.root)
            except ValueError:
                relative = Path()
            ours = bool(relative.parts) and relative.parts[0] in PACKAGES
            self._own_names[path] = relative.as_posix() if ours else None
        return self._own_names[path]

    def _look(self, paths: List[Path]) -> List[_Look]:
        """What is in each file, computed once for each content of it."""
        new = [path for path in paths if path not in self._looks]
        for path, text in zip(new, _cached(new)):
            sha256, tree, imports = json.loads(text)
            self._looks[path] = _Look(sha256, tree, [(i[0], i[1], i[2]) for i in imports])
        return [self._looks[path] for path in paths]

    def _files_of(self, wanted: Import, importer: Path, user_folder: Path,
                  modules: Set[str]) -> List[Path]:
        """The files that one import statement of `importer` runs: ours, the user's, and those
        importable but not installed. Names of what is installed go into `modules`."""
        level, module, names = wanted
        parts = module.split(".") if module else []
        if level:
            base = importer.parent
            for _ in range(level - 1):
                base = base.parent
            return self._modules.files([base], parts, names)
        if parts[0] in PACKAGES:  # a user's `tasks/` never shadows ours
            return self._modules.files([self.root], parts, names)
        if not self._own_name(importer):
            bases = [folder for folder in (importer.parent, user_folder)
                     if folder.name not in INSTALLED]
            # `import nets.blocks` in nets/model.py: the folder above `nets` is where it starts
            bases += [folder.parent for folder in importer.parents if folder.name == parts[0]]
            files = self._modules.files(bases, parts, names)
            if files:
                return files
        base = self._source_folder(parts[0])
        if base is None:
            modules.add(parts[0])
            return []
        return self._modules.files([base], parts, names)

    def _source_folder(self, module: str) -> Optional[Path]:
        """The folder that a top-level module is source in: importable, but neither installed nor
        Python's own (a package installed as editable, say)."""
        if module not in self._importable:
            self._importable[module] = None
            if not distributions.is_standard(module):
                spec = PathFinder.find_spec(module, _isolated_path())
                if spec is not None and spec.has_location and spec.origin:
                    origin = Path(spec.origin)
                    if not _installed_module(origin):
                        self._importable[module] = (
                            origin.parent.parent if origin.name == "__init__.py" else origin.parent)
        return self._importable[module]


def of(roots: Sequence[Path], packages_root: Path) -> Closure:
    """The closure of `roots`, looked at anew: see `Reader.of`."""
    return Reader(packages_root).of(roots)


def _cached(paths: List[Path]) -> List[str]:
    try:
        return digest.cached_all([str(path) for path in paths], _PURPOSE, _read)
    except OSError as error:
        raise RecipeError("cannot read this source file: {}".format(error.strerror),
                          where=str(error.filename),
                          why="its content is part of an artifact's identity.",
                          next_step="check the path that the recipe gives.") from error


def _read(path: str) -> str:
    """[sha256, digest of the tree, imports] of one file, as JSON."""
    content = regular_file.text(path) if path.endswith(".py") else regular_file.read(path)
    sha256 = digest.of_bytes(content)
    if not path.endswith(".py"):  # a compiled module, say: its bytes are all there is to know
        return json.dumps([sha256, sha256, []])
    try:
        tree = ast.parse(content, path)
        imports = list(_imports(tree))
        return json.dumps([sha256, key.digest(ast.dump(without_docstrings(tree))), imports])
    except (RecursionError, MemoryError) as error:
        raise RecipeError("Python's parser cannot take this file: {}".format(
            str(error) or "its expressions are nested too deeply"), where=path,
                          why="its syntax tree is part of an artifact's identity.",
                          next_step="split the longest chain of elif, or the expression that is nested most "
                                    "deeply.") from error
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        raise RecipeError("this is not Python {}.{}: {}".format(*sys.version_info[:2],
                                                                getattr(error, "msg", error)),
                          where="{}:{}".format(path, line) if line else path,
                          why="a stage would stop at importing it.",
                          next_step="correct the file.") from error


def without_docstrings(tree: ast.AST) -> ast.AST:
    """`tree` itself, every docstring in it removed."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            if ast.get_docstring(node, clean=False) is not None:
                del node.body[0]
    return tree


def _imports(tree: ast.AST) -> Iterator[Import]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield 0, alias.name, []
        elif isinstance(node, ast.ImportFrom):
            yield node.level, node.module or "", [alias.name for alias in node.names]
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Str):
            called = node.func
            name = getattr(called, "attr", getattr(called, "id", None))
            if name in ("import_module", "__import__") and _is_dotted(node.args[0].s):
                yield 0, node.args[0].s, []


def _is_dotted(text: str) -> bool:
    return all(part.isidentifier() for part in text.split("."))


def _packages_of(path: Path, packages_root: Path) -> List[Path]:
    """The `__init__.py` files of the packages that a root file lies in."""
    found = []
    for folder in path.parents:
        init = folder / "__init__.py"
        if folder == packages_root or not init.is_file():
            break
        found.append(init)
    return found


def _installed_module(path: Path) -> str:
    """The top-level module that an installed file belongs to; '' for a file that is not installed."""
    for index, folder in enumerate(path.parts[:-1]):
        if folder in INSTALLED:
            return path.parts[index + 1].split(".")[0]
    return ""


def _user_name(path: Path, folder: Path, taken: Dict[str, File]) -> str:
    plain = Path(os.path.relpath(str(path), str(folder))).as_posix()
    name, count = plain, 1
    while name in taken:
        count += 1
        name = "{}#{}".format(plain, count)
    return name


def _isolated_path() -> List[str]:
    """sys.path as a stage's process has it: without the working folder or the script's, and
    without PYTHONPATH (it is started with -I)."""
    script = os.path.dirname(os.path.abspath(sys.argv[0])) if sys.argv else ""
    path = sys.path[1:] if sys.path[:1] in ([""], [script], [os.getcwd()]) else list(sys.path)
    named = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    others = {os.path.abspath(entry) for entry in named if entry}
    return [entry for entry in path if entry and os.path.abspath(entry) not in others]
