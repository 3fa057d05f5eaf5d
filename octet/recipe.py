"""A recipe: YAML in, typed and complete settings out, or every problem at once with its place.

    find(name_or_path, recipes) -> Path      load(path) -> Recipe
"""

import difflib
import math
import os
import re
from pathlib import Path
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Tuple

import pydantic
import yaml
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import Literal

from octet.errors import RecipeError
from octet.resolve import is_file, suggest

Keys = Tuple[str, ...]

# A field's description is what its error says was expected.
_COUNT = dict(ge=1, description="a whole number of at least 1")
_RATE = dict(gt=0, description="a number above 0")
_FRACTION = dict(ge=0, le=1, description="a fraction from 0 to 1, or null")
_NAME = dict(min_length=1)
_ARGS = dict(default_factory=dict, description="a mapping")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Data(_Section):
    """Which dataset; its options are `args`."""

    dataset: str = Field(description="the name of a dataset", **_NAME)
    args: Dict[str, Any] = Field(**_ARGS)


class Model(_Section):
    """Which network; its options are `args`."""

    build: str = Field(description="the name of a model", **_NAME)
    args: Dict[str, Any] = Field(**_ARGS)


class Train(_Section):
    """How the float network is trained."""

    epochs: int = Field(2, **_COUNT)
    batch_size: int = Field(64, **_COUNT)
    optimizer: Literal["adam", "momentum", "sgd", "rmsprop"] = Field(
        "adam", description="one of adam, momentum, sgd, rmsprop")
    learning_rate: float = Field(0.001, **_RATE)
    schedule: Literal["constant", "cosine"] = Field(
        "constant", description="one of constant, cosine")


class Quantize(Train):
    """How the folded network is trained on with fake-quantization."""

    epochs: int = Field(1, **_COUNT)
    learning_rate: float = Field(0.0001, **_RATE)


class Convert(_Section):
    """How toco is run."""


class Validate(_Section):
    """The gates over the measurement; null is no gate."""

    max_accuracy_drop: Optional[float] = Field(0.01, **_FRACTION)
    min_accuracy: Optional[float] = Field(None, **_FRACTION)
    min_agreement: Optional[float] = Field(None, **_FRACTION)


class Recipe(_Section):
    """What to build. `gates` is the section `validate` (a name that pydantic keeps for itself)."""

    seed: int = Field(1, ge=0, le=2 ** 31 - 1, description="a whole number from 0 to 2147483647")
    data: Data = Field(description="a mapping")
    model: Model = Field(description="a mapping")
    train: Train = Field(Train(), description="a mapping")
    quantize: Quantize = Field(Quantize(), description="a mapping")
    convert: Convert = Field(Convert(), description="a mapping")
    gates: Validate = Field(Validate(), alias="validate", description="a mapping")

    _path: Path = pydantic.PrivateAttr(Path())
    _places: Dict[Keys, "_Place"] = pydantic.PrivateAttr({})

    @property
    def path(self) -> Path:
        """The file that was loaded, absolute."""
        return self._path

    @property
    def folder(self) -> Path:
        """The folder that file specs such as `./nets.py:build` are relative to."""
        return self._path.parent

    def sections(self) -> Dict[str, Any]:
        """A fresh plain dict, ready for JSON: every section by its name in YAML, defaults filled in."""
        return self.model_dump(by_alias=True)

    def where(self, *keys: str) -> str:
        """`file:line:col` of the key, or of the nearest section around it that was written."""
        return str(_nearest(self._places, keys))


class _Place(NamedTuple):
    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return "{}:{}:{}".format(*self)


class _Problem(NamedTuple):
    place: _Place
    keys: Keys
    text: str

    def __str__(self) -> str:
        return ": ".join(part for part in (".".join(self.keys), self.text) if part)


class _Text(NamedTuple):
    """One recipe, its `extends` merged in: plain values, and where each key was written."""

    values: Dict[str, Any]
    places: Dict[Keys, _Place]


_BAD = object()  # stands for a value already reported


def find(name_or_path: str, recipes) -> Path:
    """The recipe's file: a bare name is NAME.yaml in the folder `recipes`; anything with a slash or
    ending in .yaml or .yml is a path. Raises RecipeError for a name that is not there."""
    name = str(name_or_path)
    if "/" in name or name.endswith((".yaml", ".yml")):
        return Path(name)
    recipes = Path(recipes)
    names = sorted(path.stem for path in recipes.glob("*.yaml"))
    if name not in names:
        raise RecipeError("no recipe named '{}'".format(name), where=str(recipes),
                          next_step=suggest(name, names))
    return recipes / (name + ".yaml")


def load(path) -> Recipe:
    """The recipe in the file, with `extends` merged in and defaults filled in.

    Raises RecipeError that lists every problem, one a line, in the order of file and line.
    """
    problems = []  # type: List[_Problem]
    text = _read(str(path), (), _Place(str(path), 1, 1), problems)
    if text is None:
        raise _error(problems)
    recipe = None
    try:
        recipe = Recipe.model_validate(text.values)
    except pydantic.ValidationError as error:
        reported = {problem.keys for problem in problems}
        for detail in error.errors(include_url=False):
            keys = tuple(str(key) for key in detail["loc"])
            if keys not in reported:
                problems.append(_Problem(_nearest(text.places, keys), keys, _say(detail)))
    if problems:
        raise _error(problems)
    recipe._path = Path(os.path.abspath(str(path)))
    recipe._places = text.places
    return recipe


def _error(problems: List[_Problem]) -> RecipeError:
    problems = sorted(set(problems), key=lambda p: (p.place, p.keys))
    if len(problems) == 1:
        return RecipeError(str(problems[0]), where=str(problems[0].place))
    return RecipeError("\n".join("{}  {}".format(p.place, p) for p in problems))


def _nearest(places: Dict[Keys, _Place], keys: Iterable[str]) -> _Place:
    keys = tuple(keys)
    while keys not in places:
        keys = keys[:-1]
    return places[keys]


def _read(file: str, chain: Tuple[str, ...], asked: _Place,
          problems: List[_Problem]) -> Optional[_Text]:
    """The file's text with what it extends; None where a file cannot be read at all."""
    def fail(text, place=asked, keys=("extends",) if chain else ()):
        problems.append(_Problem(place, keys, text))

    real = os.path.realpath(file)
    if real in chain:
        around = chain[chain.index(real):] + (real,)
        return fail("a cycle: " + " -> ".join(os.path.basename(link) for link in around))
    try:
        content = Path(file).read_bytes().decode("utf-8-sig")
        loader = yaml.SafeLoader(content)
        root = loader.get_single_node()
    except OSError as error:
        return fail("cannot read {}: {}".format(file, error.strerror))
    except UnicodeDecodeError as error:
        return fail("not UTF-8 text: byte {}".format(error.start), _Place(file, 1, 1), ())
    except yaml.reader.ReaderError as error:
        return fail("not YAML: character #x{:04x} is not allowed".format(error.character),
                    _Place(file, content.count("\n", 0, error.position) + 1, 1), ())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = " ".join(part for part in (error.context, error.problem) if part)
        hint = ": indent with spaces" if "'\\t'" in said else ""
        return fail("not YAML: " + said + hint, _Place(file, mark.line + 1, mark.column + 1), ())
    if not isinstance(root, yaml.MappingNode):
        there = "an empty file" if root is None else "a list" if isinstance(
            root, yaml.SequenceNode) else "'{}'".format(root.value) if root.value else "nothing"
        return fail("expected a mapping of sections, found " + there, _Place(file, 1, 1), ())

    places = {(): _Place(file, 1, 1)}
    walk = _Walk(file, loader, places, problems)
    walk.once(root, (), set())
    values = walk.value(root, (), ())
    if values is _BAD:
        return None
    extends = values.pop("extends", None)
    place = places.pop(("extends",), None)
    if place is None or extends is _BAD:
        return _Text(values, places)
    if not isinstance(extends, str) or not extends:
        fail("expected the path of a recipe, found " + _show(extends), place, ("extends",))
        return _Text(values, places)
    below = os.path.normpath(os.path.join(os.path.dirname(file), extends))
    under = _read(below, chain + (real,), place, problems)
    return under and _over(_rebased(under, below, file), _Text(values, places))


class _Walk(NamedTuple):
    """From YAML nodes to plain values; notes each key's place and what is not allowed."""

    file: str
    loader: yaml.SafeLoader
    places: Dict[Keys, _Place]
    problems: List[_Problem]

    def once(self, node: yaml.Node, keys: Keys, seen: set) -> None:
        """Each mapping keeps the first of a key written twice. Comes before `value`, because `<<`
        merged in repeats keys rightly."""
        if id(node) in seen or isinstance(node, yaml.ScalarNode):
            return
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            for item in node.value:
                self.once(item, keys, seen)
            return
        first, kept = {}, []
        for key, item in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else key
            below = keys + (name if isinstance(name, str) else "?",)
            if name in first:
                self._bad(key, below, "written twice, first in line {}".format(
                    first[name].start_mark.line + 1))
                continue
            first[name] = key
            kept.append((key, item))
            self.once(item, below, seen)
        node.value = kept

    def value(self, node: yaml.Node, keys: Keys, around: tuple) -> Any:
        if node in around:
            self.problems.append(_Problem(_nearest(self.places, keys), keys, "an anchor holds itself"))
            return _BAD
        if isinstance(node, yaml.MappingNode) and node.tag == "tag:yaml.org,2002:map":
            return self._mapping(node, keys, around + (node,))
        if isinstance(node, yaml.SequenceNode) and node.tag == "tag:yaml.org,2002:seq":
            return [self.value(item, keys, around + (node,)) for item in node.value]
        return self._scalar(node, keys)

    def _mapping(self, node, keys, around):
        try:
            self.loader.flatten_mapping(node)
        except yaml.MarkedYAMLError as error:
            self._bad(node, keys, error.problem)
        except RecursionError:
            return self._bad(node, keys, "an anchor holds itself")
        values = {}
        for key, item in node.value:
            if key.tag != "tag:yaml.org,2002:str":
                name = key.value if isinstance(key, yaml.ScalarNode) else "?"
                self._bad(key, keys + (name,),
                          "expected text as a key, found '{}': quote it".format(name))
                continue
            self.places[keys + (key.value,)] = self._place(key)
            values[key.value] = self.value(item, keys + (key.value,), around)
        return values

    def _scalar(self, node, keys):
        try:
            value = self.loader.construct_object(node, deep=True)
        except (yaml.YAMLError, ValueError) as error:
            return self._bad(node, keys, "not a YAML value: {}".format(
                getattr(error, "problem", None) or error))
        if value is not None and not isinstance(value, (str, bool, int, float)):
            return self._bad(node, keys, "expected text, a number, true, false, null, a list or a "
                             "mapping, found a {}: quote it".format(type(value).__name__))
        if "args" in keys and isinstance(value, float) and not math.isfinite(value):
            return self._bad(node, keys, "expected a finite number, found " + _show(value))
        if "args" in keys and node.style is None and _number_hint(value):
            return self._bad(node, keys, "found {}{}, or quote it".format(
                _show(value), _number_hint(value)))
        return value

    def _place(self, node) -> _Place:
        return _Place(self.file, node.start_mark.line + 1, node.start_mark.column + 1)

    def _bad(self, node, keys, text):
        self.problems.append(_Problem(self._place(node), keys, text))
        return _BAD


# args belong to the name beside them: another name starts with none.
_NAMED = (("data", "dataset"), ("model", "build"))


def _over(under: _Text, top: _Text) -> _Text:
    for section, name in _NAMED:
        mine, theirs = top.values.get(section), under.values.get(section)
        if (isinstance(mine, dict) and isinstance(theirs, dict)
                and mine.get(name, theirs.get(name)) != theirs.get(name)):
            theirs.pop("args", None)
    places = {}
    values = _merged(under.values, top.values)
    for text in (under, top):
        places.update((keys, place) for keys, place in text.places.items() if _holds(values, keys))
    return _Text(values, places)


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


def _rebased(text: _Text, written_in: str, used_in: str) -> _Text:
    """File specs of `written_in` made relative to the folder of `used_in`."""
    here, there = (os.path.dirname(os.path.abspath(file)) for file in (used_in, written_in))
    for section, name in _NAMED:
        values = text.values.get(section)
        spec = values.get(name) if isinstance(values, dict) else None
        if isinstance(spec, str) and is_file(spec) and not os.path.isabs(spec) and here != there:
            values[name] = os.path.relpath(os.path.join(there, spec), here)
    return text


def _say(detail: Dict[str, Any]) -> str:
    *around, key = [str(part) for part in detail["loc"]]
    section = Recipe
    for part in around:
        section = _fields(section)[part].annotation
    known = _fields(section)
    if detail["type"] == "extra_forbidden":
        hint = ""
        if "args" in known and not difflib.get_close_matches(key, known):
            hint = "; options of its own go in {}.args".format(around[-1])
        return "no key of this name{}; {}".format(hint, suggest(key, known))
    expected = "expected " + known[key].description
    if detail["type"] == "missing":
        return expected + ", found no such key"
    value = detail["input"]
    near = difflib.get_close_matches(str(value), detail.get("ctx", {}).get("expected", "").split("'"), 1)
    hint = "; did you mean '{}'?".format(near[0]) if near and detail["type"] == "literal_error" else ""
    return "{}, found {}{}{}".format(expected, _show(value), hint, _number_hint(value))


def _fields(section) -> Dict[str, Any]:
    return {field.alias or name: field for name, field in section.model_fields.items()}


def _number_hint(value: Any) -> str:
    match = isinstance(value, str) and re.match(r"([-+]?\d+)(\.\d*)?[eE]([-+]?)(\d+)$", value)
    if not match:
        return ""
    whole, part, sign, power = match.groups()
    part = part if part and len(part) > 1 else ".0"
    return "; YAML takes that for text: write {}{}e{}{}".format(whole, part, sign or "+", power)


def _show(value: Any) -> str:
    if isinstance(value, str):
        return "'{}'".format(value if len(value) <= 60 else value[:57] + "...")
    if isinstance(value, float) and not math.isfinite(value):
        return ".nan" if value != value else ".inf" if value > 0 else "-.inf"
    if isinstance(value, (dict, list)):
        return "a mapping" if isinstance(value, dict) else "a list"
    return {None: "nothing", True: "true", False: "false"}.get(value, repr(value)) \
        if value is None or isinstance(value, bool) else repr(value)
