"""Lets a user's file import the modules beside it: `import blocks` in ./net.py imports blocks.py from the same folder.

Such a module is imported as a submodule of the file's private module. So two folders may each have a `utils.py`, and a
`yaml.py` there does not shadow the installed package for other code. A module beside the file has precedence over an
installed one; `pipeline/inputs/source_closure.py` follows the same rule.
"""

import builtins
import importlib
import os
import re
import sys
from typing import Any, Dict, Optional, Sequence

PREFIX = "_octet_user_"
OURS = ("octet", "tasks", "models", "pipeline")  # a user's `tasks/` does not shadow Octet's

_PRIVATE = re.compile(re.escape(PREFIX) + r"[0-9a-f]{16}\.")
_folders = {}  # type: Dict[str, str]
_plain_import = builtins.__import__


def importable(name: str, folder: str) -> None:
    """Lets the module with this private name, and its submodules, import the modules of the folder as if the folder
    were first on sys.path, also inside functions."""
    _folders[name] = folder
    if builtins.__import__ is _plain_import:
        builtins.__import__ = _import  # type: ignore[assignment]  # typeshed names a class of its own as the result


def without_private(text: str) -> str:
    """The text, with private module names replaced by the user's names."""
    return _PRIVATE.sub("", text)


def _import(name: str, globals: Optional[Dict[str, Any]] = None, locals: Any = None,
            fromlist: Sequence[str] = (), level: int = 0) -> Any:
    importer = str((globals or {}).get("__name__")).partition(".")[0]
    parts = name.split(".")
    if level or importer not in _folders or parts[0] in OURS or not _beside(_folders[importer], parts, fromlist or ()):
        return _plain_import(name, globals, locals, fromlist, level)
    private = "{}.{}".format(importer, name)
    if fromlist:
        return _plain_import(private, globals, locals, fromlist, 0)
    importlib.import_module(private)
    return sys.modules["{}.{}".format(importer, parts[0])]


def _beside(folder: str, parts: Sequence[str], names: Sequence[str]) -> bool:
    """Whether `from <parts> import <names>` imports a file of the folder. A subfolder without `__init__.py` counts only
    if it contains an imported module; otherwise it may be a folder of data."""
    path = folder
    for part in parts:
        path = os.path.join(path, part)
        if _is_module(path):
            return True
    return any(_is_module(os.path.join(path, name)) for name in names)


def _is_module(path: str) -> bool:
    return os.path.isfile(path + ".py") or os.path.isfile(os.path.join(path, "__init__.py"))
