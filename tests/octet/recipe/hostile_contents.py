"""Contents of hostile recipes: special files in place of a file, texts of YAML that grow when they are read, and
awkward paths."""

import os
import socket
from pathlib import Path
from typing import Callable


def fifo(path: Path) -> None:
    os.mkfifo(str(path))


def sock(path: Path) -> None:
    here = os.getcwd()
    os.chdir(str(path.parent))  # a socket's path is short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path.name)
    os.chdir(here)


def folder(path: Path) -> None:
    path.mkdir()


def link(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


def bomb(levels: int, width: int, item: str) -> str:
    """Nested anchors: each contains the one before `width` times."""
    lines = ["data: {dataset: ./d.py, args: {x0: &x0 " + item]
    lines += [", x{}: &x{} [{}]".format(level, level, ", ".join(["*x{}".format(level - 1)] * width))
              for level in range(1, levels)]
    return "".join(lines) + "}}\nmodel: {build: lenet}\n"


def merges(levels: int, width: int) -> str:
    lines = ["data: {dataset: ./d.py, args: {x0: &x0 {a: 1, b: 2}"]
    lines += [", x{}: &x{} {{<<: [{}], k{}: 1}}".format(
        level, level, ", ".join(["*x{}".format(level - 1)] * width), level) for level in range(1, levels)]
    return "".join(lines) + "}}\nmodel: {build: lenet}\n"


SPECIAL = {"fifo": (fifo, "it is a fifo"), "device": (link("/dev/zero"), "it is a character device"),
           "full": (link("/dev/full"), "it is a character device"), "terminal": (link("/dev/tty"), "it is a character"),
           "socket": (sock, "it is a socket"), "folder": (folder, "Is a directory"),
           "dangling": (link("gone"), "No such file"), "loop": (link("recipe.yaml"), "symbolic link"),
           "null": (link("/dev/null"), "it is a character device"), "proc": (link("/proc/self/mem"), "cannot read"),
           "pagemap": (link("/proc/self/pagemap"), "it has more than 262144 bytes")}
"""{kind of file: (puts it at a path, words of the error)}."""
AWKWARD = {
    "nul": ("\"a\\0b\"", "a NUL"), "surrogate": ("\"\\ud800\"", "surrogate"), "long": ("x" * 5000, ""),
    "long_part": ("a/" + "x" * 300 + "/b", ""), "deep": ("a/" * 2500 + "b", ""), "empty": ("''", ""),
    "dots": ("../" * 400 + "nowhere", ""), "newline": ("\"a\\nb/c\"", ""), "escape": ("\"\\x1b]0;x\\x07/y\"", ""),
    "right_to_left": ("\"\\u202ea/b\"", ""), "blank": ("' '", ""), "stranger": ("~nobody_of_this_name/a/b", ""),
    "number": ("7", ""), "list": ("[a]", ""), "percent": ("'%s%n{}'", ""), "glob": ("'*?[a]/[x'", ""),
    "slash": ("/", ""), "dot": ("./", ""), "colon": ("':'", ""), "colons": ("'./a.py::b:c'", ""), "tilde": ("'~'", "")}
"""{kind of path: (the path in YAML, words of the error)}."""
