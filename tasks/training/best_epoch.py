"""Which epoch of a phase is kept, and when there is no use in another."""

import logging
from types import SimpleNamespace
from typing import Any, Callable, Dict, Optional, Sequence

import numpy as np

from octet.errors import RecipeError

LOWER_IS_BETTER = ("mse", "mae", "rmse", "error", "loss")


class Best:
    """What is kept of a phase: the values of its best epoch on the validation part, or of its last.

    Of equally good epochs the later is kept: it was trained longer, and with a lower rate. `epoch` counts from 1; it
    is 0 for what the phase began with, and None until anything was offered. `metric` is the one that decides, as
    output/metric. `since_better` counts the last epochs in a row that brought nothing better.
    """

    def __init__(self, settings: SimpleNamespace, section: str) -> None:
        """section: of the recipe, that the settings are of."""
        self._settings, self._section = settings, section
        self.metric: Optional[str] = None
        self.epoch: Optional[int] = None
        self.values: Optional[Sequence[np.ndarray]] = None
        self._epochs = 0
        self.since_better = 0
        self._score = float("-inf")

    def offer_start(self, figures: Dict[str, Dict[str, Optional[float]]],
                    values: Callable[[], Sequence[np.ndarray]]) -> None:
        """Before the first epoch it came to these figures: kept if no epoch is as good."""
        self._score = self._scored(figures)
        if self._settings.keep == "best":
            self.epoch, self.values = 0, values()

    def offer(self, figures: Dict[str, Dict[str, Optional[float]]],
              values: Callable[[], Sequence[np.ndarray]]) -> None:
        """An epoch came to these figures, {output: {metric: value}}; `values` gives what is kept of it."""
        self._epochs += 1
        score = self._scored(figures)
        self.since_better = 0 if score > self._score else self.since_better + 1
        if score >= self._score or self._settings.keep == "last" or self.epoch is None:
            self.epoch, self.values = self._epochs, values()
        self._score = max(score, self._score)

    def state(self) -> Dict[str, Any]:
        """All of it but `values`, as JSON holds it."""
        return {"epoch": self.epoch, "metric": self.metric, "epochs": self._epochs,
                "since_better": self.since_better, "score": self._score}

    def restore(self, state: Dict[str, Any], values: Optional[Sequence[np.ndarray]]) -> None:
        """It is what `state` was called on, with the `values` of then."""
        self.epoch, self.metric, self.values = state["epoch"], state["metric"], values
        self._epochs, self.since_better, self._score = state["epochs"], state["since_better"], state["score"]

    @property
    def exhausted(self) -> bool:
        """Whether as many epochs as `early_stopping` says brought nothing better."""
        patience = self._settings.early_stopping
        if patience is None or self.since_better < patience:
            return False
        logging.warning("stopped after epoch %d: %d epochs brought nothing better", self._epochs, patience)
        return True

    def expect_known(self, figures: Dict[str, Dict[str, Optional[float]]]) -> None:
        """Raises RecipeError where the recipe monitors a metric that is not among these."""
        known = _by_name(figures)
        if self._settings.monitor is not None and self._settings.monitor not in known:
            raise RecipeError("no metric '{}'".format(self._settings.monitor), where=self._section + ".monitor",
                              why="it says which epoch is the best", next_step="name one of " + ", ".join(known))

    def _scored(self, figures: Dict[str, Dict[str, Optional[float]]]) -> float:
        """The monitored metric, turned so that more is better."""
        self.expect_known(figures)
        known = _by_name(figures)
        self.metric = self._settings.monitor or next(iter(known))
        value = known[self.metric]
        if value is None or value != value:
            return float("-inf")
        return -value if self.metric.split("/")[-1] in LOWER_IS_BETTER else value


def _by_name(figures: Dict[str, Dict[str, Optional[float]]]) -> Dict[str, Optional[float]]:
    return {"{}/{}".format(output, metric): value
            for output, found in figures.items() for metric, value in found.items()}
