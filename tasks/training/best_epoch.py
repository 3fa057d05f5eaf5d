"""Chooses the epoch of a phase that is kept, and stops early."""

import logging
from types import SimpleNamespace
from typing import Any, Callable, Dict, Optional, Sequence

import numpy as np

from octet.errors import RecipeError

LOWER_IS_BETTER = ("mse", "mae", "rmse", "error", "loss")


class Best:
    """The kept values of a phase: those of its best epoch on the validation part (`keep: best`), or of its last.

    Of equally good epochs the later is kept: it was trained longer, with a lower learning rate. `epoch` is the kept
    one, counted from 1; 0 for the state before the first epoch, None before the first offer. `metric` is the name of
    the deciding metric, 'output/metric'. `since_better` is the number of epochs since the last improvement.
    """

    def __init__(self, settings: SimpleNamespace, section: str) -> None:
        """section: the section of the recipe that has the settings, for errors."""
        self._settings, self._section = settings, section
        self.metric: Optional[str] = None
        self.epoch: Optional[int] = None
        self.values: Optional[Sequence[np.ndarray]] = None
        self._epochs = 0
        self.since_better = 0
        self._score = float("-inf")

    def offer_start(self, figures: Dict[str, Dict[str, Optional[float]]],
                    values: Callable[[], Sequence[np.ndarray]]) -> None:
        """Offers the state before the first epoch. It is kept where no epoch is at least as good."""
        self._score = self._scored(figures)
        if self._settings.keep == "best":
            self.epoch, self.values = 0, values()

    def offer(self, figures: Dict[str, Dict[str, Optional[float]]],
              values: Callable[[], Sequence[np.ndarray]]) -> None:
        """Offers the next epoch. figures: {output: {metric: value}}. values: returns the epoch's variables; called only
        where the epoch is kept."""
        self._epochs += 1
        score = self._scored(figures)
        self.since_better = 0 if score > self._score else self.since_better + 1
        if score >= self._score or self._settings.keep == "last" or self.epoch is None:
            self.epoch, self.values = self._epochs, values()
        self._score = max(score, self._score)

    def state(self) -> Dict[str, Any]:
        """The state for `restore`, as JSON values, without `values`."""
        return {"epoch": self.epoch, "metric": self.metric, "epochs": self._epochs,
                "since_better": self.since_better, "score": self._score}

    def restore(self, state: Dict[str, Any], values: Optional[Sequence[np.ndarray]]) -> None:
        """Restores what `state` returned, and the `values` of that moment."""
        self.epoch, self.metric, self.values = state["epoch"], state["metric"], values
        self._epochs, self.since_better, self._score = state["epochs"], state["since_better"], state["score"]

    @property
    def exhausted(self) -> bool:
        """Whether the last `early_stopping` epochs brought no improvement."""
        patience = self._settings.early_stopping
        if patience is None or self.since_better < patience:
            return False
        logging.warning("stopped after epoch %d: %d epochs without an improvement", self._epochs, patience)
        return True

    def expect_known(self, figures: Dict[str, Dict[str, Optional[float]]]) -> None:
        """Raises RecipeError where the recipe monitors a metric that is not among the figures."""
        known = _by_name(figures)
        if self._settings.monitor is not None and self._settings.monitor not in known:
            raise RecipeError("no metric '{}'".format(self._settings.monitor), where=self._section + ".monitor",
                              why="this metric decides which epoch is the best",
                              next_step="name one of " + ", ".join(known))

    def _scored(self, figures: Dict[str, Dict[str, Optional[float]]]) -> float:
        """The monitored metric, negated where lower is better; -infinity where it is undefined."""
        self.expect_known(figures)
        known = _by_name(figures)
        self.metric = self._settings.monitor or next(iter(known))
        value = known[self.metric]
        if value is None or value != value:
            return float("-inf")
        return -value if self.metric.split("/")[-1] in LOWER_IS_BETTER else value


def _by_name(figures: Dict[str, Dict[str, Optional[float]]]) -> Dict[str, Optional[float]]:
    return {"{}/{}".format(output, metric): value
            for output, metrics in figures.items() for metric, value in metrics.items()}
