"""Watches the functions that open or examine files: of Python, h5py and TensorFlow.

`on_open` is called before a file's content is read. A user's file may look for other files beside its `__file__`, which
lies in the private copy of the source. A file that is not in the copy is opened in its original place.
"""

import builtins
import io
import os
import pathlib
import stat
import sys
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from tasks.source_guard.private_source import THEIRS, original

on_open: Optional[Callable[[str], None]] = None
"""Called with the path of a file whose content is about to be read, or whose existence beside the source is examined.
It may raise an error. None: nothing is called."""

_stat, _lexists = os.stat, os.path.lexists

Reads = Callable[[Sequence[Any], Dict[str, Any]], bool]
"""(positional arguments, keyword arguments) of a call -> whether the call reads the file's content."""


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


def wrap_libraries() -> None:
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
    the content. asks: whether it tells if the file exists. Raises what `on_open` raises."""
    try:
        name = os.path.abspath(os.fsdecode(path))
    except (TypeError, ValueError):  # a descriptor, or no path: the function reports it
        return path
    beside = in_original_place(name)
    if on_open is not None and (reads or asks and beside):
        on_open(_checkpoint(beside or name))
    if beside is None:
        return path
    return os.fsencode(beside) if isinstance(path, bytes) else beside


def in_original_place(name: str) -> Optional[str]:
    """The original of a path below the copy of the user's source, where the copy has no such file, or a folder there;
    None for any other path."""
    name = os.path.normpath(name)
    if not name.startswith(THEIRS + os.sep) or _lexists(name) and not is_kind(stat.S_ISDIR, name):
        return None
    there = original(name)
    return there if _lexists(_checkpoint(there)) else None


def _checkpoint(path: str) -> str:
    """The path, or the index file for the prefix of a checkpoint."""
    return path if _lexists(path) or not _lexists(path + ".index") else path + ".index"


def is_kind(kind: Callable[[int], bool], path: str) -> bool:
    """Whether the path leads to a file of this kind, a function of `stat`. This look-up is not watched."""
    try:
        return kind(_stat(path).st_mode)
    except OSError:
        return False
