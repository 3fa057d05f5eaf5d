"""The source that a stage's work is made of, as normalised syntax trees.

Imports are followed statically, wherever they stand: at the top, inside a function, behind an `if`
or a `try`, relative or absolute, with the `__init__.py` of every package on the way. Two kinds of
file are followed: Octet's own packages (PACKAGES), and, from a user's file, the files of the user's
own folder or package. What is installed is not source: its version is in the key instead.

A comment, a docstring or formatting changes no digest. An import whose name is computed at run time
is not seen; Octet's own catalogues are loaded so, which is why their files are roots.
"""

import ast
import json
import os
import sys
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Sequence, Set, Tuple

from octet import digest
from octet.errors import RecipeError
from pipeline import key

PACKAGES = ("octet", "tasks", "models")

INERT = (
    "octet/errors.py",  # the wording of an error, or its exit code, can change no artifact
)
"""Files that the closure leaves out. One line each, with the reason."""

_INSTALLED = ("site-packages", "dist-packages")  # neighbours there are other distributions

_PURPOSE = "closure-1-python{}.{}".format(*sys.version_info[:2])  # ast.dump differs by version

Import = Tuple[int, str, List[str]]
"""(level, module, names) of `from <level dots><module> import <names>`."""


def of(roots: Sequence[Path], packages_root: Path) -> Dict[str, str]:
    """{file: sha256 of its normalised syntax tree} of the roots and all that they import.

    A file of Octet's is named relative to `packages_root`, a user's file relative to the root that
    reached it (so that a moved folder is the same source), a second file of that name with `#2`.
    Raises RecipeError for a file that is not there or is not Python."""
    packages_root = Path(packages_root).resolve()
    found: Dict[str, str] = {}
    seen: Set[Path] = set()
    for root in (Path(root).resolve() for root in roots):
        todo = [root] + _packages_of(root, packages_root)
        while todo:
            path = todo.pop(0)
            if path in seen or _own_name(path, packages_root) in INERT:
                continue
            seen.add(path)
            tree_digest, imports = _look(path)
            name = _own_name(path, packages_root) or _user_name(path, root.parent, found)
            found[name] = tree_digest
            for wanted in imports:
                todo.extend(_files_of(wanted, path, root.parent, packages_root))
    return found


def _look(path: Path) -> Tuple[str, List[Import]]:
    """(digest, imports) of one file, computed once for each content of it."""
    def compute(_) -> str:
        if path.suffix != ".py":  # a compiled module, say: its bytes are all there is to know
            return json.dumps([digest.of_file(str(path)), []])
        tree = ast.parse(path.read_bytes(), str(path))
        imports = list(_imports(tree))
        return json.dumps([key.digest(ast.dump(_without_docstrings(tree))), imports])
    try:
        tree_digest, imports = json.loads(digest.cached(str(path), _PURPOSE, compute))
    except OSError as error:
        raise RecipeError("cannot read this source file: {}".format(error.strerror),
                          where=str(path), why="its content is part of an artifact's identity.",
                          next_step="check the path that the recipe gives.") from error
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        raise RecipeError("this is not Python {}.{}: {}".format(*sys.version_info[:2],
                                                                getattr(error, "msg", error)),
                          where="{}:{}".format(path, line) if line else str(path),
                          why="a stage would stop at importing it.",
                          next_step="correct the file.") from error
    return tree_digest, [(level, module, names) for level, module, names in imports]


def _without_docstrings(tree: ast.AST) -> ast.AST:
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
            if name in ("import_module", "__import__") and not node.args[0].s.startswith("."):
                yield 0, node.args[0].s, []


def _files_of(wanted: Import, importer: Path, user_folder: Path,
              packages_root: Path) -> List[Path]:
    """The files that one import statement of `importer` runs: ours and the user's, no others."""
    level, module, names = wanted
    parts = module.split(".") if module else []
    if level:
        base = importer.parent
        for _ in range(level - 1):
            base = base.parent
        bases = [base]
    elif parts[0] in PACKAGES:  # a user's `tasks/` never shadows ours
        bases = [packages_root]
    elif _own_name(importer, packages_root):
        return []
    else:
        bases = [folder for folder in (importer.parent, user_folder)
                 if folder.name not in _INSTALLED]
        # `import nets.blocks` in nets/model.py: the folder above `nets` is the one it starts from
        bases += [folder.parent for folder in importer.parents if folder.name == parts[0]]
    for base in bases:
        files = _module_files(base, parts)
        for name in names:
            files += _module_files(base, parts + [name])
        if files:
            return [path.resolve() for path in files]
    return []


def _module_files(base: Path, parts: List[str]) -> List[Path]:
    """What importing `parts` below `base` runs: every `__init__.py` on the way, and the module."""
    files, folder = [], base
    for index, part in enumerate([""] + parts):
        folder = folder / part if part else folder
        if index == 0 and parts:
            continue  # the base itself belongs to the import only in `from . import x`
        package, module = folder / "__init__.py", folder.with_name(folder.name + ".py")
        if package.is_file():
            files.append(package)
        elif part and module.is_file():
            files.append(module)
    return files


def _packages_of(path: Path, packages_root: Path) -> List[Path]:
    """The `__init__.py` files of the packages that a root file lies in."""
    found = []
    for folder in path.parents:
        init = folder / "__init__.py"
        if folder == packages_root or not init.is_file():
            break
        found.append(init)
    return found


def _own_name(path: Path, packages_root: Path) -> Optional[str]:
    """`path` relative to packages_root when it is in one of PACKAGES, else None."""
    try:
        relative = path.relative_to(packages_root)
    except ValueError:
        return None
    return relative.as_posix() if relative.parts and relative.parts[0] in PACKAGES else None


def _user_name(path: Path, folder: Path, taken: Dict[str, str]) -> str:
    plain = Path(os.path.relpath(str(path), str(folder))).as_posix()
    name, count = plain, 1
    while name in taken:
        count += 1
        name = "{}#{}".format(plain, count)
    return name
