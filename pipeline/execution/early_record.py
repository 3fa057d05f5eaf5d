"""Records a run that takes long to start, for example because it computes the digest of large data."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import NamedTuple, Optional

from octet import interrupts
from octet.errors import OctetError
from pipeline.execution import run_facts
from pipeline.settings import Settings
from pipeline.store.runs import Runs

AFTER_S = 1.0
"""Seconds before a run is recorded. Most runs have nothing to do, and end sooner."""


class Recorded(NamedTuple):
    """The recipe and the number of an unfinished record in the store."""

    recipe: Path
    number: int


class EarlyRecord:
    """Begins the record of a run if `stop` is not called within AFTER_S, so that a run that is killed later is
    recorded.

    started: the time of the start of the run, for the record. Nothing is recorded for a recipe that does not exist or a
    store that cannot be written; the run itself then raises the error."""

    def __init__(self, settings: Settings, recipe: Optional[str], target: str, started: str) -> None:
        self._settings, self._recipe, self._target, self._started = settings, recipe, target, started
        self._recorded: Optional[Recorded] = None
        self._timer = threading.Timer(AFTER_S, self._begin)
        self._timer.daemon = True
        with interrupts.held():  # an interrupt inside the threading module could leave its locks in an invalid state
            self._timer.start()

    def stop(self) -> Optional[Recorded]:
        """Stops the timer. Returns the record, which the caller must end or remove; None if none was begun, and at
        later calls."""
        with interrupts.held():
            self._timer.cancel()
            self._timer.join()
        recorded, self._recorded = self._recorded, None
        return recorded

    def _begin(self) -> None:
        try:
            path = self._settings.find_recipe(self._recipe or self._settings.recipe).absolute()
            if path.is_file():
                record = Runs(self._settings.store).begin(
                    path, run_facts.begun(path, self._target, self._started, None, {}))
                self._recorded = Recorded(path, record["number"])
        except (OctetError, OSError):
            pass
