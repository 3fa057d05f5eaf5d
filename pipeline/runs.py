"""The record of each run of a recipe: what was asked for, which artifacts it came to, how it ended.

    <root>/runs/<recipe>/<number>.json

    {"format": 1, "number", "recipe": {"name", "path"}, "snapshot", "target": the stage asked for,
     "started", "finished", "exit", "error": the first line of what hindered it,
     "host", "pid", "process": which of all processes that ever had this pid, "argv",
     "stages": {stage: {"key", "made": whether this run made it, "why": [why it was not fresh]}},
     "seal"}

Numbers count upward and tell which run is newest: clocks can be set back. A run whose `exit` is
null is going on, or was killed. One that was refused before its first stage has no snapshot and no stages.
"""

import hashlib
import os
import re
import socket
from pathlib import Path
from typing import Iterator, List, Optional, Tuple

from pipeline import disk
from pipeline import manifest as manifests

FORMAT = 1


class Runs:
    """The runs recorded in one store."""

    def __init__(self, root: Path) -> None:
        self.root = Path(root) / "runs"

    def begin(self, recipe: Path, record: dict) -> dict:
        """`record` with its number, kept. Raises StoreError."""
        folder = self.root / _folder_name(recipe)
        with disk.explained("record a run", folder):
            number = max(_numbers(folder), default=0) + 1
            while True:
                numbered = {"format": FORMAT, "number": number, **record}
                folder.mkdir(parents=True, exist_ok=True)
                try:
                    disk.write(_file(folder, number), manifests.sealed(numbered), exclusive=True)
                    return numbered
                except FileExistsError:  # another run of this recipe began at the same moment
                    number += 1

    def end(self, recipe: Path, record: dict) -> None:
        """The run's record is `record` from now on. Raises StoreError."""
        path = _file(self.root / _folder_name(recipe), record["number"])
        with disk.explained("record a run", path):
            disk.write(path, manifests.sealed(record))

    @staticmethod
    def name(recipe: Path, number: int) -> str:
        """The run's own name, which the manifests of what it makes carry."""
        return "{}/{:06d}".format(_folder_name(recipe), number)

    def of(self, recipe: Path) -> Iterator[dict]:
        """The runs of one recipe, newest first."""
        return self._in(self.root / _folder_name(recipe))

    def every(self) -> Iterator[Tuple[int, Iterator[dict]]]:
        """For each recipe that ever ran, how many runs it had, and they, newest first."""
        with disk.explained("list the runs", self.root):
            folders = sorted(folder for folder in self.root.glob("*") if folder.is_dir())
        for folder in folders:
            yield len(_numbers(folder)), self._in(folder)

    @staticmethod
    def _in(folder: Path) -> Iterator[dict]:
        for number in sorted(_numbers(folder), reverse=True):
            path = _file(folder, number)
            with disk.explained("read the record of a run", path):
                try:
                    record = manifests.unsealed(path.read_bytes())
                except FileNotFoundError:
                    continue
            if record is not None and record.get("format") == FORMAT:
                yield record


def state(run: dict) -> str:
    """How a run ended, in a word or two: 'done', 'exit 10', 'running', 'killed'."""
    if run["exit"] is not None:
        return "done" if run["exit"] == 0 else "exit {}".format(run["exit"])
    if run["host"] != socket.gethostname():
        return "no end yet, on {}".format(run["host"])
    there = process_identity(run["pid"])
    return "running" if there is not None and there == run.get("process", there) else "killed"


def process_identity(pid: int) -> Optional[str]:
    """What tells a process from every other that ever has this pid on this machine; None where there is none."""
    try:
        with open("/proc/{}/stat".format(pid), "rb") as file:
            started = file.read().rpartition(b")")[2].split()[19].decode()
        with open("/proc/sys/kernel/random/boot_id") as file:
            return "{} {}".format(file.read().strip(), started)
    except (OSError, IndexError):
        return None


def _folder_name(recipe: Path) -> str:
    """A recipe's folder: readable, and its own although another recipe has the same name."""
    path = os.path.abspath(str(recipe))
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", Path(path).stem)[:60]
    return "{}-{}".format(plain, hashlib.sha256(os.fsencode(path)).hexdigest()[:12])


def _file(folder: Path, number: int) -> Path:
    return folder / "{:06d}.json".format(number)


def _numbers(folder: Path) -> List[int]:
    try:
        names = os.listdir(str(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [int(name[:-5]) for name in names if re.fullmatch(r"\d+\.json", name)]
