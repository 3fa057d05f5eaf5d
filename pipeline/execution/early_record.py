"""The record of a run whose start takes long: large data is digested before its stages are known."""

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
"""Most runs have nothing to do, and end sooner. A run that is killed sooner has done nothing worth a record."""


class Recorded(NamedTuple):
    """The recipe and the number of a record in the store that has no end yet."""

    recipe: Path
    number: int


class EarlyRecord:
    """Begins the record of a run if `stop` is not called within AFTER_S, so that a kill in that time is recorded too.

    facts: the record, without its end. For a recipe that does not exist, or a store that cannot be written, the run
    itself raises the error. Here nothing is recorded then."""

    def __init__(self, settings: Settings, recipe: Optional[str], facts: Dict[str, Any]) -> None:
        self._settings, self._recipe, self._facts = settings, recipe, facts
        self._recorded: Optional[Recorded] = None
        self._timer = threading.Timer(AFTER_S, self._begin)
        self._timer.daemon = True
        with interrupts.held():  # Ctrl-C in the middle of threading's own code leaves its locks in disorder
            self._timer.start()

    def stop(self) -> Optional[Recorded]:
        """The record, which the caller ends or removes from now on; None if none was begun, and at later calls."""
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
