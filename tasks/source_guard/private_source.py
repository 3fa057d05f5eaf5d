"""Makes this process import a private copy of the source, and show original paths in messages.

`pipeline/inputs/source_tree.py` writes the copy: `octet/` has Octet's packages, `user/` has every other file at its
absolute path. The copy has all source that the key covers, so a module that exists only in its original place is
refused.
"""

import io
import os
import sys
from contextlib import suppress
from importlib.machinery import ModuleSpec, PathFinder
from typing import List, Optional, Sequence, TextIO

from octet import lookup
from octet.errors import OctetError, SourceError
from octet.installed_files import is_installed
from tasks import log

OURS = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
THEIRS = os.path.join(os.path.dirname(OURS), "user")

_origin = ""  # the folder from which the packages in OURS were copied; empty in a process that does not run a copy


def install(origin: str) -> None:
    """Makes this process import source from the copy only, and write original paths to stdout and stderr."""
    global _origin
    _origin = origin
    originals = [entry for entry in sys.path if entry != OURS and not _is_not_source(entry)]
    sys.path[:] = [entry if entry == OURS or _is_not_source(entry) else copy_of(entry) for entry in sys.path]
    lookup.read_copies(THEIRS)
    sys.meta_path.append(_OriginalsFinder(originals))
    sys.stdout, sys.stderr = _Shown(sys.stdout), _Shown(sys.stderr)


def copy_of(path: str) -> str:
    """The path in the copy of the file whose original has this absolute path."""
    return os.path.normpath(THEIRS + os.sep + path)


def original(text: str) -> str:
    """The text, with paths of the copy replaced by original paths."""
    return text.replace(OURS, _origin).replace(THEIRS, "") if _origin else text


def with_original_paths(error: OctetError) -> OctetError:
    """The error, with paths of the copy replaced by original paths."""
    return type(error)(*(original(part) for part in (error.what, error.where, error.why, error.next_step)))


class _Shown(io.TextIOWrapper):
    """A text stream to the same file that writes original paths. Text that cannot be written, for example to a full
    disk, is lost: the log must not end the work."""

    def __init__(self, stream: TextIO) -> None:
        stream.flush()
        super().__init__(log.Lossy(stream.fileno(), "wb", closefd=False), encoding="utf-8", errors="backslashreplace",
                         line_buffering=True, write_through=True)

    def write(self, text: str) -> int:
        with suppress(OSError):
            super().write(original(text))
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            super().flush()


class _OriginalsFinder:
    """The last finder of `sys.meta_path`. It raises SourceError for a module that exists only in its original place,
    and finds no module itself.

    The key covers every import statement, so only a name that is computed at run time gets here."""

    def __init__(self, originals: Sequence[str]) -> None:
        self.originals = list(originals)

    def find_spec(self, name: str, path: Optional[Sequence[str]] = None, target: object = None) -> Optional[ModuleSpec]:
        folders = self.originals if path is None else _originals(path)
        spec = PathFinder.find_spec(name, folders) if folders else None
        if spec is None or not spec.has_location:
            return None
        raise SourceError(
            "the import of '{}' is not visible in the stage's source".format(name), where=str(spec.origin),
            why="a stage's key must cover all source that it runs, and this module is not in it: it is imported by a "
                "name that is computed at run time",
            next_step="import it by a plain statement where it is used: import {}".format(name))


def _originals(path: Sequence[str]) -> List[str]:
    return [original(entry) for entry in path if original(entry) != entry]


def _is_not_source(entry: str) -> bool:
    """Whether an entry of sys.path belongs to Python's library, or has installed distributions."""
    return is_installed(entry) or any(
        os.path.realpath(entry).startswith(os.path.realpath(prefix) + os.sep + "lib")
        for prefix in (sys.base_prefix, sys.prefix))
