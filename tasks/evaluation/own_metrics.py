"""Metrics that a recipe names by file: `metrics: {map: ./metrics.py:MeanAveragePrecision}`.

A metric is a class whose constructor takes no arguments. One instance is made for each network that is measured:

    update(answers, targets, extras)   called for each batch with {name: numpy array}: the real values [n, ...] of the
                                       outputs, and the targets and extras of the same samples
    result()                           called once, at the end; returns a number, or None where it is undefined
"""

import inspect
import math
import numbers
from pathlib import Path
from typing import Any, ContextManager, Dict, NamedTuple, Optional, Sequence

import numpy as np

from octet.data.dataset import Part
from octet.errors import ModelError
from octet.lookup import METRICS, load_attribute, source_file
from octet.user_code import translated_errors
from tasks.graph.io_spec import OutputMeaning
from tasks.source_guard import file_guard

ARGUMENTS = ("answers", "targets", "extras")


class _Metric(NamedTuple):
    made: Any
    where: str
    source: Optional[Path]


class OwnMetrics:
    """The user's metrics of one network, accumulated over batches. Raises RecipeError or ModelError for a class that is
    no metric.

    section: {name: FILE:CLASS}. folder: the recipe's."""

    def __init__(self, section: Dict[str, str], folder: str) -> None:
        self._folder = folder
        self._metrics = {name: self._made(spec, "metrics." + name) for name, spec in section.items()}

    def _made(self, spec: str, where: str) -> _Metric:
        with file_guard.calling(where, self._folder):
            cls = load_attribute(spec, METRICS, "", self._folder, where)
        source = source_file(spec, METRICS, self._folder)
        with translated_errors("{} could not be made".format(spec), source, ModelError, where=where,
                               next_step="give the class an __init__ without arguments"), \
                file_guard.calling(where, self._folder):
            made = cls()
        for method, arguments in (("update", ARGUMENTS), ("result", ())):
            _expect_method(made, method, arguments, spec, where)
        return _Metric(made, where, source)

    def add(self, ends: Sequence[OutputMeaning], outputs: Sequence[np.ndarray], part: Part, rows: Any) -> None:
        """Adds a batch. outputs: the real values of each output, in the order of `ends`, for these rows of the part."""
        if not self._metrics:
            return
        names = [end["name"] for end in ends]
        for metric in self._metrics.values():
            with self._translated(metric, "update"):
                # New dictionaries for each metric, so that its changes do not affect the next one.
                metric.made.update(dict(zip(names, outputs)), {name: part.targets[name][rows] for name in names},
                                   {name: array[rows] for name, array in part.extras.items()})

    def figures(self) -> Dict[str, Optional[float]]:
        """{metric: its result}. Raises ModelError for a result that is no finite number."""
        results = {}
        for name, metric in self._metrics.items():
            with self._translated(metric, "result"):
                results[name] = _number(metric.made.result(), metric.where)
        return results

    def _translated(self, metric: _Metric, method: str) -> ContextManager[None]:
        return translated_errors("{}() of the metric failed".format(method), metric.source, ModelError,
                                 where=metric.where, next_step="correct the method")


def _expect_method(made: Any, method: str, arguments: Sequence[str], spec: str, where: str) -> None:
    bound = getattr(made, method, None)
    shown = "{}({})".format(method, ", ".join(arguments))
    if not callable(bound):
        raise ModelError("{} has no method {}".format(spec, shown), where=where,
                         why="a metric is a class with update({}) and result()".format(", ".join(ARGUMENTS)),
                         next_step="write the method; name the class itself, without parentheses")
    try:
        inspect.signature(bound).bind(*arguments)
    except TypeError as error:
        raise ModelError("{} of {} cannot be called as {}: {}".format(method, spec, shown, error), where=where,
                         why="Octet calls it for each batch" if arguments else "Octet calls it at the end",
                         next_step="write def {}(self{}):".format(method, "".join(", " + one for one in arguments))
                         ) from None
    except ValueError:  # a method written in C, without a signature
        pass


def _number(result: Any, where: str) -> Optional[float]:
    if result is None:
        return None
    if isinstance(result, np.ndarray) and result.size == 1:
        result = result.item()
    if isinstance(result, bool) or not isinstance(result, (numbers.Real, np.number)) or not math.isfinite(result):
        raise ModelError("result() returns {!r}, which is no finite number".format(result), where=where,
                         why="the results of the float model and the uint8 file are compared, and judged by gates",
                         next_step="return a number; or None where the metric is undefined, such as 0 divided by 0")
    return float(result)
