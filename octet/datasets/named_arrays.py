"""What `data.args` says of named arrays: which array an input or a target is in, and what it means."""

import sys
from typing import Any, Dict, List, NamedTuple, Optional, Sequence

from octet.datasets.dataset import KINDS
from octet.errors import DatasetError
from octet.resolve import suggest


class InputArray(NamedTuple):
    """One input: the array's name for each part, as a pattern; the reals that it lies between."""

    pattern: str
    low: float
    high: float


class TargetArray(NamedTuple):
    """One target: the array's name as a pattern, or else the input that it is a copy of."""

    pattern: str
    kind: str
    classes: Optional[List[str]] = None
    input: str = ""


def in_part(pattern: str, part: str) -> str:
    """The array's name for that part."""
    return pattern.replace("{part}", part)


def inputs_of(said: Optional[dict], low: Optional[float], high: Optional[float]) -> Dict[str, InputArray]:
    """The inputs that are named, or `image` in x. Raises DatasetError that names the argument."""
    given = {key: value for key, value in (("low", low), ("high", high)) if value is not None}
    if said is None:
        said = {"image": dict(given, array="x")}
    elif given:
        raise DatasetError("there are inputs as well", "data.args.{}".format(min(given)),
                     "It is the range of the one input of the simple form.",
                     "Write it in each of data.args.inputs.")
    found = {}
    for name, keys in _mapping(said, "data.args.inputs").items():
        where = "data.args.inputs.{}".format(name)
        keys = _keys(keys, ("array", "low", "high"), where)
        for key in ("low", "high"):
            number = keys.get(key, 0)
            if isinstance(number, bool) or not isinstance(number, (int, float)) or abs(number) > sys.float_info.max:
                raise DatasetError("expected a number, found {!r}".format(number), "{}.{}".format(where, key),
                             "The codes 0..255 stand for reals between low and high.", "Write a finite number.")
        found[name] = InputArray(_pattern(keys, where), keys.get("low", 0.0), keys.get("high", 1.0))
    return found


def targets_of(said: Optional[dict], classes: Optional[Sequence],
               inputs: Dict[str, InputArray]) -> Dict[str, TargetArray]:
    """The targets that are named, or `label` in y. Raises DatasetError that names the argument."""
    if said is None:
        said = {"label": {"array": "y", "kind": "class", "classes": classes}}
    elif classes is not None:
        raise DatasetError("there are targets as well", "data.args.classes",
                     "They are the classes of the one target of the simple form.",
                     "Write them in one of data.args.targets.")
    return {name: _target(keys, "data.args.targets.{}".format(name), inputs)
            for name, keys in _mapping(said, "data.args.targets").items()}


def _target(keys: Any, where: str, inputs: Dict[str, InputArray]) -> TargetArray:
    if isinstance(keys, dict) and "input" in keys:
        copied = _keys(keys, ("input",), where)["input"]
        if copied not in list(inputs):
            raise DatasetError("there is no input {!r}".format(copied), where + ".input",
                         "The target is a copy of it.", suggest(str(copied), inputs))
        return TargetArray("", "value", input=copied)
    keys = _keys(keys, ("array", "kind", "classes"), where)
    kind, classes = keys.get("kind"), keys.get("classes")
    if kind not in KINDS:
        raise DatasetError("expected one of {}, found {!r}".format(", ".join(KINDS), kind), where + ".kind",
                     "It decides the loss and what is measured.", suggest(str(kind), KINDS))
    if classes is not None and (kind == "value" or not isinstance(classes, (list, tuple))):
        raise DatasetError("expected {}, found {!r}".format(
            "no classes for a value" if kind == "value" else "a list of names", classes), where + ".classes",
            "They are the names of the labels 0, 1, 2 ...", "Write classes: [cat, dog], or leave it out.")
    return TargetArray(_pattern(keys, where), kind, None if classes is None else [str(name) for name in classes])


def _pattern(keys: dict, where: str) -> str:
    name = keys.get("array")
    if not isinstance(name, str) or not name:
        raise DatasetError("expected the name of an array, found {!r}".format(name), where + ".array",
                     "It is read from the array of that name.",
                     "Write array: x for x_train, x_validation and x_test.")
    return name if "{part}" in name else name + "_{part}"


def _mapping(said: Any, where: str) -> dict:
    if not isinstance(said, dict) or not said or not all(isinstance(name, str) for name in said):
        raise DatasetError("expected a mapping of names, found {!r}".format(said), where,
                     "Each names an input or a target.", "Write NAME: {array: x, ...} below it.")
    return said


def _keys(keys: Any, known: Sequence[str], where: str) -> dict:
    keys = _mapping(keys, where)
    for key in keys:
        if key not in known:
            raise DatasetError("no key named '{}'".format(key), where, "It would mean nothing.", suggest(key, known))
    return keys
