"""Metrics that a recipe names by file: `metrics: {map: ./metrics.py:MeanAveragePrecision}`.

A metric is a class whose constructor takes no arguments. One instance is made for each network that is measured:

    update(answers, targets, extras)   called for each batch with {name: numpy array}: the real values [n, ...] of the
                                       outputs, and the targets and extras of the same samples
    result()                           called once, at the end; returns a number, or None where it is undefined

A metric that needs all samples at once has one method in place of these two:

    compute(answers, targets, extras)  called once, at the end, with {name: array} of all rows [N, ...], which are
                                       np.memmap, read-only; returns a number, or None where it is undefined
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
from tasks.evaluation.all_rows import AllRows
from tasks.graph.io_spec import OutputMeaning
from tasks.source_guard import file_guard

ARGUMENTS = ("answers", "targets", "extras")
COMPUTE = "compute"


class _Metric(NamedTuple):
    """made: the user's object. at_once: whether it has `compute`."""

    made: Any
    at_once: bool
    where: str
    source: Optional[Path]


class OwnMetrics:
    """The user's metrics of one network, accumulated over batches. Raises RecipeError or ModelError for a class that is
    no metric.

    section: {name: FILE:CLASS}. folder: the recipe's."""

    def __init__(self, section: Dict[str, str], folder: str) -> None:
        self._folder = folder
        self._metrics = {name: self._made(spec, "metrics." + name) for name, spec in section.items()}
        self._at_once = any(metric.at_once for metric in self._metrics.values())
        self._answers, self._targets, self._extras = AllRows(), AllRows(), AllRows()

    def _made(self, spec: str, where: str) -> _Metric:
        with file_guard.calling(where, self._folder):
            cls = load_attribute(spec, METRICS, "", self._folder, where)
        source = source_file(spec, METRICS, self._folder)
        with translated_errors("{} could not be made".format(spec), source, ModelError, where=where,
                               next_step="give the class an __init__ without arguments"), \
                file_guard.calling(where, self._folder):
            made = cls()
        at_once = hasattr(made, COMPUTE)
        if at_once and (hasattr(made, "update") or hasattr(made, "result")):
            raise ModelError("{} has compute(), and update() or result() as well".format(spec), where=where,
                             why="it would be ambiguous which of them gives the figure",
                             next_step="leave compute() out, or update() and result()")
        for method, arguments in ((COMPUTE, ARGUMENTS),) if at_once else (("update", ARGUMENTS), ("result", ())):
            _expect_method(made, method, arguments, spec, where)
        return _Metric(made, at_once, where, source)

    def add(self, ends: Sequence[OutputMeaning], outputs: Sequence[np.ndarray], part: Part, rows: Any) -> None:
        """Adds a batch. outputs: the real values of each output, in the order of `ends`, for these rows of the part."""
        if not self._metrics:
            return
        names = [end["name"] for end in ends]
        if self._at_once:
            self._answers.add(dict(zip(names, outputs)))
            self._targets.add({name: part.targets[name][rows] for name in names})
            self._extras.add({name: array[rows] for name, array in part.extras.items()})
        for metric in self._metrics.values():
            if metric.at_once:
                continue
            with self._translated(metric, "update"):
                # New dictionaries for each metric, so that its changes do not affect the next one.
                metric.made.update(dict(zip(names, outputs)), {name: part.targets[name][rows] for name in names},
                                   {name: array[rows] for name, array in part.extras.items()})

    def figures(self) -> Dict[str, Optional[float]]:
        """{metric: its result}. Raises ModelError for a result that is no finite number."""
        results = {}
        for name, metric in self._metrics.items():
            method = COMPUTE if metric.at_once else "result"
            # New dictionaries for each metric, so that its changes do not affect the next one.
            arguments = [each.mapped() for each in (
                self._answers, self._targets, self._extras)] if metric.at_once else []
            with self._translated(metric, method):
                results[name] = _number(getattr(metric.made, method)(*arguments), metric.where, method)
        return results

    def _translated(self, metric: _Metric, method: str) -> ContextManager[None]:
        return translated_errors("{}() of the metric failed".format(method), metric.source, ModelError,
                                 where=metric.where, next_step="correct the method")


def _expect_method(made: Any, method: str, arguments: Sequence[str], spec: str, where: str) -> None:
    bound = getattr(made, method, None)
    shown = "{}({})".format(method, ", ".join(arguments))
    if not callable(bound):
        raise ModelError("{} has no method {}".format(spec, shown), where=where,
                         why="a metric is a class with update({0}) and result(), or with compute({0}) alone".format(
                             ", ".join(ARGUMENTS)),
                         next_step="write the method; name the class itself, without parentheses")
    try:
        inspect.signature(bound).bind(*arguments)
    except TypeError as error:
        raise ModelError("{} of {} cannot be called as {}: {}".format(method, spec, shown, error), where=where,
                         why="Octet calls it for each batch" if method == "update" else "Octet calls it at the end",
                         next_step="write def {}(self{}):".format(method, "".join(", " + one for one in arguments))
                         ) from None
    except ValueError:  # a method written in C, without a signature
        pass


def _number(result: Any, where: str, method: str) -> Optional[float]:
    if result is None:
        return None
    if isinstance(result, np.ndarray) and result.size == 1:
        result = result.item()
    if isinstance(result, bool) or not isinstance(result, (numbers.Real, np.number)) or not math.isfinite(result):
        raise ModelError("{}() returns {!r}, which is no finite number".format(method, result), where=where,
                         why="the results of the float model and the uint8 file are compared, and judged by gates",
                         next_step="return a number; or None where the metric is undefined, such as 0 divided by 0")
    return float(result)
