"""Loads a recipe: its complete settings, or one error that lists every problem with its position.

    find(name_or_path, recipes) -> Path      load(path) -> Recipe
"""

import errno
import functools
import importlib.util
import json
import os
import shlex
import sys
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Tuple, Union

from octet import digest, interrupts, lookup, memory_limits
from octet.errors import RecipeError
from octet.gates.definitions import GATES
from octet.job import Sections
from octet.recipe import signatures
from octet.recipe.inheritance import Text, is_path, read
from octet.recipe.yaml_text import Keys, Place, Problem, nearest, show
from octet.suggestions import suggest

_SCHEMA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "schema.py")
_BESIDE_SCHEMA = tuple(os.path.join(os.path.dirname(_SCHEMA), name) for name in (
    "schema_types.py", "schema_training.py", "validation.py"))

# The arguments that Octet passes to the functions of each catalogue, beside those of the recipe.
_PASSED_BY_OCTET: Dict[str, Tuple[str, ...]] = {lookup.DATASETS: (), lookup.MODELS: ("input_shape", "classes")}
OF_A_LOSS = ("outputs", "targets", "extras")
"""The positional arguments of a loss of the user's own."""

CATALOGUE = Path(__file__).resolve().parents[2] / "recipes"
MOST_INPUT_VALUES = 1 << 28
"""The most values in one sample: 1 GiB of float32 at the network's input."""
PYDANTIC_BYTES = 32 << 20
"""Memory for importing pydantic and creating the schema's validators, with a margin."""
MOST_REPORTED = 20  # problems of one recipe

SECTIONS = ("data", "model", "train", "augment", "loss", "metrics", "quantize", "convert", "validate", "report")


def find(name_or_path: Union[str, Path], recipes: Union[str, Path]) -> Path:
    """The recipe's file. A name with a slash, or one that ends in .yaml or .yml, is a path; any other name means
    NAME.yaml in the folder `recipes`. Raises RecipeError if that folder has no such recipe."""
    name = str(name_or_path)
    if is_path(name):
        return Path(name)
    folder = Path(recipes)
    names = sorted(path.stem for path in folder.glob("*.yaml"))
    if name not in names:
        raise RecipeError("no recipe named '{}'".format(name), where=str(folder),
                          why="a name without a slash is one of the recipes there",
                          next_step=suggest(name, names))
    return folder / (name + ".yaml")


class Recipe(NamedTuple):
    """A loaded recipe.

    path: the absolute path of the file. complete: all sections, as JSON. places: the position of each written key.
    folder: where relative paths in the recipe, such as `./nets.py:build`, start from."""

    path: Path
    complete: str
    places: Dict[Keys, Place]
    folder: Path

    def sections(self) -> Sections:
        """A new plain dict: every section by its name in YAML, defaults filled in."""
        sections: Sections = json.loads(self.complete)
        return sections

    def where(self, *keys: str) -> str:
        """`file:line:column` of the key, or of the nearest section around it that was written."""
        return str(nearest(self.places, keys))


def load(path: Union[str, Path], find_base: Callable[[str], Path] = lambda name: find(name, CATALOGUE)) -> Recipe:
    """The recipe in the file, with `extends` merged in and defaults filled in.

    find_base: returns the file of a recipe that is extended by its name; by default, of one of Octet's own recipes.
    Raises RecipeError that lists the problems, one a line, in the order of file and line.
    """
    problems = []  # type: List[Problem]
    text = read(str(path), problems, lambda name: str(find_base(name)))
    if text is None:
        raise _error(problems, path)
    file = Path(os.path.abspath(str(path)))
    folder = Path(text.relative_to) if text.relative_to else file.parent
    problems.extend(_functions(text, folder, list(problems)))
    problems.extend(_paths(text))
    problems.extend(_pictures(text))

    def complete(_: str) -> str:
        assert text is not None
        _code()
        with interrupts.held():  # an exception of a signal handler while pydantic creates a validator is a panic
            if "octet.recipe.validation" not in sys.modules:
                memory_limits.expect(PYDANTIC_BYTES)  # its Rust code aborts the process if it gets no memory
            from octet.recipe import validation  # not at the top: it is slow to import
        sections = validation.complete(text, problems)
        if problems:  # a recipe with problems is not cached
            raise _error(problems, path)
        return json.dumps(sections)

    if problems:
        complete(str(path))  # raises an error with these problems and those of the schema
    return Recipe(file, digest.cached(_SCHEMA, _purpose(text), complete), text.places, folder)


def _functions(text: Text, folder: Path, known: List[Problem]) -> Iterator[Problem]:
    """Problems with the names of functions and classes, and with their arguments."""
    for catalogue, place, spec in lookup.named(text.values):
        try:
            source = lookup.source_of(spec, catalogue, folder)
        except RecipeError as error:
            yield Problem(nearest(text.places, place), place, "; ".join((error.what, error.next_step)))
            continue
        section, key = place[0], place[-1]
        if catalogue == lookup.LOSSES:
            loss = signatures.in_source(source, spec.partition(":")[2])
            refused = signatures.refusal(loss, OF_A_LOSS) if loss else ""
            if refused:
                yield Problem(nearest(text.places, place), place, refused)
        usual = lookup.CATALOGUES[catalogue].usual
        args = text.values[section].get("args", {}) if usual else None
        if not isinstance(args, dict):
            continue
        reported = {problem.keys[2] for problem in known if problem.keys[:2] == (section, "args") and problem.keys[2:]}
        args = {name: value for name, value in args.items() if name not in reported}
        # A dataset's `digest` takes the part first, and then the arguments of its `load`.
        for name, positional in ((spec.partition(":")[2] or usual, 0), ("digest", 1))[:2 if section == "data" else 1]:
            signature = signatures.in_source(source, name, positional)
            for argument, message in signatures.problems(
                    signature, args, _PASSED_BY_OCTET[catalogue]) if signature else ():
                if argument not in reported:
                    reported.add(argument)
                    keys = (section, "args", argument) if argument else (section, key)
                    yield Problem(nearest(text.places, keys), keys, message)


def _paths(text: Text) -> Iterator[Problem]:
    """Problems with paths of data and weights that are impossible. Whether the files exist is not checked here."""
    for keys in (("data", "args", "path"), ("model", "weights")):
        path = _value(text, *keys)
        if not isinstance(path, str):
            continue
        try:
            os.lstat(str(Path(path).expanduser()))
        except RuntimeError:
            user = path.split("/")[0][1:]
            yield Problem(nearest(text.places, keys), keys, "{} begins with a home folder, and {}".format(
                show(path), "there is no user {}".format(user) if user else "this user has none"))
        except OSError as error:
            if error.errno in (errno.ENAMETOOLONG, errno.ELOOP):
                yield Problem(nearest(text.places, keys), keys, "{}: {}".format(error.strerror, show(path)))


def _pictures(text: Text) -> Iterator[Problem]:
    """A problem if the size of pictures is too large for any network. No picture is decoded for this."""
    size, channels = _value(text, "data", "args", "size"), _value(text, "data", "args", "channels")
    if _value(text, "data", "dataset") != "image_folder" or not isinstance(size, list) or len(size) != 2:
        return
    if all(isinstance(number, int) for number in size):
        count = abs(size[0] * size[1]) * (channels if channels == 1 else 3)
        if count > MOST_INPUT_VALUES:
            keys = ("data", "args", "size")
            yield Problem(nearest(text.places, keys), keys, "a picture of {} x {} pixels is {} MiB at the network's "
                          "input; expected at most {} MiB".format(
                              show(size[0]), show(size[1]), show(4 * count >> 20), 4 * MOST_INPUT_VALUES >> 20))


def _value(text: Text, *keys: str) -> Any:
    """The value of a key; None if the key is not written."""
    value = text.values  # type: Any
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _purpose(text: Text) -> str:
    """A text that identifies everything that the complete sections depend on: the values, the code and defaults of the
    schema, and the version of Python."""
    return "recipe-1 " + digest.of_bytes(json.dumps([
        text.values, _code(), GATES, sys.version_info[:2]]).encode("ascii"))


@functools.lru_cache(maxsize=None)
def _code() -> List[Tuple[int, ...]]:
    """The stamps of the files of the schema and of pydantic. They are taken once, before this process imports the
    files, so that no result is stored under the stamp of a later edit."""
    specs = [importlib.util.find_spec(name) for name in ("pydantic", "pydantic_core")]
    return [digest.stamp(file) for file in (_SCHEMA, *_BESIDE_SCHEMA, *(
        spec.origin for spec in specs if spec is not None and spec.origin))]


def _error(problems: List[Problem], path: Union[str, Path]) -> RecipeError:
    first, *others = sorted(set(problems))
    lines = [str(first)] + ["{}  {}".format(other.place, other) for other in others[:MOST_REPORTED - 1]]
    if len(others) >= MOST_REPORTED:
        lines.append("and {} more".format(len(others) - MOST_REPORTED + 1))
    return RecipeError("\n".join(lines),
                       where=str(first.place), why="",
                       next_step="correct {}; `octet check {}` checks it again".format(
                           "this" if not others else "these {}".format(1 + len(others)), shlex.quote(str(path))))
