"""Files that a user's code opens by itself: refused while a model is built, noted while a dataset is loaded.

What `build` reads decides what is trained, so a file that it opens has to be in the key: Python's and installed files
(their versions are), the source, and what the recipe names (`model.weights`, `model.files`).

A model or dataset looks for its neighbours beside `__file__`, which is in the private copy of the source: what is not
there is looked for in the original place.

Not seen: a file that a C library opens (OpenCV, pandas' C parser, SQLite), a process that the code starts, the
network.
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
from typing import Any, Callable, Iterable, Iterator, List, Optional, Sequence

from octet.errors import ModelError
from octet.installed import is_installed
from octet.job import Job
from tasks.source_guard.private_source import THEIRS, original

SYSTEM = ("/proc", "/sys", "/etc", "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/share")

outside: List[str] = []
"""Files that a dataset's `load` has read outside its `path`, in the order in which it opened them."""

_stat, _lexists = os.stat, os.path.lexists


class _Watch:
    """What may be read now. refuse: whether another file is refused; else it is noted in `outside`."""

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
    """Inside the block, which builds the job's model, a file that is in no key is refused. Gives the function that
    raises for one that the code would open later on. Raises ModelError, even if the code catches it."""
    named = [job.settings["model"].get("weights"), *job.settings["model"].get("files", ())]
    paths = [os.path.join(job.recipe_folder, os.path.expanduser(name)) for name in named if name]
    allowed = [file for path in paths for file in [path] + [
        str(other) for pattern in (".index", ".data-*") for other in Path(path).parent.glob(Path(path).name + pattern)]]
    with _watching(_Watch(allowed, True, job.recipe_folder)) as watch:
        try:
            yield lambda path: watch.see(_in_original_place(path) or path)
        except BaseException as error:
            if watch.refused not in (None, error):
                raise watch.refused from error
            raise
        if watch.refused is not None:
            raise watch.refused


@contextmanager
def calling(where: str, folder: str) -> Iterator[None]:
    """Inside the block, which calls a loss or metric of the user's, a file that is not source is refused. where: its
    place in the recipe; folder: the recipe's. Raises ModelError, even if the code catches it."""
    with _watching(_Watch([], True, folder)) as watch:
        try:
            yield
        except BaseException as error:
            if watch.refused not in (None, error):
                raise _in_no_key(watch.refused, where) from error
            if watch.refused is error:
                raise _in_no_key(watch.refused, where) from None
            raise
        if watch.refused is not None:
            raise _in_no_key(watch.refused, where)


def _in_no_key(refused: ModelError, where: str) -> ModelError:
    """The refusal of a file that a loss or metric opens."""
    return ModelError(refused.what.replace("the model's code", "the code"), where=where, why=refused.why,
                      next_step="write what it holds into the source, or give it to each sample as an extra of the "
                                "dataset")


@contextmanager
def loading(path: Any, folder: str) -> Iterator[None]:
    """Inside the block, which loads a dataset, a file that is not at or below its `path` is noted in `outside`."""
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
    """From now on the opening of files is seen. Called before libraries take these functions for themselves."""
    builtins.open = io.open = _Seen(open, _in_read_mode, "file")
    for name, reads in (("open", _with_read_flag), ("stat", _only_beside), ("listdir", None), ("scandir", None)):
        function = getattr(os, name)
        seen = _Seen(function, reads, "path")
        for supporting in (os.supports_fd, os.supports_dir_fd, os.supports_follow_symlinks):
            if function in supporting:
                supporting.add(seen)
        setattr(os, name, seen)
        setattr(pathlib._NormalAccessor, name, seen)


def _wrap_libraries() -> None:
    """The openers of h5py and TensorFlow, once they are imported."""
    if "h5py" in sys.modules:
        _wrap(sys.modules["h5py"].h5f, "open", _always)
    tensorflow = sys.modules.get("tensorflow.python.pywrap_tensorflow")
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
    for module in list(sys.modules.values()):  # that have it under a name of their own
        if getattr(module, "__dict__", {}).get("NewCheckpointReader") is reader:
            module.NewCheckpointReader = tensorflow.NewCheckpointReader
    for public in (sys.modules["tensorflow"].train, sys.modules["tensorflow"].compat.v1.train):  # wrapped modules
        public.NewCheckpointReader = tensorflow.NewCheckpointReader
    saver = sys.modules["tensorflow.python.training.saver"].Saver
    restore = saver.restore
    saver.restore = lambda self, session, path: restore(self, session, _seen(path, True))


def _wrap(module: Any, name: str, reads: Optional[Callable]) -> None:
    if not isinstance(getattr(module, name), _Seen):
        setattr(module, name, _Seen(getattr(module, name), reads, "filename"))


class _Seen:
    """A function that opens, or looks at, the file that its first argument names. No plain function, which would bind
    as a method where it is an attribute of a class.

    reads: given the arguments, whether the file's content is read. _only_beside: its existence is told, which counts
    for a neighbour of the source. None: neither."""

    def __init__(self, function: Callable, reads: Optional[Callable], keyword: str) -> None:
        self.function, self.reads, self.keyword = function, reads, keyword
        self.__name__, self.__doc__ = function.__name__, function.__doc__

    def __call__(self, *args: Any, **named: Any) -> Any:
        if args:
            args = (self._path(args[0], args, named), *args[1:])
        elif self.keyword in named:
            named[self.keyword] = self._path(named[self.keyword], (None,), named)
        return self.function(*args, **named)

    def _path(self, path: Any, args: Sequence, named: dict) -> Any:
        if self.reads is None or self.reads is _only_beside:
            return _seen(path, False, self.reads is _only_beside)
        return _seen(path, self.reads(args, named))


def _always(args: Sequence, named: dict) -> bool:
    return True


def _only_beside(args: Sequence, named: dict) -> bool:
    return False


def _in_read_mode(args: Sequence, named: dict) -> bool:
    mode = args[1] if len(args) > 1 else named.get("mode", "r")
    return "r" in mode or "+" in mode


def _with_read_flag(args: Sequence, named: dict) -> bool:
    flags = args[1] if len(args) > 1 else named["flags"]
    return flags & os.O_ACCMODE != os.O_WRONLY


def _seen(path: Any, reads: bool, asks: bool = False) -> Any:
    """The path to open in the place of this one. Raises ModelError for a file that is refused."""
    try:
        name = os.path.abspath(os.fsdecode(path))
    except (TypeError, ValueError):  # a descriptor, or no path at all: whoever opens it says so
        return path
    beside = _in_original_place(name)
    if _watch is not None and (reads or asks and beside):
        _watch.see(_checkpoint(beside or name))
    if beside is None:
        return path
    return os.fsencode(beside) if isinstance(path, bytes) else beside


def _in_original_place(name: str) -> Optional[str]:
    """The original of a path in the copy of the user's source, where the copy has no such file, or a folder."""
    name = os.path.normpath(name)
    if not name.startswith(THEIRS + os.sep) or _lexists(name) and not _is(stat.S_ISDIR, name):
        return None
    there = original(name)
    return there if _lexists(_checkpoint(there)) else None


def _checkpoint(path: str) -> str:
    """The file that stands for a path: of a checkpoint's prefix its index."""
    return path if _lexists(path) or not _lexists(path + ".index") else path + ".index"


def _is(kind: Callable[[int], bool], path: str) -> bool:
    """Whether a path leads to something of this kind, a function of `stat`. It is not seen itself."""
    try:
        return kind(_stat(path).st_mode)
    except OSError:
        return False


def _in_import_of_installed() -> bool:
    """Whether an installed library is being imported, below which the file is opened: its configuration, say."""
    return any(name == "<module>" and is_installed(file) for name, file, _ in _stack())


def _stack() -> Iterator[tuple]:
    """(function, file, line) of each caller up to the first in the user's source, which is the last one given."""
    frame = sys._getframe(1)
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
        why=at + "when its content changes, what was made with the old one would be taken for fresh",
        next_step="if it holds trained weights, name it in the recipe: model: {{weights: {0}}}\n"
                  "any other file: model: {{files: [{0}]}}".format(os.path.relpath(path, folder)))
