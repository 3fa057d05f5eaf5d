"""The source of a job as bytes, which is written to a private folder from which the job's process imports.

The process never imports the originals, so an edit during a run takes effect in the next run. The folder mirrors the
file system, since imports, `inspect` and AutoGraph find a module's file by its path:

    FOLDER/octet/tasks/...           the packages octet, tasks and models
    FOLDER/user/home/me/nets/...     every other file, at its absolute path

A symbolic link on the path of an import is a link in the folder too. The files that the recipe names (model.weights,
model.files) and the data files of Octet's own datasets are links to the originals: their content is in the key, but
they may be too large to copy.
"""

import os
from pathlib import Path
from typing import Dict, FrozenSet, List, NamedTuple, Optional, Sequence, Tuple

from octet import digest
from pipeline.inputs.source_closure import PACKAGES, Closure
from pipeline.process.new_process import PYTHON

OWN, USER = "octet", "user"
DATA = "octet/datasets/data"


class SourceTree(NamedTuple):
    """The source of one job.

    origin: the folder that holds the packages of Octet. files: {original path: content}.
    links:  {path as an import writes it: original path}, of source reached through symbolic links.
    named:  the paths of the files that the recipe names.
    modules: the top-level names of the installed modules that the source imports."""

    origin: str
    files: Dict[str, bytes]
    links: Dict[str, str]
    named: Sequence[str] = ()
    modules: FrozenSet[str] = frozenset()

    def write(self, folder: Path) -> List[str]:
        """Writes the tree to a new folder. Returns the command that starts the job's process from it.

        The command names the script by its path, because Python never loads a script from its bytecode cache."""
        top = os.path.realpath(str(folder))
        copies = {self._copy(top, path): content for path, content in self.files.items()}
        for parent in {os.path.dirname(copy) for copy in copies}:
            os.makedirs(parent, exist_ok=True)
        for copy, content in copies.items():
            with open(copy, "wb") as out:
                out.write(content)
        for written, path in sorted(self.links.items()):
            if path in self.files:
                written, path = _link(written, path)
                _symlink(self._copy(top, path), self._copy(top, written))
        # A file in a folder that is reached through links is linked at both of its paths, so that it is beside the
        # source.
        for path in self.named:
            for place in (path, os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))):
                _symlink(path, self._copy(top, place))
        data = os.path.join(self.origin, DATA)
        if os.path.isdir(data) and os.path.isdir(self._copy(top, os.path.dirname(data))):
            _symlink(data, self._copy(top, data))
        return PYTHON + [os.path.join(top, OWN, "tasks", "__main__.py")]

    def _copy(self, top: str, path: str) -> str:
        """The path in the folder `top` of the copy of the file that is originally at `path`."""
        relative = os.path.relpath(path, self.origin)
        if relative.split(os.sep)[0] in PACKAGES:
            return os.path.join(top, OWN, relative)
        return os.path.join(top, USER, path.lstrip(os.sep))


def read(closures: Dict[str, Closure]) -> Optional[Dict[str, bytes]]:
    """{path: content} of all files of the closures; None if one cannot be read or its content has changed since."""
    contents: Dict[str, bytes] = {}
    for closure in closures.values():
        for file in closure.files.values():
            if file.path not in contents:
                try:
                    contents[file.path] = Path(file.path).read_bytes()
                except OSError:
                    return None
    sha256 = {path: digest.of_bytes(content) for path, content in contents.items()}
    if any(sha256[file.path] != file.sha256 for closure in closures.values() for file in closure.files.values()):
        return None
    return contents


def _link(written: str, path: str) -> Tuple[str, str]:
    """(place, target) of the symbolic link that leads from one path to the other: a folder above both, or the file."""
    while os.path.basename(written) == os.path.basename(path) and \
            os.path.realpath(os.path.dirname(written)) == os.path.dirname(path) != os.path.dirname(written):
        written, path = os.path.dirname(written), os.path.dirname(path)
    return written, path


def _symlink(target: str, place: str) -> None:
    os.makedirs(os.path.dirname(place), exist_ok=True)
    if not os.path.lexists(place):
        os.symlink(target, place)
