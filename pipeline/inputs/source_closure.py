"""Finds the source that a stage runs by following its imports, and hashes it as normalised syntax trees.

All import statements are followed statically: at the top, inside functions, below `if` and `try`, relative and
absolute, with the `__init__.py` of every package on the way. They are followed into Octet's packages (PACKAGES), from a
user's file into the user's folder or package, and into every other module that is importable but not installed.
Installed modules are not source: the versions of their distributions are in the key instead.

Comments, docstrings and formatting do not change a digest. An import whose name is computed at run time is not found.
The stage's process then lacks the file, and reports it (`tasks/source_guard/private_source.py`).
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
from octet.installed_files import FOLDERS as INSTALLED
from pipeline.inputs import distributions, key
from pipeline.inputs.imported_files import Modules
from pipeline.inputs.inert_source import INERT

PACKAGES = ("octet", "tasks", "models")

_PURPOSE = "closure-3-python{}.{}".format(*sys.version_info[:2])  # ast.dump differs by version

Import = Tuple[int, str, List[str]]
"""(level, module, names) of `from <level dots><module> import <names>`."""


class File(NamedTuple):
    """One source file.

    sha256: of its bytes. tree: sha256 of its normalised syntax tree; '' for a file that is INERT, or that only inert
    files import."""

    path: str
    sha256: str
    tree: str


class Closure(NamedTuple):
    """files: {name: File}. modules: the top-level names of imported modules that are not source."""

    files: Dict[str, File]
    modules: Set[str]

    @property
    def trees(self) -> Dict[str, str]:
        """{name: sha256 of its tree} of the files that an artifact's key holds."""
        return {name: file.tree for name, file in self.files.items() if file.tree}


class _ParsedFile(NamedTuple):
    """sha256: of its bytes. tree: sha256 of its normalised syntax tree. imports: its import statements."""

    sha256: str
    tree: str
    imports: List[Import]


class Reader:
    """Reads the closures of several stages and recipes, each file once.

    links: {path in a recipe or an import: real path} of files that are reached through symbolic links."""

    def __init__(self, packages_root: Path) -> None:
        self.root = Path(packages_root).resolve()
        self._closures: Dict[Tuple[Path, ...], Closure] = {}
        self._parsed: Dict[Path, _ParsedFile] = {}
        self._imported: Dict[Tuple[Path, Optional[Path]], Tuple[List[Path], Set[str]]] = {}
        self._importable: Dict[str, Optional[Path]] = {}
        self._own_names: Dict[Path, Optional[str]] = {}
        self._modules = Modules()
        self.links: Dict[str, str] = self._modules.links

    def of(self, roots: Sequence[Path]) -> Closure:
        """The closure of the roots.

        A file of Octet is named relative to `packages_root`, a user's file relative to the folder of the root that
        imports it, so that a moved folder is the same source. A second file of the same name gets `#2`.

        Raises RecipeError for a file that does not exist or is not Python."""
        real_roots = tuple(Path(root).resolve() for root in roots)
        for root, real in zip(roots, real_roots):
            self.links[os.path.normpath(os.path.abspath(str(root)))] = str(real)
        if real_roots not in self._closures:
            self._closures[real_roots] = self._of(real_roots)
        return self._closures[real_roots]

    def _of(self, roots: Sequence[Path]) -> Closure:
        files: Dict[str, File] = {}
        modules: Set[str] = set()
        seen: Set[Path] = set()
        inert: List[Path] = []
        for root in roots:
            # Octet's own files are source even if Octet is installed.
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
                for path, parsed in zip(wave, self._parse(wave)):
                    name = self._own_name(path) or _user_name(path, root.parent, files)
                    files[name] = File(str(path), parsed.sha256, parsed.tree)
                    imported, not_source = self._imported_by(path, parsed, root.parent)
                    todo.extend(imported)
                    modules.update(not_source)
        self._add_inert(inert, seen, files)
        return Closure(files, modules)

    def _add_inert(self, todo: List[Path], seen: Set[Path], files: Dict[str, File]) -> None:
        """Adds the inert files, and the files that only they import."""
        while todo:
            wave = [path for path in dict.fromkeys(todo) if path not in seen]
            seen.update(wave)
            todo = []
            for path, parsed in zip(wave, self._parse(wave)):
                name = self._own_name(path) or _user_name(path, self.root, files)
                files[name] = File(str(path), parsed.sha256, "")
                todo.extend(self._imported_by(path, parsed, path.parent)[0])

    def _imported_by(self, path: Path, parsed: _ParsedFile, user_folder: Path) -> Tuple[List[Path], Set[str]]:
        """(the source files that one file imports, the top-level modules that it imports and that are not source)."""
        place = (path, None if self._own_name(path) else user_folder)
        if place not in self._imported:
            modules: Set[str] = set()
            files = [file for statement in parsed.imports
                     for file in self._files_of(statement, path, user_folder, modules)]
            self._imported[place] = list(dict.fromkeys(files)), modules
        return self._imported[place]

    def _own_name(self, path: Path) -> Optional[str]:
        """`path` relative to the packages' root when it is in one of PACKAGES, else None."""
        if path not in self._own_names:
            try:
                relative = path.relative_to(self.root)
            except ValueError:
                relative = Path()
            is_own = bool(relative.parts) and relative.parts[0] in PACKAGES
            self._own_names[path] = relative.as_posix() if is_own else None
        return self._own_names[path]

    def _parse(self, paths: List[Path]) -> List[_ParsedFile]:
        """Parses each file. Results are cached between runs, by content."""
        new = [path for path in paths if path not in self._parsed]
        for path, text in zip(new, _cached(new)):
            sha256, tree, imports = json.loads(text)
            self._parsed[path] = _ParsedFile(sha256, tree, [(i[0], i[1], i[2]) for i in imports])
        return [self._parsed[path] for path in paths]

    def _files_of(self, statement: Import, importer: Path, user_folder: Path, modules: Set[str]) -> List[Path]:
        """The source files that one import statement of `importer` runs. The names of installed modules are added to
        `modules`."""
        level, module, names = statement
        parts = module.split(".") if module else []
        if level:
            base = importer.parent
            for _ in range(level - 1):
                base = base.parent
            return self._modules.files([base], parts, names)
        if parts[0] in PACKAGES:  # a user's `tasks/` never shadows Octet's
            return self._modules.files([self.root], parts, names)
        if not self._own_name(importer):
            bases = [folder for folder in (importer.parent, user_folder)
                     if folder.name not in INSTALLED]
            # `import nets.blocks` in nets/model.py starts at the folder above `nets`.
            bases += [folder.parent for folder in importer.parents if folder.name == parts[0]]
            files = self._modules.files(bases, parts, names)
            if files:
                return files
        source_folder = self._source_folder(parts[0])
        if source_folder is None:
            modules.add(parts[0])
            return []
        return self._modules.files([source_folder], parts, names)

    def _source_folder(self, module: str) -> Optional[Path]:
        """The folder of a top-level module that is importable but neither installed nor part of the standard library
        (for example, an editable install); None for any other module."""
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
    if not path.endswith(".py"):  # for example a compiled module, which has no syntax tree
        return json.dumps([sha256, sha256, []])
    try:
        tree = ast.parse(content, path)
        imports = list(_imports(tree))
        return json.dumps([sha256, key.digest(ast.dump(without_docstrings(tree))), imports])
    except (RecursionError, MemoryError) as error:
        raise RecipeError("Python's parser fails on this file: {}".format(
            str(error) or "its expressions are nested too deeply"), where=path,
                          why="its syntax tree is part of an artifact's identity.",
                          next_step="split the longest chain of elif, or the expression that is nested most "
                                    "deeply.") from error
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        raise RecipeError("this is not Python {}.{}: {}".format(*sys.version_info[:2],
                                                                getattr(error, "msg", error)),
                          where="{}:{}".format(path, line) if line else path,
                          why="a stage could not import it.",
                          next_step="correct the file.") from error


def without_docstrings(tree: ast.Module) -> ast.Module:
    """Removes every docstring from the tree, and returns the tree."""
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
    files = []
    for folder in path.parents:
        init = folder / "__init__.py"
        if folder == packages_root or not init.is_file():
            break
        files.append(init)
    return files


def _installed_module(path: Path) -> str:
    """The top-level module that an installed file belongs to; '' for a file that is not installed."""
    for index, folder in enumerate(path.parts[:-1]):
        if folder in INSTALLED:
            return path.parts[index + 1].split(".")[0]
    return ""


def _user_name(path: Path, folder: Path, files: Dict[str, File]) -> str:
    plain = Path(os.path.relpath(str(path), str(folder))).as_posix()
    name, count = plain, 1
    while name in files:
        count += 1
        name = "{}#{}".format(plain, count)
    return name


def _isolated_path() -> List[str]:
    """sys.path as in a stage's process, which is started with -I: without the working folder, the script's folder and
    PYTHONPATH."""
    script = os.path.dirname(os.path.abspath(sys.argv[0])) if sys.argv else ""
    path = sys.path[1:] if sys.path[:1] in ([""], [script], [os.getcwd()]) else list(sys.path)
    from_environment = {os.path.abspath(entry) for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry}
    return [entry for entry in path if entry and os.path.abspath(entry) not in from_environment]
