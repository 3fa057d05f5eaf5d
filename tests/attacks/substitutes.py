"""What can take the place of a file or a folder, and what can happen to its bytes."""

import os
import shutil
import socket
import stat
from pathlib import Path
from typing import Callable, Dict

from tests.attacks.situation import Skip
from tests.attacks.situation_folder import Place

Thing = Callable[[Place, Path], None]


def remove(place: Place, path: Path) -> None:
    """Removes what is at the path."""
    place.at(path)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(str(path))
    elif os.path.lexists(str(path)):
        path.unlink()


def write(place: Place, path: Path, content: bytes) -> None:
    """Puts a regular file with this content at the path."""
    remove(place, path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def link(place: Place, path: Path, target: str) -> None:
    """Puts a symbolic link at the path."""
    remove(place, path)
    os.symlink(target, str(path))


def _fifo(place: Place, path: Path) -> None:
    remove(place, path)
    os.mkfifo(str(path))


def _socket(place: Place, path: Path) -> None:
    remove(place, path)
    before = os.getcwd()
    os.chdir(str(path.parent))  # a socket's path is limited to 107 bytes
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(before)


def _device(place: Place, path: Path) -> None:
    """Puts an endless device at the path. It is a new device node, so a command that changes or removes it damages no
    device of the machine."""
    remove(place, path)
    try:
        os.mknod(str(path), stat.S_IFCHR | 0o666, os.makedev(1, 5))
    except PermissionError as error:
        raise Skip("only root can make a device") from error


def _device_of(place: Place) -> Path:
    path = place.root / "device"
    _device(place, path)
    return path


def _folder(place: Place, path: Path) -> None:
    remove(place, path)
    path.mkdir()
    (path / "inside").write_text("inside\n")


def _replaced_by_copy_through_link(place: Place, path: Path) -> None:
    """Moves the file or folder into the canary's folder, and puts a link to it in its place."""
    target = place.root / "elsewhere" / path.name
    place.at(path)
    target.parent.mkdir(exist_ok=True)
    if os.path.lexists(str(path)):
        os.rename(str(path), str(target))
    os.symlink(str(target), str(path))


def _bytes(place: Place, path: Path, change: Callable[[bytes], bytes]) -> None:
    """Changes the bytes of the file, but not its permissions or mtime. For a folder, takes its first file."""
    place.at(path)
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file())
        if not files:
            return
        path = files[0]
    if path.is_symlink() or not path.is_file():
        return
    before = path.stat()
    path.chmod(0o644)
    path.write_bytes(change(path.read_bytes()))
    path.chmod(before.st_mode & 0o7777)
    os.utime(str(path), ns=(before.st_atime_ns, before.st_mtime_ns))


def _flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 4]) + content[middle + 1 :] if content else b"\x04"


def _sparse(place: Place, path: Path) -> None:
    write(place, path, b"")
    os.truncate(str(path), 3 << 30)


THINGS: Dict[str, Thing] = {
    "nothing": remove,
    "fifo": _fifo,
    "socket": _socket,
    "folder": _folder,
    "device": _device,
    "link-to-device": lambda place, path: link(place, path, str(_device_of(place))),
    "link-to-canary-folder": lambda place, path: link(place, path, str(place.canary)),
    "link-to-canary-file": lambda place, path: link(place, path, str(place.canary / "kept.txt")),
    "link-to-itself": lambda place, path: link(place, path, path.name),
    "link-to-parent": lambda place, path: link(place, path, ".."),
    "link-to-nothing": lambda place, path: link(place, path, str(place.root / "not" / "there")),
    "moved-behind-a-link": _replaced_by_copy_through_link,
    "huge": _sparse,
}
"""{name: a function that puts something else in the place of a path}."""

BYTES: Dict[str, Thing] = {
    "emptied": lambda place, path: _bytes(place, path, lambda content: b""),
    "truncated": lambda place, path: _bytes(place, path, lambda content: content[:-1]),
    "halved": lambda place, path: _bytes(place, path, lambda content: content[: len(content) // 2]),
    "flipped": lambda place, path: _bytes(place, path, _flipped),
    "zeroed": lambda place, path: _bytes(place, path, lambda content: bytes(len(content))),
    "doubled": lambda place, path: _bytes(place, path, lambda content: content + content),
    "noise": lambda place, path: _bytes(place, path, lambda content: bytes(range(256)) * 4),
    "not-utf-8": lambda place, path: _bytes(place, path, lambda content: b"\xff\xfe" + content),
    "deep-json": lambda place, path: _bytes(place, path, lambda content: b"[" * 100000),
    "json-null": lambda place, path: _bytes(place, path, lambda content: b"null"),
    "json-list": lambda place, path: _bytes(place, path, lambda content: b"[1, 2]"),
    "json-number": lambda place, path: _bytes(place, path, lambda content: b"1e999"),
}
"""{name: a function that damages the bytes of a file}."""
