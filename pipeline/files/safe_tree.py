"""Opens files and folders below a root through descriptors, without following symbolic links below the root.

Only folders and regular files are opened. A symbolic link, a fifo, a socket, a device, or a folder in place of a file
raises `Misplaced`: it is never opened or listed, but it can be renamed and unlinked. A name that leads out of its
folder (`..`, an absolute path) raises `UnsafeName` before any system call.

The root itself may be a symbolic link: `luigi.cfg` may name one.
"""

import errno
import os
import shutil
import stat
import uuid
from pathlib import Path
from typing import Iterator, List, Optional, Tuple

FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE_FLAGS = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
DEEPEST = 64
"""The deepest nesting of folders that `walk` lists."""

FILE, FOLDER = "a file", "a folder"
_KINDS = ((stat.S_ISREG, FILE), (stat.S_ISDIR, FOLDER), (stat.S_ISLNK, "a symbolic link"), (stat.S_ISFIFO, "a fifo"),
          (stat.S_ISSOCK, "a socket"), (stat.S_ISCHR, "a device"), (stat.S_ISBLK, "a device"))


class Misplaced(OSError):
    """An entry that is not the expected file or folder. found: its kind, in words."""

    def __init__(self, path: Path, found: str, wanted: str) -> None:
        super().__init__(errno.EINVAL, "it is {}, where {} belongs".format(found, wanted), str(path))
        self.found = found


class UnsafeName(Misplaced):
    """A name or path that may lead out of its folder."""

    def __init__(self, name: str) -> None:
        super().__init__(Path(printable(name.replace("\0", "\\0"))),
                         "an absolute path, or one with '.', '..' or an empty name", "a relative path")


def printable(text: str) -> str:
    """`text` with escapes for characters that UTF-8 cannot encode, such as those of a file name that is not UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def is_safe(inside: object) -> bool:
    """Whether `inside` is a relative path without '.', '..' and empty names: such a path stays below its folder."""
    if not isinstance(inside, str) or "\0" in inside:
        return False
    try:
        os.fsencode(inside)
    except ValueError:  # a lone surrogate
        return False
    return all(part not in ("", ".", "..") for part in inside.split("/"))


def is_safe_name(name: object) -> bool:
    """Whether `name` is a single safe file name."""
    return isinstance(name, str) and is_safe(name) and "/" not in name


def kind(mode: int) -> str:
    """'a file', 'a folder', 'a symbolic link' ... for a file's mode."""
    return next((words for test, words in _KINDS if test(mode)), "no file")


class Folder:
    """An open folder; a context manager. Its methods take paths relative to it.

    They raise OSError with the whole path: Misplaced for an entry of another kind, UnsafeName for a path that leads
    out of the folder."""

    def __init__(self, handle: int, path: Path) -> None:
        self.handle = handle
        self.path = path

    @classmethod
    def at(cls, path: Path) -> "Folder":
        """The folder at `path`. Symbolic links in the path of its parent are followed; `path` may not be one."""
        try:
            return cls(os.open(str(path), FOLDER_FLAGS), Path(path))
        except OSError as error:
            if error.errno in (errno.ENOTDIR, errno.ELOOP) and os.path.lexists(str(path)):
                raise Misplaced(path, kind(os.lstat(str(path)).st_mode), FOLDER) from error
            raise

    def __enter__(self) -> "Folder":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        os.close(self.handle)

    # Reading

    def folder(self, inside: str) -> "Folder":
        """An open folder below this one."""
        handle, path = os.dup(self.handle), self.path
        try:
            for name in _parts(inside):
                path = path / name
                below = _open_folder(handle, name, path)
                os.close(handle)
                handle = below
        except BaseException:
            os.close(handle)
            raise
        return Folder(handle, path)

    def status(self, inside: str) -> Optional[os.stat_result]:
        """The `lstat` of an entry; None if there is none."""
        try:
            with _Naming(self, inside), self._parent(inside) as parent:
                return os.stat(_last(inside), dir_fd=parent.handle, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def names(self) -> List[str]:
        """The names of all entries of the folder, sorted, hidden files included."""
        with _Naming(self, ""):
            return sorted(os.listdir(self.handle))

    def walk(self, above: str = "", depth: int = 0) -> Iterator[Tuple[str, os.stat_result]]:
        """(relative path, `lstat`) of every entry below the folder, sorted, each folder before its entries. Links are
        not followed. Raises Misplaced for folders nested deeper than `DEEPEST`."""
        if depth > DEEPEST:
            raise Misplaced(self.path, "more than {} folders deep".format(DEEPEST), "an artifact's file")
        for name in self.names():
            status = self.status(name)
            if status is None:
                continue  # removed by another process
            yield above + name, status
            if stat.S_ISDIR(status.st_mode):
                try:
                    below = self.folder(name)
                except FileNotFoundError:
                    continue
                with below:
                    yield from below.walk(above + name + "/", depth + 1)

    def open_file(self, inside: str) -> int:
        """A descriptor of a regular file, to read."""
        path = self.path / inside
        with _Naming(self, inside), self._parent(inside) as parent:
            name = _last(inside)
            # `stat` first: opening a device may have an effect.
            _expect_file(os.stat(name, dir_fd=parent.handle, follow_symlinks=False).st_mode, path)
            handle = os.open(name, os.O_RDONLY | FILE_FLAGS, dir_fd=parent.handle)
        try:
            _expect_file(os.fstat(handle).st_mode, path)
        except BaseException:
            os.close(handle)
            raise
        return handle

    def read(self, inside: str, most: int) -> bytes:
        """The bytes of a regular file. Raises Misplaced for one of more than `most` bytes, which is not read."""
        with os.fdopen(self.open_file(inside), "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > most:
                raise Misplaced(self.path / inside, "a file of {:,} bytes".format(size),
                                "one of at most {:,}".format(most))
            return file.read(size)  # not `most`: Python allocates as many bytes as it is asked to read

    # Writing

    def make(self, name: str) -> None:
        """Creates a folder. Raises FileExistsError if there is an entry of that name."""
        with _Naming(self, name):
            os.mkdir(_one(name), dir_fd=self.handle)

    def ensure(self, inside: str) -> "Folder":
        """An open folder below this one, which is created if it does not exist."""
        folder = self.folder("")
        for name in _parts(inside):
            with folder as above:
                try:
                    above.make(name)
                except FileExistsError:
                    pass
                folder = above.folder(name)
        return folder

    def create(self, name: str) -> int:
        """Creates an empty file, and returns a descriptor for writing. Raises FileExistsError."""
        with _Naming(self, name):
            return os.open(_one(name), os.O_WRONLY | os.O_CREAT | os.O_EXCL | FILE_FLAGS, 0o666, dir_fd=self.handle)

    def write(self, name: str, content: bytes, exclusive: bool = False) -> None:
        """Writes a file atomically and durably (temporary file, fsync, rename, fsync of the folder).

        exclusive: raises FileExistsError instead of replacing a file."""
        aside = ".{}.{}.part".format(_one(name)[:50], uuid.uuid4().hex[:8])
        try:
            with _Naming(self, name):
                with os.fdopen(self.create(aside), "wb") as out:
                    out.write(content)
                    out.flush()
                    os.fsync(out.fileno())
                if exclusive:
                    os.link(aside, name, src_dir_fd=self.handle, dst_dir_fd=self.handle, follow_symlinks=False)
                else:
                    os.rename(aside, name, src_dir_fd=self.handle, dst_dir_fd=self.handle)
        finally:
            self._unlink_if_there(aside)
        self.sync()

    def copy(self, inside: str, to: "Folder") -> None:
        """Copies a regular file to the same relative path below `to`, as a hard link if the file system supports it."""
        with self._parent(inside) as source, to._parent(inside) as target:
            name = _last(inside)
            with os.fdopen(source.open_file(name), "rb") as file:
                try:
                    os.link(name, name, src_dir_fd=source.handle, dst_dir_fd=target.handle, follow_symlinks=False)
                except OSError:
                    with os.fdopen(target.create(name), "wb") as out:
                        shutil.copyfileobj(file, out, 1 << 20)

    def rename(self, name: str, to: "Folder", new_name: str) -> None:
        """Moves an entry of any kind into the folder `to`, under its new name."""
        with _Naming(self, name):
            os.rename(_one(name), _one(new_name), src_dir_fd=self.handle, dst_dir_fd=to.handle)

    def unlink(self, name: str) -> None:
        """Removes an entry that is not a folder."""
        with _Naming(self, name):
            os.unlink(_one(name), dir_fd=self.handle)

    def remove_folder(self, name: str) -> None:
        """Removes an empty folder."""
        with _Naming(self, name):
            os.rmdir(_one(name), dir_fd=self.handle)

    def sync(self) -> None:
        """Fsyncs the folder, so that its names survive a power failure."""
        os.fsync(self.handle)

    def _unlink_if_there(self, name: str) -> None:
        try:
            os.unlink(name, dir_fd=self.handle)
        except FileNotFoundError:
            pass  # renamed

    def _parent(self, inside: str) -> "Folder":
        return self.folder("/".join(_parts(inside)[:-1]))


def _parts(inside: str) -> List[str]:
    if inside == "":
        return []
    if not is_safe(inside):
        raise UnsafeName(inside)
    return inside.split("/")


def _one(name: str) -> str:
    if not is_safe_name(name):
        raise UnsafeName(name)
    return name


def _last(inside: str) -> str:
    return inside.rpartition("/")[2]


def _open_folder(handle: int, name: str, path: Path) -> int:
    try:
        return os.open(name, FOLDER_FLAGS, dir_fd=handle)
    except OSError as error:
        if error.errno in (errno.ENOTDIR, errno.ELOOP):
            found = os.stat(name, dir_fd=handle, follow_symlinks=False)
            raise Misplaced(path, kind(found.st_mode), FOLDER) from error
        error.filename = str(path)
        raise


def _expect_file(mode: int, path: Path) -> None:
    if not stat.S_ISREG(mode):
        raise Misplaced(path, kind(mode), FILE)


class _Naming:
    """Replaces the name in an OSError of the block by the whole path. It is a class because `contextmanager` is slower,
    and a run with nothing to do enters this block for each file that it checks."""

    def __init__(self, folder: Folder, inside: str) -> None:
        self.folder = folder
        self.inside = inside

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Optional[type], error: Optional[BaseException], traceback: object) -> None:
        if isinstance(error, OSError) and not isinstance(error, Misplaced):
            error.filename, error.filename2 = str(self.folder.path / self.inside), None
