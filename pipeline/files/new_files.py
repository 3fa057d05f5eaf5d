"""Writes files and folders at paths that a user names: completely or not at all, and without overwriting anything."""

import os
import shutil
import uuid
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Iterator

from octet.errors import StoreError, UsageError
from pipeline.files.safe_tree import printable


@contextmanager
def folder(target: Path, command: str) -> Iterator[Path]:
    """Yields a temporary folder, which is renamed to `target` at the end of the block. If the block raises or is
    interrupted, the folder is removed.

    command: for errors. Raises UsageError if `target` exists or its parent folder does not, StoreError for other errors
    of the file system."""
    with explained(target, command):
        _expect_new(target, command)
        hidden = target.parent / ".octet-{}.tmp".format(uuid.uuid4().hex[:12])  # not mkdtemp: its mode would be 0700
        try:
            hidden.mkdir()
            yield hidden
            _expect_new(target, command)
            hidden.rename(target)
        except BaseException:
            shutil.rmtree(str(hidden), ignore_errors=True)
            raise


def write(target: Path, text: str, command: str) -> None:
    """Writes a new file, in UTF-8. Raises as `folder` does."""
    with explained(target, command):
        try:
            file = target.open("x", encoding="utf-8")
        except FileExistsError:
            raise _exists(target, command) from None
        try:
            with file:
                file.write(text)
        except BaseException:
            with suppress(OSError):
                target.unlink()
            raise


@contextmanager
def explained(target: Path, command: str) -> Iterator[None]:
    """Raises every OSError of the block as an OctetError that names `target` or its parent folder."""
    try:
        yield
    except FileNotFoundError:
        raise UsageError("there is no folder {}".format(printable(str(target.parent))), where=command,
                         why="the result would be written there",
                         next_step="make the folder, or name another place") from None
    except OSError as error:
        raise StoreError("cannot be written: {}".format(error.strerror or error), where=printable(str(target)),
                         why="nothing was left there", next_step="name another place, or mend this one") from error


def _expect_new(target: Path, command: str) -> None:
    if os.path.lexists(str(target)):
        raise _exists(target, command)


def _exists(target: Path, command: str) -> UsageError:
    return UsageError("{} exists already".format(printable(str(target))), where=command,
                      why="nothing is overwritten", next_step="name another place")
