"""The modules beside a user's file: `import blocks` in ./net.py is blocks.py in the same folder.

They are submodules of the file's own private module, so two folders may each have a `utils.py`, and no other code ever
imports one by accident: a `yaml.py` there shadows nothing for what is installed. What is beside the file goes before
what is installed, as `pipeline/inputs/source_closure.py` reads it.
"""

import builtins
import importlib
import os
import re
import sys
from typing import Any, Dict, Optional, Sequence

PREFIX = "_octet_user_"
OURS = ("octet", "tasks", "models", "pipeline")  # a user's `tasks/` never shadows ours

_PRIVATE = re.compile(re.escape(PREFIX) + r"[0-9a-f]{16}\.")
_folders = {}  # type: Dict[str, str]
_plain_import = builtins.__import__


def importable(name: str, folder: str) -> None:
    """From now on the module of this private name, whose `__path__` is the folder, and its submodules import each
    other as if the folder stood first on sys.path; at the top of a file and inside functions."""
    _folders[name] = folder
    if builtins.__import__ is _plain_import:
        builtins.__import__ = _import


def without_private(text: str) -> str:
    """The text with modules under the names that the user gave them."""
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
    """Whether `from <parts> import <names>` is of a file in the folder. One without `__init__.py`, such as that of the
    data, is a package only for what is in it."""
    path = folder
    for part in parts:
        path = os.path.join(path, part)
        if _is_module(path):
            return True
    return any(_is_module(os.path.join(path, name)) for name in names)


def _is_module(path: str) -> bool:
    return os.path.isfile(path + ".py") or os.path.isfile(os.path.join(path, "__init__.py"))
