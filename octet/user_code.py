"""Loads a user's file under a private name, and turns exceptions of its code into Octet's errors."""

import difflib
import hashlib
import importlib.util
import sys
import traceback
from contextlib import contextmanager
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Iterator, Optional, Type

from octet import neighbour_modules, regular_file
from octet.errors import OctetError
from octet.installed_files import is_installed


def load_file(path: Path, original: str) -> ModuleType:
    """Imports the file as a module and returns it. Its private name depends on its original path and its content. It
    can import the modules beside it."""
    content = original.encode(errors="surrogateescape") + b"\0" + regular_file.text(str(path))
    name = neighbour_modules.PREFIX + hashlib.sha256(content).hexdigest()[:16]
    if name not in sys.modules:
        folder = str(path.parent)
        spec = importlib.util.spec_from_file_location(name, str(path), submodule_search_locations=[folder])
        assert spec is not None and isinstance(spec.loader, SourceFileLoader)
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        neighbour_modules.importable(name, folder)
        try:
            spec.loader.exec_module(module)
        except BaseException:
            for known in [known for known in sys.modules if known == name or known.startswith(name + ".")]:
                del sys.modules[known]
            raise
    return sys.modules[name]


@contextmanager
def translated_errors(what: str, path: Optional[Path], error: Type[OctetError], where: str,
                      next_step: str) -> Iterator[None]:
    """Turns an exception inside the block into an `error` that names the line in the file `path` where it was raised.
    An OctetError is not changed. what: what failed. where, next_step: these parts of the error."""
    try:
        yield
    except OctetError:
        raise
    except (Exception, SystemExit) as caught:
        message = neighbour_modules.without_private("{}: {}: {}".format(what, type(caught).__name__, caught))
        place = _raised_at(caught, path) or path or "an unknown line"
        raise error(message, where=where, why="raised at {}".format(place),
                    next_step=_way_out(caught, path, next_step)) from caught


def _raised_at(caught: BaseException, path: Optional[Path]) -> str:
    """'file:line' of the last frame in the file, or in a file of its folder; empty if there is none."""
    if path is None:
        return ""
    file, folder = path.resolve(), path.resolve().parent
    frames = [(Path(frame.filename).resolve(), frame.lineno) for frame in traceback.extract_tb(caught.__traceback__)]
    lines = [frame for frame in frames if frame[0] == file] if is_installed(file) else [
        frame for frame in frames if folder in frame[0].parents and not is_installed(frame[0])]
    return "{}:{}".format(path if lines[-1][0] == file else lines[-1][0], lines[-1][1]) if lines else ""


def _way_out(caught: BaseException, path: Optional[Path], next_step: str) -> str:
    """The next step. For a missing module: how to get it."""
    name = caught.name if isinstance(caught, ModuleNotFoundError) else None
    if not name or name.startswith(neighbour_modules.PREFIX):
        return next_step
    missing = name.split(".")[0]
    beside = [file.stem for file in path.parent.glob("*.py")] if path is not None and not is_installed(path) else []
    near = difflib.get_close_matches(missing, beside, 1)
    return "{}install the package that has the module '{}' into {}, or leave its import out".format(
        "did you mean '{}', which is beside it?  Or ".format(near[0]) if near else "", missing, sys.prefix)

