"""A recipe's text: YAML with its `extends` merged in, and the place where each key was written.

Plain values come out, or problems, each with its place; what the values must be is not known here.
"""

import difflib
import math
import os
import re
from pathlib import Path
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Tuple

import yaml

from octet.resolve import is_file

Keys = Tuple[str, ...]


class Place(NamedTuple):
    """Where something was written; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return "{}:{}:{}".format(*self)


class Problem(NamedTuple):
    """What is wrong with the value of one key, and where that was written."""

    place: Place
    keys: Keys
    text: str

    def __str__(self) -> str:
        return ": ".join(part for part in (".".join(self.keys), self.text) if part)


class Text(NamedTuple):
    """One recipe, its `extends` merged in: plain values, and where each key was written."""

    values: Dict[str, Any]
    places: Dict[Keys, Place]


_BAD = object()  # stands for a value already reported


def nearest(places: Dict[Keys, Place], keys: Iterable[str]) -> Place:
    """Where the key was written, or the nearest section around it."""
    keys = tuple(keys)
    while keys not in places:
        keys = keys[:-1]
    return places[keys]


def read(file: str, chain: Tuple[str, ...], asked: Place,
          problems: List[Problem]) -> Optional[Text]:
    """The file's text with what it extends; None where a file cannot be read at all."""
    def fail(text, place=asked, keys=("extends",) if chain else ()):
        problems.append(Problem(place, keys, text))

    real = os.path.realpath(file)
    if real in chain:
        around = chain[chain.index(real):] + (real,)
        return fail("a cycle: " + " -> ".join(os.path.basename(link) for link in around))
    try:
        content = Path(file).read_bytes().decode("utf-8-sig")
        loader = yaml.SafeLoader(content)
        root = loader.get_single_node()
    except OSError as error:
        return fail("cannot read {}: {}{}".format(file, error.strerror, _near(file)))
    except UnicodeDecodeError as error:
        return fail("not UTF-8 text: byte {}".format(error.start), Place(file, 1, 1), ())
    except yaml.reader.ReaderError as error:
        return fail("not YAML: character #x{:04x} is not allowed".format(error.character),
                    Place(file, content.count("\n", 0, error.position) + 1, 1), ())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = " ".join(part for part in (error.context, error.problem) if part)
        hint = ": indent with spaces" if "'\\t'" in said else ""
        return fail("not YAML: " + said + hint, Place(file, mark.line + 1, mark.column + 1), ())
    if not isinstance(root, yaml.MappingNode):
        there = "an empty file" if root is None else "a list" if isinstance(
            root, yaml.SequenceNode) else "'{}'".format(root.value) if root.value else "nothing"
        return fail("expected a mapping of sections, found " + there, Place(file, 1, 1), ())

    places = {(): Place(file, 1, 1)}
    walk = _Walk(file, loader, places, problems)
    walk.once(root, (), set())
    values = walk.value(root, (), ())
    if values is _BAD:
        return None
    extends = values.pop("extends", None)
    place = places.pop(("extends",), None)
    if place is None or extends is _BAD:
        return Text(values, places)
    if not isinstance(extends, str) or not extends:
        fail("expected the path of a recipe, found " + show(extends), place, ("extends",))
        return Text(values, places)
    below = os.path.normpath(os.path.join(os.path.dirname(file), extends))
    under = read(below, chain + (real,), place, problems)
    return under and _over(_rebased(under, below, file), Text(values, places))


def _near(file: str) -> str:
    """The recipe that was meant by a path to none, in words; empty where none is near."""
    folder, name = os.path.split(file)
    try:
        there = [each for each in os.listdir(folder or ".") if each.endswith((".yaml", ".yml"))]
    except OSError:
        return "" if os.path.isdir(folder or ".") else "; there is no folder {}".format(folder)
    meant = [name + ending for ending in (".yaml", ".yml") if name + ending in there]
    stems = {os.path.splitext(each)[0]: each for each in there}
    meant = meant or [stems[stem] for stem in difflib.get_close_matches(os.path.splitext(name)[0], stems, 1)]
    return "; did you mean {}?".format(os.path.join(folder, meant[0])) if meant else ""


class _Walk(NamedTuple):
    """From YAML nodes to plain values; notes each key's place and what is not allowed."""

    file: str
    loader: yaml.SafeLoader
    places: Dict[Keys, Place]
    problems: List[Problem]

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
            self.problems.append(Problem(nearest(self.places, keys), keys, "an anchor holds itself"))
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
            return self._bad(node, keys, "expected a finite number, found " + show(value))
        if "args" in keys and node.style is None and number_hint(value):
            return self._bad(node, keys, "found {}{}, or quote it".format(
                show(value), number_hint(value)))
        return value

    def _place(self, node) -> Place:
        return Place(self.file, node.start_mark.line + 1, node.start_mark.column + 1)

    def _bad(self, node, keys, text):
        self.problems.append(Problem(self._place(node), keys, text))
        return _BAD


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


def _rebased(text: Text, written_in: str, used_in: str) -> Text:
    """File specs, and the files of the model, of `written_in` made relative to the folder of `used_in`."""
    here, there = (os.path.dirname(os.path.abspath(file)) for file in (used_in, written_in))
    for section, name in _NAMED + (("model", "weights"),):
        values = text.values.get(section)
        spec = values.get(name) if isinstance(values, dict) else None
        moved = isinstance(spec, str) and (is_file(spec) or name == "weights")
        if moved and not os.path.isabs(spec) and not spec.startswith("~") and here != there:
            values[name] = os.path.relpath(os.path.join(there, spec), here)
    model = text.values.get("model")
    if isinstance(model, dict) and isinstance(model.get("files"), list) and here != there:
        model["files"] = [
            os.path.relpath(os.path.join(there, file), here)
            if isinstance(file, str) and not os.path.isabs(file) and not file.startswith("~") else file
            for file in model["files"]]
    return text


def number_hint(value: Any) -> str:
    """How to write a number that YAML 1.1 takes for text, such as 1e-3; empty for anything else."""
    match = isinstance(value, str) and re.match(r"([-+]?\d+)(\.\d*)?[eE]([-+]?)(\d+)$", value)
    if not match:
        return ""
    whole, part, sign, power = match.groups()
    part = part if part and len(part) > 1 else ".0"
    return "; YAML takes that for text: write {}{}e{}{}".format(whole, part, sign or "+", power)


def show(value: Any) -> str:
    """A value as a recipe would have it, short enough for a message."""
    if isinstance(value, str):
        return "'{}'".format(value if len(value) <= 60 else value[:57] + "...")
    if isinstance(value, float) and not math.isfinite(value):
        return ".nan" if value != value else ".inf" if value > 0 else "-.inf"
    if isinstance(value, (dict, list)):
        return "a mapping" if isinstance(value, dict) else "a list"
    if value is None or isinstance(value, bool):
        return {None: "nothing", True: "true", False: "false"}[value]
    return repr(value)
