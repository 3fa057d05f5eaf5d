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

from octet.errors import StoreError
from pipeline.files import durable_files
from pipeline.files.safe_tree import Misplaced, is_safe_name
from pipeline.store import manifest as manifests
from pipeline.store import record_form
from pipeline.store.store_tree import StoreTree

FORMAT = 1
FOLDER = "runs"
MOST_BYTES = 16 << 20


class Runs:
    """The runs recorded in one store."""

    def __init__(self, root: Path) -> None:
        self.tree = StoreTree(root)

    def begin(self, recipe: Path, record: dict) -> dict:
        """`record` with its number, kept. Raises StoreError."""
        place = _place(recipe)
        with durable_files.explained("record a run", self.tree.path(place)):
            number = max(self._numbers(place), default=0) + 1
            while True:
                numbered = {"format": FORMAT, "number": number, **record}
                try:
                    with self.tree.made(place) as folder:
                        folder.write(_file(number), manifests.sealed(numbered), exclusive=True)
                    return numbered
                except FileExistsError:  # another run of this recipe began at the same moment
                    number += 1

    def end(self, recipe: Path, record: dict) -> dict:
        """The run's record is `record` from now on, as it is returned. Raises StoreError."""
        place, record = _place(recipe), {"format": FORMAT, **record}
        with durable_files.explained("record a run", self.tree.path(place) / _file(record["number"])):
            with self.tree.made(place) as folder:
                folder.write(_file(record["number"]), manifests.sealed(record))
        return record

    def remove(self, recipe: Path, number: int) -> None:
        """That run is not recorded any more: it had nothing to do. Raises StoreError."""
        place = _place(recipe)
        with durable_files.explained("remove the record of a run", self.tree.path(place) / _file(number)):
            with self.tree.at(place) as folder:
                folder.unlink(_file(number))

    @staticmethod
    def name(recipe: Path, number: int) -> str:
        """The run's own name, which the manifests of what it makes carry."""
        return "{}/{:06d}".format(_folder_name(recipe), number)

    def of(self, recipe: Path) -> Iterator[dict]:
        """The runs of one recipe, newest first."""
        return self._in(_place(recipe))

    def every(self) -> Iterator[Tuple[int, Iterator[dict]]]:
        """For each recipe that ever ran, how many runs it had, and they, newest first."""
        for name in self._names(FOLDER):
            place = "{}/{}".format(FOLDER, name)
            numbers = self._numbers(place)
            if numbers:
                yield len(numbers), self._in(place)

    def damaged(self) -> Iterator[Tuple[str, Optional[StoreError]]]:
        """(its place below the store's root, why it cannot be read) of each record that is not what was written
        (None), or unreadable."""
        for name in self._names(FOLDER):
            place = "{}/{}".format(FOLDER, name)
            try:
                numbers = self._numbers(place)
            except StoreError as error:
                yield place, error
                continue
            for number in numbers:
                file = "{}/{}".format(place, _file(number))
                try:
                    if self._read(place, number) is None and self._is_there(place, number):
                        yield file, None
                except StoreError as error:
                    yield file, error

    def _in(self, place: str) -> Iterator[dict]:
        for number in sorted(self._numbers(place), reverse=True):
            record = self._read(place, number)
            if record is not None:
                yield record

    def _read(self, place: str, number: int) -> Optional[dict]:
        """The record of a run; None where it is not there or not what was written."""
        with durable_files.explained("read the record of a run", self.tree.path(place) / _file(number)):
            try:
                with self.tree.at(place) as folder:
                    record = manifests.unsealed(folder.read(_file(number), MOST_BYTES))
            except (FileNotFoundError, Misplaced):
                return None
        sound = record is not None and record.get("format") == FORMAT and not record_form.fault(
            record, record_form.RUN) and record["number"] == number
        return record if sound else None

    def _is_there(self, place: str, number: int) -> bool:
        with durable_files.explained("read the record of a run", self.tree.path(place) / _file(number)):
            try:
                with self.tree.at(place) as folder:
                    return folder.status(_file(number)) is not None
            except (FileNotFoundError, Misplaced):
                return False

    def _numbers(self, place: str) -> List[int]:
        return [int(name[:-5]) for name in self._names(place) if re.fullmatch(r"[0-9]{6,18}\.json", name)]

    def _names(self, place: str) -> List[str]:
        """What is in a folder; nothing where there is none, or something else: `octet verify` says so."""
        with durable_files.explained("list the runs", self.tree.path(place)):
            try:
                with self.tree.at(place) as folder:
                    return [name for name in folder.names() if is_safe_name(name)]
            except (FileNotFoundError, Misplaced):
                return []


def _place(recipe: Path) -> str:
    return "{}/{}".format(FOLDER, _folder_name(recipe))


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


def _file(number: int) -> str:
    return "{:06d}.json".format(number)
