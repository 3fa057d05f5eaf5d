"""Reads a recipe's text: merges the recipes that it extends, and records the position of each key.

`validation.py` checks the values.
"""

import difflib
import os
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from octet import regular_file
from octet.errors import RecipeError
from octet.lookup import BOXES, LOSSES, METRICS, is_file, named
from octet.recipe.yaml_text import MOST_BYTES, Keys, Place, Problem, parsed, show

LONGEST_CHAIN = 20
"""The most recipes in one chain of `extends`."""


class Text(NamedTuple):
    """A recipe merged with the recipes that it extends: plain values, and the position of each key.

    relative_to: the folder for relative paths and modules, if that is not the recipe's own folder."""

    values: Dict[str, Any]
    places: Dict[Keys, Place]
    relative_to: Optional[str] = None


def is_path(name_or_path: str) -> bool:
    """Whether this is a path, and not the name of a recipe in the folder of recipes."""
    return "/" in name_or_path or name_or_path.endswith((".yaml", ".yml"))


def read(file: str, problems: List[Problem], find: Callable[[str], str]) -> Optional[Text]:
    """The file's text, merged with the recipes that it extends; None if one of the files cannot be read.

    find: returns the file of a recipe by its name, or raises RecipeError for an unknown name."""
    return _Reader(problems, find).read(file, (), Place(file, 1, 1))


class _Reader(NamedTuple):
    problems: List[Problem]
    find: Callable[[str], str]

    def read(self, file: str, chain: Tuple[str, ...], extended_at: Place) -> Optional[Text]:
        """The text of `file`. chain: the files that led here, each of which extends the next. extended_at: the
        position of the last `extends`."""
        def fail(text: str, place: Place = extended_at, keys: Keys = ("extends",) if chain else ()) -> None:
            self.problems.append(Problem(place, keys, text))

        try:
            real = os.path.realpath(file)
            if real in chain:
                around = chain[chain.index(real):] + (real,)
                fail("a cycle: " + " -> ".join(os.path.basename(link) for link in around))
                return None
            if len(chain) >= LONGEST_CHAIN:
                fail("more than {} recipes extend one another in a row".format(LONGEST_CHAIN))
                return None
            content = regular_file.read(file, MOST_BYTES).decode("utf-8-sig")
        except OSError as error:
            fail("cannot read {}: {}{}".format(file, error.strerror, _near(file)))
            return None
        except UnicodeDecodeError as error:
            fail("not UTF-8 text: byte {}".format(error.start), Place(file, 1, 1), ())
            return None
        mapping = parsed(content, file, self.problems)
        if mapping is None:
            return None
        values, places = mapping
        relative_to = self._relative_to(values, places)
        _expand_losses(values)
        extends = values.pop("extends", None)
        place = places.pop(("extends",), None)
        if place is None or any(problem.place.file == file and problem.keys == ("extends",)
                                for problem in self.problems):
            return Text(values, places, relative_to)
        if not isinstance(extends, str) or not extends:
            fail("expected the path or the name of a recipe, found " + show(extends), place, ("extends",))
            return Text(values, places, relative_to)
        try:
            base_file = self._base(extends, file)
        except RecipeError as error:
            fail("{}; {}".format(error.what, error.next_step), place, ("extends",))
            return None
        base = self.read(base_file, chain + (real,), place)
        return base and _over(_rebased(base, base_file, relative_to or os.path.dirname(os.path.abspath(file))),
                              Text(values, places, relative_to))

    def _relative_to(self, values: Dict[str, Any], places: Dict[Keys, Place]) -> Optional[str]:
        """Removes the key `relative_to` from the values, and returns its value."""
        folder, place = values.pop("relative_to", None), places.pop(("relative_to",), None)
        if place is None:
            return None
        if isinstance(folder, str) and os.path.isabs(folder):
            return folder
        self.problems.append(Problem(place, ("relative_to",), "expected the absolute path of a folder, found " +
                                     show(folder)))
        return None

    def _base(self, extends: str, file: str) -> str:
        """The file that a recipe's `extends` means. Raises RecipeError for an unknown name."""
        beside = os.path.normpath(os.path.join(os.path.dirname(file), os.path.expanduser(extends)))
        return beside if is_path(extends) or os.path.lexists(beside) else self.find(extends)


def _near(file: str) -> str:
    """For a path without a file: a hint at a recipe with a similar name; empty if there is none."""
    folder, name = os.path.split(file)
    if os.path.lexists(file):
        return ""
    try:
        recipes = [entry for entry in os.listdir(folder or ".") if entry.endswith((".yaml", ".yml"))]
    except (OSError, ValueError):
        return "" if os.path.isdir(folder or ".") else "; there is no folder {}".format(folder)
    similar = [name + ending for ending in (".yaml", ".yml") if name + ending in recipes]
    stems = {os.path.splitext(entry)[0]: entry for entry in recipes}
    similar = similar or [stems[stem] for stem in difflib.get_close_matches(os.path.splitext(name)[0], stems, 1)]
    return "; did you mean {}?".format(os.path.join(folder, similar[0])) if similar else ""


def _expand_losses(values: Dict[str, Any]) -> None:
    """Replaces each loss that is a single word by the mapping that it is short for."""
    if "loss" in values:
        loss = values["loss"] = _expanded(values["loss"])
        targets = loss.get("targets") if isinstance(loss, dict) else None
        if isinstance(targets, dict):
            loss["targets"] = {name: _expanded(value) for name, value in targets.items()}


def _expanded(loss: Any) -> Any:
    """{function: FILE:FUNCTION} or {kind: KIND} for a word; any other value as it is."""
    if not isinstance(loss, str):
        return loss
    return {"function" if ":" in loss or is_file(loss) else "kind": loss}


# args, weights and files belong to one dataset or model. A recipe that names another one does not inherit them.
_NAMED = (("data", "dataset"), ("model", "build"))


def _over(under: Text, top: Text) -> Text:
    """The values of `under`, overridden by those of `top`."""
    for section, name in _NAMED:
        own, inherited = top.values.get(section), under.values.get(section)
        if (isinstance(own, dict) and isinstance(inherited, dict)
                and own.get(name, inherited.get(name)) != inherited.get(name)):
            inherited.pop("args", None)
            inherited.pop("weights", None)
            inherited.pop("files", None)
    own, inherited = top.values.get("loss"), under.values.get("loss")
    if isinstance(own, dict) and isinstance(inherited, dict):
        if own.get("function") is not None:  # it computes the total loss
            inherited.clear()
        elif own:
            inherited.pop("function", None)
    places: Dict[Keys, Place] = {}
    values = _merged(under.values, top.values)
    for text in (under, top):
        places.update((keys, place) for keys, place in text.places.items() if _holds(values, keys))
    return Text(values, places, top.relative_to)


def _merged(under: Any, top: Any) -> Any:
    if not (isinstance(under, dict) and isinstance(top, dict)):
        return top
    return {**under, **{key: _merged(under[key], value) if key in under else value
                        for key, value in top.items()}}


def _holds(values: Any, keys: Keys) -> bool:
    for key in keys:
        if not isinstance(values, dict) or key not in values:
            return False
        values = values[key]
    return True


def _from(path: str, there: str, here: str) -> str:
    """A path relative to the folder `there`, made relative to `here`. An absolute path stays as it is."""
    if not path or os.path.isabs(path) or path.startswith("~"):
        return path
    return os.path.relpath(os.path.join(there, path), here)


def _rebased(text: Text, written_in: str, here: str) -> Text:
    """The text of the recipe `written_in`, with its relative paths (source files, files of the model, weights, data)
    made relative to the folder `here`."""
    there = text.relative_to or os.path.dirname(os.path.abspath(written_in))
    if here == there:
        return text
    for section, *keys in (("data", "dataset"), ("data", "args", "path"), ("model", "build"), ("model", "weights")):
        values = text.values.get(section)
        for key in keys[:-1]:
            values = values.get(key) if isinstance(values, dict) else None
        if not isinstance(values, dict):
            continue
        path = values.get(keys[-1])
        if isinstance(path, str) and (is_file(path) or keys[-1] in ("path", "weights")):
            values[keys[-1]] = _from(path, there, here)
    for function in [found for found in named(text.values) if found.catalogue in (LOSSES, METRICS, BOXES)]:
        mapping = text.values
        for key in function.keys[:-1]:
            mapping = mapping[key]
        if is_file(function.spec):
            mapping[function.keys[-1]] = _from(function.spec, there, here)
    model = text.values.get("model")
    if isinstance(model, dict) and isinstance(model.get("files"), list):
        model["files"] = [_from(file, there, here) if isinstance(file, str) else file for file in model["files"]]
    return text
