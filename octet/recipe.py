"""A recipe: YAML in, complete settings out, or every problem at once with its place.

    find(name_or_path, recipes) -> Path      load(path) -> Recipe
"""

import functools
import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Tuple

from octet import digest
from octet.errors import RecipeError
from octet.gates import GATES
from octet.recipe_text import Keys, Place, Problem, Text, nearest, read
from octet.resolve import suggest

_SCHEMA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "schema.py")

SECTIONS = ("data", "model", "train", "quantize", "convert", "validate")


def find(name_or_path: str, recipes) -> Path:
    """The recipe's file: a bare name is NAME.yaml in the folder `recipes`; anything with a slash or
    ending in .yaml or .yml is a path. Raises RecipeError for a name that is not there."""
    name = str(name_or_path)
    if is_path(name):
        return Path(name)
    recipes = Path(recipes)
    names = sorted(path.stem for path in recipes.glob("*.yaml"))
    if name not in names:
        raise RecipeError("no recipe named '{}'".format(name), where=str(recipes),
                          next_step=suggest(name, names))
    return recipes / (name + ".yaml")


def is_path(name_or_path: str) -> bool:
    """Whether it is a path rather than a name in the folder `recipes`."""
    return "/" in name_or_path or name_or_path.endswith((".yaml", ".yml"))


class Recipe(NamedTuple):
    """path: the file that was loaded, absolute. complete: the sections, as JSON. places: where each key
    was written."""

    path: Path
    complete: str
    places: Dict[Keys, Place]

    @property
    def folder(self) -> Path:
        """The folder that file specs such as `./nets.py:build` are relative to."""
        return self.path.parent

    def sections(self) -> Dict[str, Any]:
        """A fresh plain dict: every section by its name in YAML, defaults filled in."""
        return json.loads(self.complete)

    def where(self, *keys: str) -> str:
        """`file:line:col` of the key, or of the nearest section around it that was written."""
        return str(nearest(self.places, keys))


def load(path) -> Recipe:
    """The recipe in the file, with `extends` merged in and defaults filled in.

    Raises RecipeError that lists every problem, one a line, in the order of file and line.
    """
    problems = []  # type: List[Problem]
    text = read(str(path), (), Place(str(path), 1, 1), problems)
    if text is None:
        raise _error(problems)

    def complete(_: str) -> str:
        _code()
        from octet import schema  # not at the top: see there
        sections = schema.complete(text, problems)
        if problems:
            raise _error(problems)
        return json.dumps(sections)

    return Recipe(Path(os.path.abspath(str(path))),
                  complete(_SCHEMA) if problems else digest.cached(_SCHEMA, _purpose(text), complete), text.places)


def _purpose(text: Text) -> str:
    """Names all that the complete sections follow from: the values, what makes sections of them, where that
    takes its defaults from, and Python."""
    return "recipe-1 " + digest.of_bytes(json.dumps([
        text.values, _code(), GATES, sys.version_info[:2]]).encode("ascii"))


@functools.lru_cache(maxsize=None)
def _code() -> List[Tuple[int, ...]]:
    """Stands for the schema and pydantic as this process imports them: looked at once, before it does, so that
    nothing is kept as the work of a file that was edited after that."""
    return [digest.stamp(file) for file in (_SCHEMA, *(
        importlib.util.find_spec(name).origin for name in ("pydantic", "pydantic_core")))]


def _error(problems: List[Problem]) -> RecipeError:
    problems = sorted(set(problems), key=lambda p: (p.place, p.keys))
    if len(problems) == 1:
        return RecipeError(str(problems[0]), where=str(problems[0].place))
    return RecipeError("\n".join("{}  {}".format(p.place, p) for p in problems))
