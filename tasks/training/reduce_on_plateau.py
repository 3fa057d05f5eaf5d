"""`schedule: reduce_on_plateau`: counts the reductions of the learning rate."""

from typing import Any, Dict

from tasks.training.best_epoch import Best


class Plateau:
    """reductions: how many times `epochs` epochs in a row brought no improvement."""

    def __init__(self, epochs: int) -> None:
        self._patience, self._waited = epochs, 0
        self.reductions = 0

    def end_epoch(self, best: Best) -> None:
        """Counts an epoch. Call it after the epoch was offered to `best`."""
        self._waited = 0 if best.since_better == 0 else self._waited + 1
        if self._waited == self._patience:
            self.reductions, self._waited = self.reductions + 1, 0

    def state(self) -> Dict[str, Any]:
        """The state for `restore`, as JSON values."""
        return {"reductions": self.reductions, "waited": self._waited}

    def restore(self, state: Dict[str, Any]) -> None:
        """Restores what `state` returned."""
        self.reductions, self._waited = state["reductions"], state["waited"]
