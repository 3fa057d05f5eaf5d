"""A recipe's text: YAML with its `extends` merged in, and the place where each key was written.

Plain values come out, or problems, each with its place; what the values must be is not known here.
"""

import difflib
import os
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from octet import regular_file
from octet.errors import RecipeError
from octet.lookup import LOSSES, METRICS, is_file, named
from octet.recipe.yaml_text import Keys, Place, Problem, parsed, show

MOST_BYTES = 256 << 10
"""The largest recipe that is read: a second of work for the YAML reader."""
LONGEST_CHAIN = 20
"""So many recipes may extend one another in a row."""


class Text(NamedTuple):
    """One recipe, its `extends` merged in: plain values, and where each key was written."""

    values: Dict[str, Any]
    places: Dict[Keys, Place]


def is_path(name_or_path: str) -> bool:
    """Whether it is a path rather than a name in the folder of recipes."""
    return "/" in name_or_path or name_or_path.endswith((".yaml", ".yml"))


def read(file: str, problems: List[Problem], find: Callable[[str], str]) -> Optional[Text]:
    """The file's text with what it extends; None where a file cannot be read at all.

    find: gives the file of a recipe that is extended by its name; raises RecipeError for a name that is none."""
    return _Reader(problems, find).read(file, (), Place(file, 1, 1))


class _Reader(NamedTuple):
    problems: List[Problem]
    find: Callable[[str], str]

    def read(self, file: str, chain: Tuple[str, ...], asked: Place) -> Optional[Text]:
        """chain: the files that led here, each extending the next; asked: where the last of them does."""
        def fail(text: str, place: Place = asked, keys: Keys = ("extends",) if chain else ()) -> None:
            self.problems.append(Problem(place, keys, text))

        try:
            real = os.path.realpath(file)
            if real in chain:
                around = chain[chain.index(real):] + (real,)
                return fail("a cycle: " + " -> ".join(os.path.basename(link) for link in around))
            if len(chain) >= LONGEST_CHAIN:
                return fail("more than {} recipes extend one another in a row".format(LONGEST_CHAIN))
            content = regular_file.read(file, MOST_BYTES).decode("utf-8-sig")
        except OSError as error:
            return fail("cannot read {}: {}{}".format(file, error.strerror, _near(file)))
        except UnicodeDecodeError as error:
            return fail("not UTF-8 text: byte {}".format(error.start), Place(file, 1, 1), ())
        found = parsed(content, file, self.problems)
        if found is None:
            return None
        values, places = found
        _written_out(values)
        extends = values.pop("extends", None)
        place = places.pop(("extends",), None)
        if place is None or any(problem.place.file == file and problem.keys == ("extends",)
                                for problem in self.problems):
            return Text(values, places)
        if not isinstance(extends, str) or not extends:
            fail("expected the path or the name of a recipe, found " + show(extends), place, ("extends",))
            return Text(values, places)
        try:
            below = self._base(extends, file)
        except RecipeError as error:
            return fail("{}; {}".format(error.what, error.next_step), place, ("extends",))
        under = self.read(below, chain + (real,), place)
        return under and _over(_rebased(under, below, file), Text(values, places))

    def _base(self, extends: str, file: str) -> str:
        """The file that a recipe's `extends` means. Raises RecipeError for a name that is none."""
        beside = os.path.normpath(os.path.join(os.path.dirname(file), os.path.expanduser(extends)))
        return beside if is_path(extends) or os.path.lexists(beside) else self.find(extends)


def _near(file: str) -> str:
    """The recipe that was meant by a path to none, in words; empty where none is near."""
    folder, name = os.path.split(file)
    if os.path.lexists(file):
        return ""
    try:
        there = [each for each in os.listdir(folder or ".") if each.endswith((".yaml", ".yml"))]
    except (OSError, ValueError):
        return "" if os.path.isdir(folder or ".") else "; there is no folder {}".format(folder)
    meant = [name + ending for ending in (".yaml", ".yml") if name + ending in there]
    stems = {os.path.splitext(each)[0]: each for each in there}
    meant = meant or [stems[stem] for stem in difflib.get_close_matches(os.path.splitext(name)[0], stems, 1)]
    return "; did you mean {}?".format(os.path.join(folder, meant[0])) if meant else ""


def _written_out(values: Dict[str, Any]) -> None:
    """Where the loss, or that of a target, is one word, it becomes the mapping that it is short for."""
    if "loss" in values:
        loss = values["loss"] = _loss(values["loss"])
        targets = loss.get("targets") if isinstance(loss, dict) else None
        if isinstance(targets, dict):
            loss["targets"] = {name: _loss(one) for name, one in targets.items()}


def _loss(said: Any) -> Any:
    """A word as a mapping: FILE:FUNCTION, or a kind of loss."""
    if not isinstance(said, str):
        return said
    return {"function" if ":" in said or is_file(said) else "kind": said}


# args, weights and files belong to the name beside them: another name starts with none.
_NAMED = (("data", "dataset"), ("model", "build"))


def _over(under: Text, top: Text) -> Text:
    for section, name in _NAMED:
        mine, theirs = top.values.get(section), under.values.get(section)
        if (isinstance(mine, dict) and isinstance(theirs, dict)
                and mine.get(name, theirs.get(name)) != theirs.get(name)):
            theirs.pop("args", None)
            theirs.pop("weights", None)
            theirs.pop("files", None)
    mine, theirs = top.values.get("loss"), under.values.get("loss")
    if isinstance(mine, dict) and isinstance(theirs, dict):
        if mine.get("function") is not None:  # it is the whole loss
            theirs.clear()
        elif mine:
            theirs.pop("function", None)
    places = {}
    values = _merged(under.values, top.values)
    for text in (under, top):
        places.update((keys, place) for keys, place in text.places.items() if _holds(values, keys))
    return Text(values, places)


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
    """A path that is relative to the folder `there`, relative to `here`; an absolute one as it is."""
    if not path or os.path.isabs(path) or path.startswith("~"):
        return path
    return os.path.relpath(os.path.join(there, path), here)


def _rebased(text: Text, written_in: str, used_in: str) -> Text:
    """Every path in `written_in` made relative to the folder of `used_in`: those of source files, files of the model,
    weights and data."""
    here, there = (os.path.dirname(os.path.abspath(file)) for file in (used_in, written_in))
    if here == there:
        return text
    for section, *keys in (("data", "dataset"), ("data", "args", "path"), ("model", "build"), ("model", "weights")):
        values = text.values.get(section)
        for key in keys[:-1]:
            values = values.get(key) if isinstance(values, dict) else None
        path = values.get(keys[-1]) if isinstance(values, dict) else None
        if isinstance(path, str) and (is_file(path) or keys[-1] in ("path", "weights")):
            values[keys[-1]] = _from(path, there, here)
    for keys, spec in [(each.keys, each.spec) for each in named(text.values) if each.catalogue in (LOSSES, METRICS)]:
        holder = text.values
        for key in keys[:-1]:
            holder = holder[key]
        if is_file(spec):
            holder[keys[-1]] = _from(spec, there, here)
    model = text.values.get("model")
    if isinstance(model, dict) and isinstance(model.get("files"), list):
        model["files"] = [_from(file, there, here) if isinstance(file, str) else file for file in model["files"]]
    return text
