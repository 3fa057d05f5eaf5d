"""The store's folders. Missing ones are created, and entries that do not belong there are moved to quarantine.

Every file of the store is opened through this class (and `safe_tree`).
"""

import fcntl
import os
import stat
import sys
import uuid
from pathlib import Path
from typing import Iterator, Tuple

from octet.errors import StoreError
from pipeline.files.safe_tree import FILE, FILE_FLAGS, FOLDER, Folder, Misplaced, is_safe, kind, printable

QUARANTINE, PARTIAL = "quarantine", "partial"

LAYOUT = {"artifacts": (FOLDER,), "marks": (FOLDER, FILE), "sources": (FOLDER, FILE), "runs": (FOLDER, FILE),
          "recipes": (FOLDER, FILE), "locks": (FILE,), "logs": (FILE,), PARTIAL: (FOLDER, FOLDER, FILE), QUARANTINE: ()}
"""{folder below the root: (kind of its entries, kind of their entries, ...)}. The files of an artifact are in its
manifest; the quarantine may contain anything."""

LONGEST_PATH = 4095
NAMES_WITHIN = 255
"""Bytes of a path that are reserved for file names that a stage chooses below its folder."""


class StoreTree:
    """The folders and files below the store's root. Its methods raise OSError."""

    def __init__(self, root: Path) -> None:
        """root: may be a symbolic link, which is followed here. Raises StoreError for an impossible path."""
        if "\0" in str(root):
            raise StoreError("is not a path", where=printable(str(root).replace("\0", "\\0")),
                             why="it holds a NUL character", next_step="correct the store's folder in luigi.cfg")
        self.root = Path(os.path.realpath(str(root)))

    def path(self, inside: str) -> Path:
        """The absolute path of a place, for messages and for a stage's process."""
        return self.root / inside

    def inside(self, path: Path) -> str:
        """The path relative to the root. Raises StoreError for a path that is not below it."""
        try:
            return Path(path).relative_to(self.root).as_posix()
        except ValueError:
            raise StoreError("is not in the store", where=str(path), why="the store is {}".format(self.root),
                             next_step="give a path below it") from None

    def at(self, inside: str) -> Folder:
        """An open folder. Raises FileNotFoundError if there is none."""
        with Folder.at(self.root) as root:
            return root.folder(inside)

    def ensure(self, inside: str) -> Folder:
        """An open folder, which is created if it does not exist. An entry of another kind in its place is moved to
        quarantine, with a line on stderr."""
        try:
            os.makedirs(str(self.root), exist_ok=True)
        except FileExistsError:
            pass  # it is not a folder: `Folder.at` raises the error for that
        folder, done = Folder.at(self.root), ""
        for name in inside.split("/") if is_safe(inside) else ():
            done = done + "/" + name if done else name
            with folder as above:
                folder = self._ensure_in(above, name, done)
        return folder

    def _ensure_in(self, above: Folder, name: str, inside: str) -> Folder:
        try:
            return above.folder(name)
        except FileNotFoundError:
            return above.ensure(name)
        except Misplaced:
            # Two processes may find the entry at once; the second one must not move the folder that the first one
            # creates.
            fcntl.flock(above.handle, fcntl.LOCK_EX)
        try:
            return above.folder(name)
        except Misplaced as error:
            self._print_moved(above, name, error.found, FOLDER, self.put_aside(inside))
            return above.ensure(name)

    def put_aside(self, inside: str, name: str = "") -> Path:
        """Moves the entry into quarantine, without opening or walking it. Returns its new path.

        name: the beginning of its new name; by default, its place."""
        parent, _, last = inside.rpartition("/")
        new_name = "{}-{}".format(name or _as_name(inside), uuid.uuid4().hex[:8])
        with self.at(parent) as folder:
            if inside == QUARANTINE:  # it cannot be moved into itself
                moved = ".{}.aside".format(new_name)
                folder.rename(last, folder, moved)
                last = moved
            with self.ensure(QUARANTINE) as quarantine:
                folder.rename(last, quarantine, new_name)
                quarantine.sync()
            folder.sync()
        return self.path(QUARANTINE) / new_name

    def open_lock(self, name: str) -> int:
        """A descriptor of the file `locks/<name>`, for reading and writing. The file is created if it does not
        exist."""
        with self.ensure("locks") as locks:
            self._clear(locks, name)
            flags = os.O_RDWR | os.O_CREAT | FILE_FLAGS
            try:
                return os.open(name, flags, 0o666, dir_fd=locks.handle)
            except OSError as error:
                error.filename = str(locks.path / name)
                raise

    def clear_for_file(self, inside: str) -> Path:
        """Creates the folder of a file, and moves another entry in the file's place to quarantine. Returns the file's
        path."""
        folder, _ = self.folder_for_file(inside)
        folder.close()
        return self.path(inside)

    def folder_for_file(self, inside: str) -> Tuple[Folder, bool]:
        """(the open folder of a file, whether the file exists). The folder is created if it does not exist, and another
        entry in the file's place is moved to quarantine."""
        parent, _, name = inside.rpartition("/")
        folder = self.ensure(parent)
        try:
            return folder, self._clear(folder, name)
        except BaseException:
            folder.close()
            raise

    def _clear(self, folder: Folder, name: str) -> bool:
        """Whether the regular file `name` exists. Another entry of that name is moved to quarantine."""
        status = folder.status(name)
        if status is None or stat.S_ISREG(status.st_mode):
            return status is not None
        fcntl.flock(folder.handle, fcntl.LOCK_EX)  # for the reason given in _ensure_in
        status = folder.status(name)
        if status is None or stat.S_ISREG(status.st_mode):
            return status is not None
        aside = self.put_aside(self.inside(folder.path / name))
        self._print_moved(folder, name, kind(status.st_mode), FILE, aside)
        return False

    @staticmethod
    def _print_moved(folder: Folder, name: str, actual: str, expected: str, aside: Path) -> None:
        print("{}: it was {}, where {} belongs; it is now {}".format(
            printable(str(folder.path / name)), actual, expected, printable(str(aside))), file=sys.stderr, flush=True)

    def expect_short(self, inside: str) -> None:
        """Raises StoreError for a folder whose path leaves no room for the names of the files in it."""
        length = len(os.fsencode(str(self.path(inside))))
        if length + NAMES_WITHIN > LONGEST_PATH:
            raise StoreError("the path is too long", where=str(self.root),
                             why="an artifact's folder would have a path of {} bytes; with the names of its files, the "
                                 "system allows {}".format(length, LONGEST_PATH),
                             next_step="set another store in luigi.cfg")

    def misplaced(self) -> Iterator[Tuple[str, OSError]]:
        """(place, error) of every entry of the wrong kind, and of every folder that cannot be listed. An artifact that
        is not a folder is not included, since its state is 'damaged'."""
        try:
            root = Folder.at(self.root)
        except FileNotFoundError:
            return
        with root:
            for name, levels in LAYOUT.items():
                yield from _misplaced(root, name, name, (FOLDER,) + levels)

    def writable_by_others(self) -> Iterator[Tuple[Path, str]]:
        """(path, who) of each folder that users other than the store's owner can write."""
        try:
            root = Folder.at(self.root)
        except FileNotFoundError:
            return
        with root:
            owner = os.fstat(root.handle).st_uid
            for path, status in _folders(root):
                who = [writer for bit, writer in ((stat.S_IWGRP, "its group"), (stat.S_IWOTH, "every user"))
                       if status.st_mode & bit]
                who += ["user {}, who owns it".format(status.st_uid)] if status.st_uid not in (owner, 0) else []
                if who:
                    yield path, " and ".join(who)


def _misplaced(folder: Folder, name: str, inside: str, levels: Tuple[str, ...]) -> Iterator[Tuple[str, OSError]]:
    """levels: the required kind of the entry, then of its entries, and so on."""
    status = folder.status(name)
    if status is None:
        return
    actual = kind(status.st_mode)
    if actual != levels[0]:
        if not (name.startswith(".") and actual in (FILE, FOLDER)):  # left by a process that was killed
            yield inside, Misplaced(folder.path / name, actual, levels[0])
        return
    if levels[0] == FILE:
        return
    try:
        with folder.folder(name) as below:
            for child in below.names():
                if len(levels) > 1:
                    yield from _misplaced(below, child, inside + "/" + child, levels[1:])
    except FileNotFoundError:
        return
    except OSError as error:
        yield inside, error


def _folders(root: Folder) -> Iterator[Tuple[Path, os.stat_result]]:
    """The root, the folders of `LAYOUT`, and the folders in those."""
    yield root.path, os.fstat(root.handle)
    for name in LAYOUT:
        status = root.status(name)
        if status is None or not stat.S_ISDIR(status.st_mode):
            continue
        yield root.path / name, status
        try:
            with root.folder(name) as folder:
                for child in folder.names():
                    below = folder.status(child)
                    if below is not None and stat.S_ISDIR(below.st_mode):
                        yield folder.path / child, below
        except OSError:
            continue  # `misplaced` reports it


def _as_name(inside: str) -> str:
    """A place as a file name of valid length."""
    return inside.replace("/", "-").replace("\0", "")[:150]
