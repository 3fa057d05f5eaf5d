"""Watches the files that a user's code opens. Files that no key covers are refused while a model is built, and recorded
while a dataset is loaded.

A file that `build` reads can change the result of training, so a key must cover it. Keys cover files of Python and of
installed distributions (by version), the source, and the files that the recipe names (`model.weights`, `model.files`).

`watched_functions.py` calls the guard before a file is read. The guard does not see files that a C library
opens (OpenCV, pandas' C parser, SQLite), processes that the code starts, or the network.
"""

import os
import stat
import sys
import sysconfig
import tempfile
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Callable, Iterable, Iterator, List, Optional, Tuple

from octet.errors import ModelError
from octet.installed_files import is_installed
from octet.job import Job
from tasks.source_guard import watched_functions
from tasks.source_guard.private_source import THEIRS, original
from tasks.source_guard.watched_functions import in_original_place, is_kind

SYSTEM = ("/proc", "/sys", "/etc", "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/share")

outside: List[str] = []
"""The files outside its `path` that a dataset's `load` has read, in the order in which it opened them."""

class _Watch:
    """The files that may be read now. refuse: whether other files are refused; else they are recorded in `outside`.
    folder: the recipe's, for the message."""

    def __init__(self, allowed: Iterable[str], refuse: bool, folder: str) -> None:
        places = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
        places += [entry for entry in sys.path if is_installed(entry)]
        places += [os.path.dirname(os.__file__), tempfile.gettempdir(), *SYSTEM, *allowed]
        self.allowed = tuple({os.path.realpath(place) for place in places})
        self.refuse, self.folder = refuse, folder
        self.refused: Optional[ModelError] = None

    def see(self, path: str) -> None:
        """Raises ModelError for a file that is refused."""
        real = os.path.realpath(path)
        if any(real == place or real.startswith(place + os.sep) for place in self.allowed):
            return
        if not is_kind(stat.S_ISREG, real) or _in_import_of_installed():
            return
        if not self.refuse:
            if real not in outside:
                outside.append(real)
            return
        self.refused = self.refused or _refusal(real, self.folder)
        raise self.refused


@contextmanager
def building(job: Job) -> Iterator[Callable[[str], None]]:
    """Refuses files that no key covers within the block, which builds the job's model. Yields a function that checks a
    path which the graph would open later. Raises ModelError for a refused file, at the latest at the end of the block,
    even if the user's code catches it."""
    named = [job.settings["model"].get("weights"), *job.settings["model"].get("files", ())]
    paths = [os.path.join(job.recipe_folder, os.path.expanduser(name)) for name in named if name]
    allowed = [file for path in paths for file in [path] + [
        str(other) for pattern in (".index", ".data-*") for other in Path(path).parent.glob(Path(path).name + pattern)]]
    with _watching(_Watch(allowed, True, job.recipe_folder)) as watch:
        try:
            yield lambda path: watch.see(in_original_place(path) or path)
        except BaseException as error:
            if watch.refused is not None and watch.refused is not error:
                raise watch.refused from error
            raise
        if watch.refused is not None:
            raise watch.refused


@contextmanager
def calling(where: str, folder: str) -> Iterator[None]:
    """Refuses files that are not source within the block, which calls a user's loss or metric. where: its key in the
    recipe. folder: the recipe's. Raises ModelError for a refused file, at the latest at the end of the block, even if
    the user's code catches it."""
    with _watching(_Watch([], True, folder)) as watch:
        try:
            yield
        except BaseException as error:
            if watch.refused is None:
                raise
            raise _in_no_key(watch.refused, where) from (None if watch.refused is error else error)
        if watch.refused is not None:
            raise _in_no_key(watch.refused, where)


def _in_no_key(refused: ModelError, where: str) -> ModelError:
    """The refusal of a file that a loss or metric opens."""
    return ModelError(refused.what.replace("the model's code", "the code"), where=where, why=refused.why,
                      next_step="write the file's content into the source, or pass it with each sample as an extra of "
                                "the dataset")


@contextmanager
def loading(path: Any, folder: str) -> Iterator[None]:
    """Records in `outside` the files that are not at or below `path` and are read within the block, which loads a
    dataset."""
    with _watching(_Watch([str(path)] if isinstance(path, str) else [], False, folder)):
        yield


@contextmanager
def _watching(watch: _Watch) -> Iterator[_Watch]:
    before, watched_functions.on_open = watched_functions.on_open, watch.see
    watched_functions.wrap_libraries()
    try:
        yield watch
    finally:
        watched_functions.on_open = before


def _in_import_of_installed() -> bool:
    """Whether the import of an installed library opens the file, such as its configuration."""
    return any(name == "<module>" and is_installed(file) for name, file, _ in _stack())


def _stack() -> Iterator[Tuple[str, str, int]]:
    """(function, file, line) of each caller, up to and including the first in the user's source."""
    frame: Optional[FrameType] = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        yield frame.f_code.co_name, file, frame.f_lineno
        if file.startswith(THEIRS):
            return
        frame = frame.f_back


def _refusal(path: str, folder: str) -> ModelError:
    *_, (_, file, line) = _stack()
    at = "opened at {}:{}\n".format(original(file), line) if file.startswith(THEIRS) else ""
    return ModelError(
        "the model's code opens a file that is in no key: {}".format(path), where="model.build",
        why=at + "when its content changes, artifacts made with the old content would still count as fresh",
        next_step="if it holds trained weights, name it in the recipe: model: {{weights: {0}}}\n"
                  "any other file: model: {{files: [{0}]}}".format(os.path.relpath(path, folder)))
