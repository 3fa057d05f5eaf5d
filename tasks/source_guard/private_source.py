"""The private copy of the source that this process imports, and the original paths that people are shown.

`pipeline/inputs/source_tree.py` has written the copy: `octet/` holds our packages, `user/` every other file at its
absolute path. It is complete, so whatever an import finds only in an original place is in no key.
"""

import io
import os
import sys
from contextlib import suppress
from importlib.machinery import ModuleSpec, PathFinder
from typing import List, Optional, Sequence, TextIO

from octet import lookup
from octet.errors import OctetError, SourceError
from octet.installed import is_installed
from tasks import log

OURS = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
THEIRS = os.path.join(os.path.dirname(OURS), "user")

_origin = ""  # where the packages in OURS were copied from; empty in a process that runs no copy


def install(origin: str) -> None:
    """From now on this process imports source from the copy alone, and writes original paths to stdout and stderr."""
    global _origin
    _origin = origin
    originals = [entry for entry in sys.path if entry != OURS and not _is_not_source(entry)]
    sys.path[:] = [entry if entry == OURS or _is_not_source(entry) else copy_of(entry) for entry in sys.path]
    lookup.read_copies(THEIRS)
    sys.meta_path.append(_Elsewhere(originals))
    sys.stdout, sys.stderr = _Shown(sys.stdout), _Shown(sys.stderr)


def copy_of(path: str) -> str:
    """Where the copy has, or would have, the file that is originally at the absolute path."""
    return os.path.normpath(THEIRS + os.sep + path)


def original(text: str) -> str:
    """The text, with the paths of originals in the place of those of copies."""
    return text.replace(OURS, _origin).replace(THEIRS, "") if _origin else text


def told(error: OctetError) -> OctetError:
    """The error, with original paths in its words."""
    return type(error)(*(original(part) for part in (error.what, error.where, error.why, error.next_step)))


class _Shown(io.TextIOWrapper):
    """A text stream onto the same file, which is written original paths. What cannot be written, as on a full disk, is
    left out: a line of a log is no reason to throw work away."""

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


class _Elsewhere:
    """A finder, asked last. It finds nothing: it refuses what is not in the copy and is in an original place.

    An import statement is followed by the closure, so such a module is imported by a name computed at run time."""

    def __init__(self, originals: Sequence[str]) -> None:
        self.originals = list(originals)

    def find_spec(self, name: str, path: Optional[Sequence[str]] = None, target: object = None) -> Optional[ModuleSpec]:
        folders = self.originals if path is None else _originals(path)
        found = PathFinder.find_spec(name, folders) if folders else None
        if found is None or not found.has_location:
            return None
        raise SourceError(
            "'{}' imported while the stage ran, and not seen in its source".format(name), where=str(found.origin),
            why="an artifact's key holds the source that it is made by, and this is not in it: it is imported by a "
                "name that is computed at run time",
            next_step="write it as a plain statement where it is used: import {}".format(name))


def _originals(path: Sequence[str]) -> List[str]:
    return [original(entry) for entry in path if original(entry) != entry]


def _is_not_source(entry: str) -> bool:
    """Whether an entry of sys.path is Python's own, or holds installed distributions."""
    return is_installed(entry) or any(
        os.path.realpath(entry).startswith(os.path.realpath(prefix) + os.sep + "lib")
        for prefix in (sys.base_prefix, sys.prefix))
