"""Checks that no other user owns or can write to a folder whose content is run as this user."""

import grp
import os
import pwd
import stat
from pathlib import Path
from typing import Iterator, Optional

from octet.errors import StoreError


def expect_own(folder: Path, why: str, next_step: str) -> None:
    """Raises StoreError if a user other than this one and root owns or can write to the folder, a folder above it, or
    anything in it. Links in the folder are not followed.

    why, next_step: parts of the error."""
    expect_own_place(folder, why, next_step)
    for path in _below(str(folder)):
        _expect(path, os.lstat(path), why, next_step)


def expect_own_place(folder: Path, why: str, next_step: str) -> None:
    """Raises StoreError if a user other than this one and root owns or can write to the folder or one above it."""
    for path in (os.path.abspath(str(folder)), os.path.realpath(str(folder))):
        _expect(path, os.stat(path), why, next_step)
        for above in Path(path).parents:
            status = above.stat()
            # In a sticky folder, such as /tmp, nobody can replace files of other users.
            if not (status.st_mode & stat.S_ISVTX and status.st_uid == 0):
                _expect(str(above), status, why, next_step)


def _below(folder: str) -> Iterator[str]:
    for parent, folders, files in os.walk(folder):
        for name in folders + files:
            yield os.path.join(parent, name)


def _expect(path: str, status: os.stat_result, why: str, next_step: str) -> None:
    who = writer(status)
    if who is not None:
        raise StoreError("it does not belong to this user alone: {}".format(who), where=path, why=why,
                         next_step=next_step)


def writer(status: os.stat_result) -> Optional[str]:
    """Who owns the file or can write to it, apart from this user and root, in words; None if nobody."""
    if status.st_uid not in (os.geteuid(), 0):
        return "user {} owns it".format(_user(status.st_uid))
    if stat.S_ISLNK(status.st_mode):  # a link has no permissions of its own
        return None
    if status.st_mode & stat.S_IWOTH:
        return "every user can write to it"
    if status.st_mode & stat.S_IWGRP and not _is_private(status.st_gid, status.st_uid):
        return "its group can write to it"
    return None


def _is_private(group: int, user: int) -> bool:
    """Whether this is the user's private group, as many systems make one: it has the user's name and no other
    members."""
    try:
        found, name = grp.getgrgid(group), pwd.getpwuid(user).pw_name
    except KeyError:
        return False
    return found.gr_name == name and set(found.gr_mem) <= {name}


def _user(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)
