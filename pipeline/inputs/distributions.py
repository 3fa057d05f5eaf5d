"""Which installed distributions a set of imported names comes from, and their versions.

Read from the folders' own records (`*.dist-info`, `*.egg-info`), without importing anything; the
table of one folder is remembered until something is installed into it or removed.
"""

import functools
import json
import os
import re
import sys
import sysconfig
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Dict, Iterable, List, Optional, Tuple

from octet import digest
from octet.installed import FOLDERS as INSTALLED

ABSENT = "absent"

_PURPOSE = "distributions-2"

_Installed = Tuple[str, List[str]]
"""(version, the names of what it requires)."""


INERT = {
    "tensorboard": "it draws events, which are by-products",
    "setuptools": "it installs; what it has installed has a version of its own",
    "wheel": "likewise",
}
"""Distributions that are no reason to make anything again where they are only required, not imported."""


def versions(modules: Iterable[str], path: Optional[List[str]] = None) -> Dict[str, str]:
    """{distribution: version} of the top-level modules named, and of all that those distributions require
    and have: TensorFlow's protobuf writes our graphs, its keras-applications builds models. What no folder has is
    'absent' under the module's own name: an import that is tried and fails is a fact about the artifact too. The
    standard library is left out: Python's version stands for it."""
    owners: Dict[str, List[str]] = {}
    installed: Dict[str, _Installed] = {}
    for folder in folders(path):
        table = _table(folder)
        owners = {**table["owners"], **owners}
        installed = {**table["installed"], **installed}
    found, todo = {}, []  # type: Dict[str, str], List[str]
    for module in modules:
        if module in owners:
            todo += owners[module]
        elif not is_standard(module):
            found[module] = ABSENT
    while todo:
        name = todo.pop()
        if name not in found:
            found[name], required = installed[name]
            todo += [other for other in required if other in installed and other not in INERT]
    return found


def folders(path: Optional[List[str]] = None) -> List[str]:
    """The folders of `path` (sys.path) that hold installed distributions, first one first."""
    return [entry for entry in (sys.path if path is None else path)
            if os.path.basename(entry.rstrip(os.sep)) in INSTALLED and os.path.isdir(entry)]


@functools.lru_cache(maxsize=None)
def is_standard(module: str) -> bool:
    """Whether a top-level module belongs to Python itself. Imports nothing."""
    if module in sys.builtin_module_names:
        return True
    names = [module + ".py", os.path.join(module, "__init__.py")]
    names += [module + suffix for suffix in EXTENSION_SUFFIXES]
    return any(os.path.isfile(os.path.join(place, name)) for place in _standard_folders() for name in names)


@functools.lru_cache(maxsize=None)
def _standard_folders() -> List[str]:
    folders = dict.fromkeys(sysconfig.get_path(name) for name in ("stdlib", "platstdlib"))
    return [place for folder in folders for place in (folder, os.path.join(folder, "lib-dynload"))]


def _table(folder: str) -> dict:
    return json.loads(digest.cached(folder, _PURPOSE, lambda path: json.dumps(_read(Path(path)))))


def _read(folder: Path) -> dict:
    """{'owners': {top-level module: [distribution, ...]}, 'installed': {distribution: [version, [what it
    requires]]}} of one folder."""
    owners: Dict[str, List[str]] = {}
    installed: Dict[str, _Installed] = {}
    for record in sorted(folder.glob("*.dist-info")) + sorted(folder.glob("*.egg-info")):
        name, _, version = record.name.rpartition(".")[0].partition("-")
        # An egg's name goes on with the Python version: name-1.0-py3.7.egg-info
        installed[_normal(name)] = version.split("-")[0], _required(record)
        for module in _top_level(record):
            owners.setdefault(module, []).append(_normal(name))
    return {"owners": owners, "installed": installed}


def _required(record: Path) -> List[str]:
    """The distributions that one requires, those of its extras left out. Other markers are not looked at: what
    they leave out is seldom there, and then its version does no harm."""
    try:
        head = (record / "METADATA").read_text(encoding="utf-8", errors="replace").partition("\n\n")[0]
    except OSError:
        return []  # an egg's: nobody has made those for years
    lines = [line.partition(":")[2] for line in head.splitlines() if line.startswith("Requires-Dist:")]
    return sorted({_normal(re.match(r"[\w.-]*", line.strip()).group()) for line in lines
                   if not re.search(r";.*\bextra\b", line)})


def _normal(name: str) -> str:
    """A distribution's name in the one form that all its spellings have."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _top_level(record: Path) -> List[str]:
    listed = record / "top_level.txt"
    if listed.is_file():
        names = listed.read_text(encoding="utf-8", errors="replace").split()
        return sorted({name.replace("\\", "/").split("/")[0] for name in names})
    try:
        lines = (record / "RECORD").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    paths = [line.split(",")[0] for line in lines]
    return sorted({_module(path) for path in paths if _module(path).isidentifier()})


def _module(path: str) -> str:
    first, slash, _ = path.partition("/")
    return first if slash else first.split(".")[0]
