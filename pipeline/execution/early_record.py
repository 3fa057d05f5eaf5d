"""Records a run that takes long to start, for example because it computes the digest of large data."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, NamedTuple, Optional, cast

from octet import interrupts
from octet.errors import OctetError
from pipeline.settings import Settings
from pipeline.store.runs import Runs

if TYPE_CHECKING:
    from pipeline.store.record_types import UnnumberedRun

AFTER_S = 1.0
"""Seconds before a run is recorded. Most runs have nothing to do, and end sooner."""


class Recorded(NamedTuple):
    """The recipe and the number of an unfinished record in the store."""

    recipe: Path
    number: int


class EarlyRecord:
    """Begins the record of a run if `stop` is not called within AFTER_S, so that a run that is killed later is
    recorded.

    facts: the fields of the record without its end. Nothing is recorded for a recipe that does not exist or a store
    that cannot be written; the run itself then raises the error."""

    def __init__(self, settings: Settings, recipe: Optional[str], facts: Dict[str, Any]) -> None:
        self._settings, self._recipe, self._facts = settings, recipe, facts
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
                record = Runs(self._settings.store).begin(path, cast("UnnumberedRun", {
                    "recipe": {"name": path.stem, "path": str(path)}, **self._facts, "snapshot": None, "stages": {},
                    "finished": None, "exit": None, "error": None}))
                self._recorded = Recorded(path, record["number"])
        except (OctetError, OSError):
            pass
