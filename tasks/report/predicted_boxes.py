"""The boxes that a network answers, for a recipe with `report: {boxes: ./boxes.py:shown}`.

The function is called with the outputs of one sample by name, reals without the batch axis. It returns a list of
((y0, x0, y1, x1), words): a box in pixels of the prepared input, as an extra of kind `boxes` has them, and what the
page says of it, such as 'square 0.93' ('' for nothing).
"""

import math
from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from octet.data.dataset import Part
from octet.errors import ModelError
from octet.lookup import BOXES, load_attribute, source_file
from octet.user_code import translated_errors
from tasks.graph.io_spec import OutputMeaning
from tasks.source_guard import file_guard

WHERE = "report.boxes"
FORM = "a list of ((y0, x0, y1, x1), words)"


class Box(NamedTuple):
    """corners: y0, x0, y1, x1 in pixels of the prepared input. words: what the page says of it."""

    corners: Tuple[float, float, float, float]
    words: str


class PredictedBoxes:
    """The user's function. Raises RecipeError or ModelError where there is no such function.

    spec: FILE:FUNCTION, as the recipe names it. folder: the recipe's."""

    def __init__(self, spec: str, folder: str) -> None:
        self._folder = folder
        with file_guard.calling(WHERE, folder):
            self._function: Callable[[Dict[str, Any]], Any] = load_attribute(spec, BOXES, "", folder, WHERE)
        self._spec = spec
        self._source: Optional[Path] = source_file(spec, BOXES, folder)

    def of(self, answers: Dict[str, np.ndarray]) -> List[Box]:
        """The boxes of one sample. answers: {output: its reals [...]}. Raises ModelError where the function fails or
        returns something else."""
        with translated_errors("{} failed".format(self._spec), self._source, ModelError, where=WHERE,
                               next_step="correct the function"), file_guard.calling(WHERE, self._folder):
            found = self._function(dict(answers))
        try:
            return [_box(one) for one in found]
        except (TypeError, ValueError) as error:
            raise ModelError("{} returned something else than {}".format(self._spec, FORM), where=WHERE,
                             why=str(error), next_step="return {}; an empty list where there is no box".format(FORM)
                             ) from None

    def add(self, ends: Sequence[OutputMeaning], outputs: Sequence[np.ndarray], part: Part, rows: slice) -> None:
        """Calls the function for each sample of a batch, and expects that it works. outputs: reals [n, ...], in the
        order of `ends`."""
        for number in range(len(outputs[0])):
            self.of({end["name"]: values[number] for end, values in zip(ends, outputs)})


def _box(one: Any) -> Box:
    """Raises TypeError or ValueError for what is no box with words."""
    if not isinstance(one, (tuple, list)) or len(one) != 2 or not isinstance(one[1], str):
        raise ValueError("one of them is {!r}".format(one)[:200])
    numbers = np.asarray(one[0], np.float64).reshape(-1).tolist()
    if len(numbers) != 4 or not all(map(math.isfinite, numbers)):
        raise ValueError("the box of one of them is {}, not four finite numbers".format(numbers)[:200])
    y0, x0, y1, x1 = numbers
    return Box((y0, x0, y1, x1), one[1])
