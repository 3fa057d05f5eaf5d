"""Records the runs of each recipe: their targets, their artifacts, and how they ended.

    <root>/runs/<recipe>/<number>.json

`record_types.Run` has the fields of a record. The highest number is the newest run; times are not compared, since
clocks can be set back. A run whose `exit` is null is running or was killed. A run that was refused before its first
stage has no snapshot and no stages.
"""

from __future__ import annotations

import hashlib
import os
import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Iterator, List, Optional, Tuple, cast

from octet.errors import StoreError
from pipeline.files import file_errors
from pipeline.files.safe_tree import Misplaced, is_safe_name
from pipeline.store import manifest as manifests
from pipeline.store import record_format
from pipeline.store.store_tree import StoreTree

if TYPE_CHECKING:
    from pipeline.store.record_types import Run, UnnumberedRun

FORMAT = 1
FOLDER = "runs"
MOST_BYTES = 16 << 20


class Runs:
    """The runs recorded in one store."""

    def __init__(self, root: Path) -> None:
        self.tree = StoreTree(root)

    def begin(self, recipe: Path, record: UnnumberedRun) -> Run:
        """Writes the record of a new run. Returns it with its number. Raises StoreError."""
        place = _place(recipe)
        with file_errors.explained("record a run", self.tree.path(place)):
            number = max(self._numbers(place), default=0) + 1
            while True:
                numbered = cast("Run", {"format": FORMAT, "number": number, **record})
                try:
                    with self.tree.ensure(place) as folder:
                        folder.write(_file(number), manifests.sealed(numbered), exclusive=True)
                    return numbered
                except FileExistsError:  # another run of this recipe began at the same moment
                    number += 1

    def end(self, recipe: Path, record: Run) -> Run:
        """Replaces the run's record by `record`. Returns it with its format number. Raises StoreError."""
        place, record = _place(recipe), cast("Run", {"format": FORMAT, **record})
        with file_errors.explained("record a run", self.tree.path(place) / _file(record["number"])):
            with self.tree.ensure(place) as folder:
                folder.write(_file(record["number"]), manifests.sealed(record))
        return record

    def remove(self, recipe: Path, number: int) -> None:
        """Removes the record of a run that had nothing to do. Raises StoreError."""
        place = _place(recipe)
        with file_errors.explained("remove the record of a run", self.tree.path(place) / _file(number)):
            with self.tree.at(place) as folder:
                folder.unlink(_file(number))

    @staticmethod
    def name(recipe: Path, number: int) -> str:
        """The name of a run in the manifests of its artifacts: 'RECIPE/NUMBER'."""
        return "{}/{:06d}".format(_folder_name(recipe), number)

    def of(self, recipe: Path) -> Iterator[Run]:
        """The runs of one recipe, newest first."""
        return self._in(_place(recipe))

    def every(self) -> Iterator[Tuple[int, Iterator[Run]]]:
        """(number of runs, the runs, newest first) of each recipe that ever ran."""
        for name in self._names(FOLDER):
            place = "{}/{}".format(FOLDER, name)
            numbers = self._numbers(place)
            if numbers:
                yield len(numbers), self._in(place)

    def damaged(self) -> Iterator[Tuple[str, Optional[StoreError]]]:
        """(place below the store's root, error) of each record that is damaged (error None) or cannot be read."""
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

    def _in(self, place: str) -> Iterator[Run]:
        for number in sorted(self._numbers(place), reverse=True):
            record = self._read(place, number)
            if record is not None:
                yield record

    def _read(self, place: str, number: int) -> Optional[Run]:
        """The record of a run; None if it is damaged or missing."""
        with file_errors.explained("read the record of a run", self.tree.path(place) / _file(number)):
            try:
                with self.tree.at(place) as folder:
                    record = manifests.unsealed(folder.read(_file(number), MOST_BYTES))
            except (FileNotFoundError, Misplaced):
                return None
        sound = record is not None and record.get("format") == FORMAT and not record_format.fault(
            record, record_format.RUN) and record["number"] == number
        return cast("Run", record) if sound else None

    def _is_there(self, place: str, number: int) -> bool:
        with file_errors.explained("read the record of a run", self.tree.path(place) / _file(number)):
            try:
                with self.tree.at(place) as folder:
                    return folder.status(_file(number)) is not None
            except (FileNotFoundError, Misplaced):
                return False

    def _numbers(self, place: str) -> List[int]:
        return [int(name[:-5]) for name in self._names(place) if re.fullmatch(r"[0-9]{6,18}\.json", name)]

    def _names(self, place: str) -> List[str]:
        """The names in a folder; empty if it does not exist, or is not a folder, which `octet verify` reports."""
        with file_errors.explained("list the runs", self.tree.path(place)):
            try:
                with self.tree.at(place) as folder:
                    return [name for name in folder.names() if is_safe_name(name)]
            except (FileNotFoundError, Misplaced):
                return []


def _place(recipe: Path) -> str:
    return "{}/{}".format(FOLDER, _folder_name(recipe))


def state(run: Run) -> str:
    """How a run ended, in a word or two: 'done', 'exit 10', 'running', 'killed'."""
    if run["exit"] is not None:
        return "done" if run["exit"] == 0 else "exit {}".format(run["exit"])
    if run["host"] != socket.gethostname():
        return "no end yet, on {}".format(run["host"])
    process = process_identity(run["pid"])
    return "running" if process is not None and process == run.get("process", process) else "killed"


def process_identity(pid: int) -> Optional[str]:
    """An identifier of the process, unique among all processes that ever have this pid; None if there is no such
    process. It consists of the identifier of the machine's boot and the start time of the process."""
    try:
        with open("/proc/{}/stat".format(pid), "rb") as file:
            started = file.read().rpartition(b")")[2].split()[19].decode()
        with open("/proc/sys/kernel/random/boot_id") as file:
            return "{} {}".format(file.read().strip(), started)
    except (OSError, IndexError):
        return None


def _folder_name(recipe: Path) -> str:
    """The name of a recipe's folder: readable, and different for two recipes of the same name."""
    path = os.path.abspath(str(recipe))
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", Path(path).stem)[:60]
    return "{}-{}".format(plain, hashlib.sha256(os.fsencode(path)).hexdigest()[:12])


def _file(number: int) -> str:
    return "{:06d}.json".format(number)
