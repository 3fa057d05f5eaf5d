"""Parses YAML text to plain values, and records the position of each key.

A few bytes of YAML can expand to a lot of data. So these are limited: the size of the file, the depth of nesting, the
number of values and characters after anchors are expanded, and the digits of a number. """

import math
import re
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Set, Tuple

import yaml

MOST_BYTES = 256 << 10
"""The size of the largest recipe that is read; the YAML reader takes about a second for it."""
DEEPEST = 50
MOST_VALUES = 100000
MOST_CHARACTERS = 1 << 20
LONGEST_KEY = 200
LONGEST_NUMBER = 1000  # characters; the largest float64 has 309 digits

Keys = Tuple[str, ...]


class Place(NamedTuple):
    """A position in a file; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return "{}:{}:{}".format(*self)


class Problem(NamedTuple):
    """What is wrong with the value of one key, and the position of that key."""

    place: Place
    keys: Keys
    text: str

    def __str__(self) -> str:
        return ": ".join(part for part in (".".join(self.keys), self.text) if part)


_BAD = object()  # replaces a value whose problem has been reported
_NO_VALUE = "expected text, a number, true, false, null, a list or a mapping, found a {}: quote it"
_UNFIT = re.compile("[\\0\ud800-\udfff]")  # a path cannot contain a NUL, nor UTF-8 a lone surrogate


def nearest(places: Dict[Keys, Place], keys: Iterable[str]) -> Place:
    """The position of the key, or of the nearest section around it that was written."""
    keys = tuple(keys)
    while keys not in places:
        keys = keys[:-1]
    return places[keys]


def parsed(content: str, file: str, problems: List[Problem]) -> Optional[Tuple[Dict[str, Any], Dict[Keys, Place]]]:
    """(values, places) of the text, which must be a mapping; None if it is not.

    Appends to `problems`; a value with a problem is left out of the values. file: the file's name in places."""
    def fail(text: str, line: int = 1, column: int = 1) -> None:
        problems.append(Problem(Place(file, line, column), (), text))

    try:
        loader = _Loader(content)
        root = loader.get_single_node()
    except yaml.reader.ReaderError as error:
        fail("not YAML: character #x{:04x} is not allowed".format(error.character),
             content.count("\n", 0, error.position) + 1)
        return None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message = " ".join(part for part in (error.context, error.problem) if part)
        hint = ": indent with spaces" if "'\\t'" in message else ""
        line, column = (mark.line, mark.column) if mark else (0, 0)
        fail("not YAML: " + message + hint, line + 1, column + 1)
        return None
    except (ValueError, OverflowError):  # "\UFFFFFFFF"
        fail("not YAML: an escape sequence of an invalid character", loader.line + 1, loader.column + 1)
        return None
    if not isinstance(root, yaml.MappingNode):
        content_kind = "an empty file" if root is None else "a list" if isinstance(
            root, yaml.SequenceNode) else show(root.value) if root.value else "nothing"
        fail("expected a mapping of sections, found " + content_kind)
        return None
    places: Dict[Keys, Place] = {(): Place(file, 1, 1)}
    walk = _Walk(file, loader, places, problems, [0, 0])
    walk.drop_repeated_keys(root, (), set())
    try:
        values = walk.value(root, (), ())
    except _TooLarge as error:
        fail(str(error))
        return None
    return None if values is _BAD else (values, places)


class _TooLarge(Exception):
    """The text is too large after its anchors are expanded."""


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, with limits for nesting and for merged mappings."""

    def __init__(self, content: str) -> None:
        super().__init__(content)
        self._depth = self._merged = 0

    def compose_node(self, parent: Optional[yaml.Node], index: Any) -> Optional[yaml.Node]:
        self._depth += 1
        if self._depth > DEEPEST:
            raise yaml.composer.ComposerError(problem="nested more than {} levels deep".format(DEEPEST),
                                              problem_mark=self.peek_event().start_mark)  # type: ignore[no-untyped-call]
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        super().flatten_mapping(node)
        self._merged += len(node.value)
        if self._merged > MOST_VALUES:
            raise _TooLarge("its `<<` merge more than {} keys".format(MOST_VALUES))


class _Walk(NamedTuple):
    """Turns YAML nodes into plain values, and records the position of each key and all problems."""

    file: str
    loader: yaml.SafeLoader
    places: Dict[Keys, Place]
    problems: List[Problem]
    size: List[int]  # the number of values, and of characters, that were read so far

    def drop_repeated_keys(self, node: yaml.Node, keys: Keys, seen: Set[int]) -> None:
        """Keeps the first of several equal keys in one mapping, and reports the others. It must run before `value`
        merges `<<`, since a merged key may repeat one of the mapping."""
        if id(node) in seen or isinstance(node, yaml.ScalarNode):
            return
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            for item in node.value:
                self.drop_repeated_keys(item, keys, seen)
            return
        first: Dict[Any, yaml.Node] = {}
        kept = []
        for key, item in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else key
            below = keys + (name if isinstance(name, str) else "?",)
            if name in first:
                self._bad(key, below, "written twice, first in line {}".format(
                    first[name].start_mark.line + 1))
                continue
            first[name] = key
            kept.append((key, item))
            self.drop_repeated_keys(item, below, seen)
        node.value = kept

    def value(self, node: yaml.Node, keys: Keys, around: Tuple[yaml.Node, ...]) -> Any:
        """The node as a plain value. Raises _TooLarge."""
        if node in around:
            self.problems.append(Problem(nearest(self.places, keys), keys, "an anchor contains itself"))
            return _BAD
        self._count(node)
        if len(around) > DEEPEST:
            return self._bad(node, keys, "its anchors are nested more than {} levels deep".format(DEEPEST))
        if isinstance(node, yaml.MappingNode) and node.tag == "tag:yaml.org,2002:map":
            return self._mapping(node, keys, around + (node,))
        if isinstance(node, yaml.SequenceNode) and node.tag == "tag:yaml.org,2002:seq":
            return [self.value(item, keys, around + (node,)) for item in node.value]
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, keys)
        return self._bad(node, keys, _NO_VALUE.format(_tag(node)))

    def _count(self, node: yaml.Node) -> None:
        self.size[0] += 1
        self.size[1] += len(node.value) if isinstance(node, yaml.ScalarNode) else 0
        if self.size[0] > MOST_VALUES or self.size[1] > MOST_CHARACTERS:
            raise _TooLarge("with its anchors expanded, it has more than {} values or {} characters".format(
                MOST_VALUES, MOST_CHARACTERS))

    def _mapping(self, node: yaml.MappingNode, keys: Keys, around: Tuple[yaml.Node, ...]) -> Any:
        try:
            self.loader.flatten_mapping(node)
        except yaml.MarkedYAMLError as error:
            self._bad(node, keys, str(error.problem))
        except RecursionError:
            return self._bad(node, keys, "an anchor contains itself")
        values = {}
        for key, item in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else "?"
            if len(name) > LONGEST_KEY:
                self._bad(key, keys, "a key of {} characters: {}".format(len(name), show(name)))
            elif key.tag != "tag:yaml.org,2002:str":
                self._bad(key, keys + (name,), "expected text as a key, found '{}': quote it".format(name))
            elif _UNFIT.search(name):
                self._bad(key, keys, "a key with a NUL or a lone surrogate: {}".format(show(name)))
            else:
                self.places[keys + (name,)] = self._place(key)
                values[name] = self.value(item, keys + (name,), around)
        return values

    def _scalar(self, node: yaml.ScalarNode, keys: Keys) -> Any:
        tag = _tag(node)
        if tag in ("int", "float") and len(node.value) > LONGEST_NUMBER:
            return self._bad(node, keys, "a number of {} characters".format(len(node.value)))
        try:
            value = self.loader.construct_object(node, deep=True)  # type: ignore[no-untyped-call]
        except yaml.YAMLError as error:
            return self._bad(node, keys, "not a YAML value: {}".format(getattr(error, "problem", None) or error))
        except (ValueError, LookupError, AttributeError, ArithmeticError):  # the type depends on the tag and the text
            return self._bad(node, keys, "not a YAML value: {} is no {}".format(show(node.value), tag))
        if value is not None and not isinstance(value, (str, bool, int, float)):
            return self._bad(node, keys, _NO_VALUE.format(type(value).__name__))
        if isinstance(value, str) and _UNFIT.search(value):
            return self._bad(node, keys, "{} has a NUL or a lone surrogate, which a file name cannot have".format(
                show(value)))
        if "args" in keys and isinstance(value, float) and not math.isfinite(value):
            return self._bad(node, keys, "expected a finite number, found " + show(value))
        if "args" in keys and node.style is None and number_hint(value):
            return self._bad(node, keys, "found {}{}, or quote it".format(
                show(value), number_hint(value)))
        return value

    def _place(self, node: yaml.Node) -> Place:
        return Place(self.file, node.start_mark.line + 1, node.start_mark.column + 1)

    def _bad(self, node: yaml.Node, keys: Keys, text: str) -> Any:
        self.problems.append(Problem(self._place(node), keys, text))
        return _BAD


def _tag(node: yaml.Node) -> str:
    """The node's tag, without the prefix that all standard YAML tags have."""
    return node.tag.rpartition("tag:yaml.org,2002:")[2]


def number_hint(value: Any) -> str:
    """Advice for a number that YAML 1.1 reads as text, such as 1e-3; empty for any other value."""
    match = isinstance(value, str) and re.match(r"([-+]?\d+)(\.\d*)?[eE]([-+]?)(\d+)$", value)
    if not match:
        return ""
    whole, part, sign, power = match.groups()
    part = part if part and len(part) > 1 else ".0"
    return "; YAML reads that as text: write {}{}e{}{}".format(whole, part, sign or "+", power)


def show(value: Any) -> str:
    """A value as it is written in a recipe, shortened for a message."""
    if isinstance(value, str):
        return "'{}'".format(value if len(value) <= 60 else value[:57] + "...")
    if isinstance(value, float) and not math.isfinite(value):
        return ".nan" if value != value else ".inf" if value > 0 else "-.inf"
    if isinstance(value, (dict, list)):
        return "a mapping" if isinstance(value, dict) else "a list"
    if value is None or isinstance(value, bool):
        return {None: "nothing", True: "true", False: "false"}[value]
    text = repr(value)
    return text if len(text) <= 60 else "a number of {} characters".format(len(text))
