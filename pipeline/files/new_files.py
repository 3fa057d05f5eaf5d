"""Files and folders that a user names and a command makes: whole, or not at all, and never over another one."""

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
    """A folder to be filled in the block, which becomes `target` at the end of the block. Where the block raises, or is
    interrupted, nothing is left.

    command: for errors. Raises UsageError where something exists already or the folder above is not, StoreError for
    what the file system refuses."""
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
            raise _is_there(target, command) from None
        try:
            with file:
                file.write(text)
        except BaseException:
            with suppress(OSError):
                target.unlink()
            raise


@contextmanager
def explained(target: Path, command: str) -> Iterator[None]:
    """Raises every OSError of the block as an error about the place that the user has named, or the folder above it."""
    try:
        yield
    except FileNotFoundError:
        raise UsageError("there is no folder {}".format(printable(str(target.parent))), where=command,
                         why="what is made goes there", next_step="make it, or name another place") from None
    except OSError as error:
        raise StoreError("cannot be written: {}".format(error.strerror or error), where=printable(str(target)),
                         why="nothing is left there", next_step="name another place, or mend this one") from error


def _expect_new(target: Path, command: str) -> None:
    if os.path.lexists(str(target)):
        raise _is_there(target, command)


def _is_there(target: Path, command: str) -> UsageError:
    return UsageError("{} exists already".format(printable(str(target))), where=command,
                      why="nothing is overwritten", next_step="name another place")
