"""The folder of one situation: the user's files, a complete store, a canary, and a guard against damage outside of
it."""

import functools
import hashlib
import json
import os
import shutil
import stat
from pathlib import Path
from typing import Dict, List, Tuple

STAGE, UPSTREAM, DATA = "Freeze", "TrainFloat", "PrepareData.train"
"""The stages whose artifacts are damaged: one in the middle, the first that trains, and the very first."""
CONFIG = "[octet]\nrecipe = {0}/mine/faces.yaml\nstore = {0}/store\nrecipes = {0}/mine\n[core]\nno_lock = true\n"


class Place:
    """The folder of one situation.

    root: the folder; `at` refuses damage outside of it. mine: the user's folder, with the recipes faces.yaml and
    other.yaml.
    store: a store in which everything of both recipes is made; one artifact is pinned, one is in quarantine.
    canary: files that must not change. checkout: Octet's source with light stages; python: its interpreter. All
    situations share both."""

    def __init__(self, work: Path, root: Path) -> None:
        """work: the folder that `template.py` has filled."""
        self.work, self.root = work, root
        self.checkout, self.python = work / "checkout", work / "environment" / "bin" / "python"
        self.mine, self.store, self.canary, self.cwd = (root / name for name in ("mine", "store", "canary", "cwd"))
        self.cache, self.tmp, self.home = root / "cache", root / "tmp", root / "home"
        self.config, self.out = root / "luigi.cfg", root / "out"
        self.allowed: Tuple[Path, ...] = ()  # folders that a situation adds to those that may be written
        self.helpers: List[int] = []  # the situation's own helper processes

    def furnish(self) -> None:
        """Copies the template, so that each situation starts with the same folder."""
        shutil.copytree(str(self.work / "template"), str(self.root), symlinks=True)
        for folder in (self.canary, self.cwd, self.cache, self.tmp, self.home):
            folder.mkdir(exist_ok=True)
        (self.canary / "deep" / "er").mkdir(parents=True)
        for name in ("kept.txt", "deep/kept.json", "deep/er/manifest.json"):
            (self.canary / name).write_text("canary\n")
        self.config.write_text(CONFIG.format(self.root))

    def at(self, path: Path) -> Path:
        """The path, which the caller is about to damage. Raises PermissionError if it is outside of the situation's
        folder."""
        real = os.path.realpath(str(path.parent))
        if not (real + os.sep).startswith(os.path.realpath(str(self.root)) + os.sep):
            raise PermissionError("{} is not below {}: not touched".format(path, self.root))
        return path

    def environment(self) -> Dict[str, str]:
        """The environment variables of the command."""
        return {
            "PATH": "/usr/bin:/bin",
            "LUIGI_CONFIG_PATH": str(self.config),
            "OCTET_CACHE": str(self.cache),
            "HOME": str(self.home),
            "TMPDIR": str(self.tmp),
            "LANG": "C.UTF-8",
        }

    def artifact(self, stage: str, recipe: str = "faces") -> Path:
        """The folder of one artifact of the recipe."""
        return self.store / "artifacts" / stage / self.keys[recipe][stage]

    def words(self, command: Tuple[str, ...]) -> List[str]:
        """A command with its {places} filled in."""
        return [
            word.format(
                mine=self.mine,
                recipe=self.mine / "faces.yaml",
                other=self.mine / "other.yaml",
                file=self.artifact("ConvertUint8") / "model.tflite",
                out=self.out,
                root=self.root,
                net=self.mine / "nets" / "net.py",
                freeze=self.artifact(STAGE).name[:12],
                freeze2=self.artifact(STAGE, "other").name[:12],
            )
            if "{" in word
            else word
            for word in command
        ]

    @property
    def keys(self) -> Dict[str, Dict[str, str]]:
        """{recipe: {stage: key}} of the template."""
        return _read(str(self.work / "keys.json"))


@functools.lru_cache()
def _read(path: str) -> Dict[str, Dict[str, str]]:
    return json.loads(Path(path).read_text())


def listing(*folders: Path) -> Dict[str, Tuple]:
    """{path: (kind, permissions, content)} of everything below the folders. Links are not followed."""
    found = {}
    for folder in folders:
        _list(str(folder), found)
    return found


def _list(path: str, found: Dict[str, Tuple]) -> None:
    try:
        about = os.lstat(path)
    except FileNotFoundError:
        return
    kind, mode = stat.S_IFMT(about.st_mode), stat.S_IMODE(about.st_mode)
    if stat.S_ISLNK(kind):
        found[path] = (kind, mode, os.readlink(path))
    elif stat.S_ISDIR(kind):
        found[path] = (kind, mode, "")
        for name in sorted(os.listdir(path)):
            if name != "__pycache__":  # bytecode caches of the checkout, which Python fills
                _list(os.path.join(path, name), found)
    elif stat.S_ISREG(kind) and about.st_size < 1 << 24:
        found[path] = (kind, mode, _sha256(path, about.st_ino, about.st_ctime_ns, about.st_size))
    else:
        found[path] = (kind, mode, about.st_size)


@functools.lru_cache(maxsize=20000)
def _sha256(path: str, *version: int) -> str:
    """The files of the checkout, which is compared before and after every situation. The result is cached as long as it
    does not change."""
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()
