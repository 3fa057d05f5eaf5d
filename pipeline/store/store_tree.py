"""The store's own folders: made where they are missing, and cleared of whatever does not belong there.

Every file of the store is reached through this (`safe_tree` says how).
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
          "locks": (FILE,), "logs": (FILE,), PARTIAL: (FOLDER, FOLDER, FILE), QUARANTINE: ()}
"""{folder below the root: what belongs in it, level by level}. What is in an artifact its manifest says; in quarantine
may be anything."""

LONGEST_PATH = 4095
NAMES_WITHIN = 255
"""Bytes for the names of what a stage and its tools write in the folder that they are given."""


class StoreTree:
    """The folders and files below the store's root. Its methods raise OSError."""

    def __init__(self, root: Path) -> None:
        """root: may be a symbolic link, which is followed once, here. Raises StoreError for what is no path."""
        if "\0" in str(root):
            raise StoreError("is not a path", where=printable(str(root).replace("\0", "\\0")),
                             why="it holds a NUL character", next_step="correct the store's folder in luigi.cfg")
        self.root = Path(os.path.realpath(str(root)))

    def path(self, inside: str) -> Path:
        """Where something is, for messages and for the process of a stage."""
        return self.root / inside

    def inside(self, path: Path) -> str:
        """The place of a path below the root. Raises StoreError for a path that is elsewhere."""
        try:
            return Path(path).relative_to(self.root).as_posix()
        except ValueError:
            raise StoreError("is not in the store", where=str(path), why="the store is {}".format(self.root),
                             next_step="give a path below it") from None

    def at(self, inside: str) -> Folder:
        """An open folder. Raises FileNotFoundError where it is not there."""
        with Folder.at(self.root) as root:
            return root.folder(inside)

    def made(self, inside: str) -> Folder:
        """An open folder, made where it is not there. What is in its way goes to quarantine, and that is said."""
        try:
            os.makedirs(str(self.root), exist_ok=True)
        except FileExistsError:
            pass  # `Folder.at` says what it is
        folder, done = Folder.at(self.root), ""
        for name in inside.split("/") if is_safe(inside) else ():
            done = done + "/" + name if done else name
            with folder as above:
                folder = self._made_in(above, name, done)
        return folder

    def _made_in(self, above: Folder, name: str, inside: str) -> Folder:
        try:
            return above.folder(name)
        except FileNotFoundError:
            return above.made(name)
        except Misplaced:
            # Two processes may find it at one moment, and the second must not move what the first has made.
            fcntl.flock(above.handle, fcntl.LOCK_EX)
        try:
            return above.folder(name)
        except Misplaced as error:
            self._tell_aside(above, name, error.found, FOLDER, self.put_aside(inside))
            return above.made(name)

    def put_aside(self, inside: str, name: str = "") -> Path:
        """Whatever is there is in quarantine, as the thing that it is: neither opened nor walked. Its new path.

        name: how its new name begins; its place when not given."""
        parent, _, last = inside.rpartition("/")
        new_name = "{}-{}".format(name or _said(inside), uuid.uuid4().hex[:8])
        with self.at(parent) as folder:
            if inside == QUARANTINE:  # it cannot be moved into itself
                moved = ".{}.aside".format(new_name)
                folder.rename(last, folder, moved)
                last = moved
            with self.made(QUARANTINE) as quarantine:
                folder.rename(last, quarantine, new_name)
                quarantine.sync()
            folder.sync()
        return self.path(QUARANTINE) / new_name

    def open_lock(self, name: str) -> int:
        """A descriptor of the file `locks/<name>`, made where it is not there, to read and write."""
        with self.made("locks") as locks:
            self._clear(locks, name)
            flags = os.O_RDWR | os.O_CREAT | FILE_FLAGS
            try:
                return os.open(name, flags, 0o666, dir_fd=locks.handle)
            except OSError as error:
                error.filename = str(locks.path / name)
                raise

    def clear_for_file(self, inside: str) -> Path:
        """The path of a regular file, or of nothing yet: what else is there is in quarantine, its folder is made."""
        parent, _, name = inside.rpartition("/")
        with self.made(parent) as folder:
            self._clear(folder, name)
        return self.path(inside)

    def _clear(self, folder: Folder, name: str) -> None:
        status = folder.status(name)
        if status is None or stat.S_ISREG(status.st_mode):
            return
        fcntl.flock(folder.handle, fcntl.LOCK_EX)  # as in _made_in
        status = folder.status(name)
        if status is not None and not stat.S_ISREG(status.st_mode):
            aside = self.put_aside(self.inside(folder.path / name))
            self._tell_aside(folder, name, kind(status.st_mode), FILE, aside)

    @staticmethod
    def _tell_aside(folder: Folder, name: str, found: str, wanted: str, aside: Path) -> None:
        print("{}: it was {}, where {} belongs; it is now {}".format(
            printable(str(folder.path / name)), found, wanted, printable(str(aside))), file=sys.stderr, flush=True)

    def expect_short(self, inside: str) -> None:
        """Raises StoreError for a folder whose path is too long for what is written into it."""
        length = len(os.fsencode(str(self.path(inside))))
        if length + NAMES_WITHIN > LONGEST_PATH:
            raise StoreError("the path is too long", where=str(self.root),
                             why="an artifact's folder would have {} bytes, and the system takes paths of {} with the "
                                 "names of the files in it".format(length, LONGEST_PATH),
                             next_step="set another store in luigi.cfg")

    def misplaced(self) -> Iterator[Tuple[str, OSError]]:
        """(place, what is wrong) of all that is of another kind than what belongs there, or cannot be listed. A
        whole artifact that is of another kind is not among them: `Store.look` says so."""
        try:
            root = Folder.at(self.root)
        except FileNotFoundError:
            return
        with root:
            for name, levels in LAYOUT.items():
                yield from _misplaced(root, name, name, (FOLDER,) + levels)

    def writable_by_others(self) -> Iterator[Tuple[Path, str]]:
        """(path, how) of each folder that users other than the store's owner can write."""
        try:
            root = Folder.at(self.root)
        except FileNotFoundError:
            return
        with root:
            owner = os.fstat(root.handle).st_uid
            for path, status in _folders(root):
                who = [words for bit, words in ((stat.S_IWGRP, "its group"), (stat.S_IWOTH, "every user"))
                       if status.st_mode & bit]
                who += ["user {}, who owns it".format(status.st_uid)] if status.st_uid not in (owner, 0) else []
                if who:
                    yield path, " and ".join(who)


def _misplaced(folder: Folder, name: str, inside: str, levels: tuple) -> Iterator[Tuple[str, OSError]]:
    status = folder.status(name)
    if status is None:
        return
    found = kind(status.st_mode)
    if found != levels[0]:
        if not (name.startswith(".") and found in (FILE, FOLDER)):  # left by a process that was killed
            yield inside, Misplaced(folder.path / name, found, levels[0])
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
            continue  # `misplaced` says so


def _said(inside: str) -> str:
    """A place as one name, not too long for one."""
    return inside.replace("/", "-").replace("\0", "")[:150]
