"""`schedule: reduce_on_plateau`: how often the rate was reduced, because epochs brought nothing better."""

from typing import Any, Dict

from tasks.training.best_epoch import Best


class Plateau:
    """reductions: so many times, `epochs` epochs in a row brought nothing better."""

    def __init__(self, epochs: int) -> None:
        self._patience, self._waited = epochs, 0
        self.reductions = 0

    def end_epoch(self, best: Best) -> None:
        """After the epoch was offered to `best`."""
        self._waited = 0 if best.since_better == 0 else self._waited + 1
        if self._waited == self._patience:
            self.reductions, self._waited = self.reductions + 1, 0

    def state(self) -> Dict[str, Any]:
        """What `restore` takes, as JSON holds it."""
        return {"reductions": self.reductions, "waited": self._waited}

    def restore(self, state: Dict[str, Any]) -> None:
        """It is what `state` was called on."""
        self.reductions, self._waited = state["reductions"], state["waited"]
