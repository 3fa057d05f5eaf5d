"""Watches the files that a user's code opens. Files that no key covers are refused while a model is built, and recorded
while a dataset is loaded.

A file that `build` reads can change the result of training, so a key must cover it. Keys cover files of Python and of
installed distributions (by version), the source, and the files that the recipe names (`model.weights`, `model.files`).

A user's file may look for other files beside its `__file__`, which lies in the private copy of the source. A file that
is not in the copy is opened in its original place.

The guard does not see files that a C library opens (OpenCV, pandas' C parser, SQLite), processes that the code starts,
or the network.
"""

import builtins
import io
import os
import pathlib
import stat
import sys
import sysconfig
import tempfile
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple

from octet.errors import ModelError
from octet.installed_files import is_installed
from octet.job import Job
from tasks.source_guard.private_source import THEIRS, original

SYSTEM = ("/proc", "/sys", "/etc", "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/share")

outside: List[str] = []
"""The files outside its `path` that a dataset's `load` has read, in the order in which it opened them."""

_stat, _lexists = os.stat, os.path.lexists

Reads = Callable[[Sequence[Any], Dict[str, Any]], bool]
"""(positional arguments, keyword arguments) of a call -> whether the call reads the file's content."""


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
        if not _is(stat.S_ISREG, real) or _in_import_of_installed():
            return
        if not self.refuse:
            if real not in outside:
                outside.append(real)
            return
        self.refused = self.refused or _refusal(real, self.folder)
        raise self.refused


_watch: Optional[_Watch] = None


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
            yield lambda path: watch.see(_in_original_place(path) or path)
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
    global _watch
    before, _watch = _watch, watch
    _wrap_libraries()
    try:
        yield watch
    finally:
        _watch = before


def install() -> None:
    """Starts to watch the opening of files, also by libraries that have already imported the functions by name."""
    watched: Any = _Seen(open, _in_read_mode, "file")
    replaced: List[Tuple[Any, Any]] = [(open, watched)]
    builtins.open = io.open = watched
    for name, reads in (("open", _with_read_flag), ("stat", _only_beside), ("listdir", None), ("scandir", None)):
        function = getattr(os, name)
        seen = _Seen(function, reads, "path")
        for supporting in (os.supports_fd, os.supports_dir_fd, os.supports_follow_symlinks):
            if function in supporting:
                supporting.add(seen)
        replaced.append((function, seen))
        setattr(os, name, seen)
        setattr(getattr(pathlib, "_NormalAccessor"), name, seen)  # noqa: B009  # typeshed hides it
    _rename(replaced)


def _rename(replaced: Sequence[Tuple[Any, Any]]) -> None:
    """Replaces the first of each pair by the second in every module that has imported it by name."""
    for module in list(sys.modules.values()):
        # This module needs the functions themselves, and so do imports.
        if getattr(module, "__name__", None) in (__name__, "_io", "posix"):
            continue
        for name, value in list(getattr(module, "__dict__", {}).items()):
            for before, after in replaced:
                if value is before:
                    setattr(module, name, after)
    datasource: Any = sys.modules.get("numpy.lib._datasource")
    if datasource is not None:  # numpy's table of functions by file extension, for loadtxt
        datasource._file_openers = datasource._FileOpeners()


def _wrap_libraries() -> None:
    """Watches the functions of h5py and TensorFlow that open files, where these are imported."""
    if "h5py" in sys.modules:
        _wrap(sys.modules["h5py"].h5f, "open", _always)
    tensorflow: Any = sys.modules.get("tensorflow.python.pywrap_tensorflow")
    if tensorflow is None or isinstance(tensorflow.NewCheckpointReader, _Seen):
        return
    reader = tensorflow.NewCheckpointReader
    for name in ("CreateBufferedInputStream", "ReadFileToString", "CopyFile", "PyRecordReader_New",
                 "NewCheckpointReader"):
        _wrap(tensorflow, name, _always)
    for name in ("FileExists", "Stat"):
        _wrap(tensorflow, name, _only_beside)
    for name in ("IsDirectory", "GetChildren", "GetMatchingFiles"):
        _wrap(tensorflow, name, None)
    module: Any
    for module in list(sys.modules.values()):  # modules that have imported it by name
        if getattr(module, "__dict__", {}).get("NewCheckpointReader") is reader:
            module.NewCheckpointReader = tensorflow.NewCheckpointReader
    for public in (sys.modules["tensorflow"].train, sys.modules["tensorflow"].compat.v1.train):
        public.NewCheckpointReader = tensorflow.NewCheckpointReader
    saver = sys.modules["tensorflow.python.training.saver"].Saver
    restore = saver.restore
    saver.restore = lambda self, session, path: restore(self, session, _seen(path, True))


def _wrap(module: Any, name: str, reads: Optional[Reads]) -> None:
    if not isinstance(getattr(module, name), _Seen):
        setattr(module, name, _Seen(getattr(module, name), reads, "filename"))


class _Seen:
    """A watched function that opens or examines the file that its first argument names. It is an object because a plain
    function would become a method where it is an attribute of a class.

    reads: returns, for the arguments of a call, whether the file's content is read; `_only_beside` for a function that
    only tells whether the file exists, which counts only for files beside the source; None for any other function.
    keyword: the name of the first argument."""

    def __init__(self, function: Callable[..., Any], reads: Optional[Reads], keyword: str) -> None:
        self.function, self.reads, self.keyword = function, reads, keyword
        self.__name__, self.__doc__ = function.__name__, function.__doc__

    def __call__(self, *args: Any, **named: Any) -> Any:
        if args:
            args = (self._path(args[0], args, named), *args[1:])
        elif self.keyword in named:
            named[self.keyword] = self._path(named[self.keyword], (None,), named)
        return self.function(*args, **named)

    def _path(self, path: Any, args: Sequence[Any], named: Dict[str, Any]) -> Any:
        if self.reads is None or self.reads is _only_beside:
            return _seen(path, False, self.reads is _only_beside)
        return _seen(path, self.reads(args, named))


def _always(args: Sequence[Any], named: Dict[str, Any]) -> bool:
    return True


def _only_beside(args: Sequence[Any], named: Dict[str, Any]) -> bool:
    return False


def _in_read_mode(args: Sequence[Any], named: Dict[str, Any]) -> bool:
    mode: str = args[1] if len(args) > 1 else named.get("mode", "r")
    return "r" in mode or "+" in mode


def _with_read_flag(args: Sequence[Any], named: Dict[str, Any]) -> bool:
    flags: int = args[1] if len(args) > 1 else named["flags"]
    return flags & os.O_ACCMODE != os.O_WRONLY


def _seen(path: Any, reads: bool, asks: bool = False) -> Any:
    """The path to use instead of `path`: its original place where the copy lacks it. reads: whether the function reads
    the content. asks: whether it tells if the file exists. Raises ModelError for a file that is refused."""
    try:
        name = os.path.abspath(os.fsdecode(path))
    except (TypeError, ValueError):  # a descriptor, or no path: the function reports it
        return path
    beside = _in_original_place(name)
    if _watch is not None and (reads or asks and beside):
        _watch.see(_checkpoint(beside or name))
    if beside is None:
        return path
    return os.fsencode(beside) if isinstance(path, bytes) else beside


def _in_original_place(name: str) -> Optional[str]:
    """The original of a path below the copy of the user's source, where the copy has no such file, or a folder there;
    None for any other path."""
    name = os.path.normpath(name)
    if not name.startswith(THEIRS + os.sep) or _lexists(name) and not _is(stat.S_ISDIR, name):
        return None
    there = original(name)
    return there if _lexists(_checkpoint(there)) else None


def _checkpoint(path: str) -> str:
    """The path, or the index file for the prefix of a checkpoint."""
    return path if _lexists(path) or not _lexists(path + ".index") else path + ".index"


def _is(kind: Callable[[int], bool], path: str) -> bool:
    """Whether the path leads to a file of this kind, a function of `stat`. This look-up is not watched."""
    try:
        return kind(_stat(path).st_mode)
    except OSError:
        return False


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
