"""The record of a run whose beginning takes long: the digests of large data, before the first stage is known."""

import threading
from pathlib import Path
from typing import Any, Dict, NamedTuple, Optional

from octet import interrupts
from octet.errors import OctetError
from pipeline.settings import Settings
from pipeline.store.runs import Runs

AFTER_S = 1.0
"""A run that is killed sooner has done nothing that anybody waits for; most have nothing to do, and end sooner."""


class Recorded(NamedTuple):
    """A record that stands in the store, its end still open."""

    recipe: Path
    number: int


class EarlyRecord:
    """Begins the record of a run if `stop` is not called within AFTER_S, so that a kill in that time is recorded too.

    facts: the record, without its end. A recipe that is not there, and a store that cannot be written, are told by
    the run itself: here they only mean that nothing is recorded."""

    def __init__(self, found: Settings, recipe: Optional[str], facts: Dict[str, Any]) -> None:
        self._found, self._recipe, self._facts = found, recipe, facts
        self._recorded: Optional[Recorded] = None
        self._timer = threading.Timer(AFTER_S, self._begin)
        self._timer.daemon = True
        with interrupts.held():  # Ctrl-C in the middle of threading's own code leaves its locks in disorder
            self._timer.start()

    def stop(self) -> Optional[Recorded]:
        """The record, if it was begun, which from now on is the caller's to end or to remove; None after that."""
        with interrupts.held():
            self._timer.cancel()
            self._timer.join()
        recorded, self._recorded = self._recorded, None
        return recorded

    def _begin(self) -> None:
        try:
            path = self._found.find_recipe(self._recipe or self._found.recipe).absolute()
            if path.is_file():
                open_end = {"snapshot": None, "stages": {}, "finished": None, "exit": None, "error": None}
                record = Runs(self._found.store).begin(path, {
                    "recipe": {"name": path.stem, "path": str(path)}, **self._facts, **open_end})
                self._recorded = Recorded(path, record["number"])
        except (OctetError, OSError):
            pass
