"""Reads the settings of named arrays in `data.args`: the arrays of inputs, targets and extras with their meaning, and
the array with the group or the time of each sample."""

import sys
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from octet.data.dataset import ANSWERED, EXTRA_KINDS, Target
from octet.data.split import Split
from octet.errors import DatasetError
from octet.suggestions import suggest


class InputArray(NamedTuple):
    """An input: the pattern of the array's name in each part, and its range with or without clipping, or the percentage
    of the training values that the range contains."""

    pattern: str
    low: float = 0.0
    high: float = 1.0
    clip: bool = False
    percentile: Optional[float] = None


class TargetArray(NamedTuple):
    """A target: the pattern of the array's name, or the input of which it is a copy.

    ignore: the label of ignored pixels of a class map. scale: 'columns' to scale each column of a value to [0, 1].
    shape: of an output of kind raw, which has no array."""

    pattern: str
    kind: str
    classes: Optional[List[str]] = None
    input: str = ""
    ignore: Optional[int] = None
    scale: Optional[str] = None
    shape: Sequence[int] = ()


class ExtraArray(NamedTuple):
    """An extra (octet.data.dataset.Extra): the pattern of the array's name, and its kind. counts: for boxes, the
    pattern of the array with the number of boxes of each sample, or ''."""

    pattern: str
    kind: str
    counts: str = ""
    placeless: bool = False


RANGE = ("low", "high", "clip", "percentile")


def in_part(pattern: str, part: str) -> str:
    """The array's name for that part."""
    return pattern.replace("{part}", part)


def inputs_of(section: Optional[Dict[str, Any]], simple: Dict[str, Any]) -> Dict[str, InputArray]:
    """The named inputs; without any, the input `image` in array x with the range in `simple`. Raises DatasetError.

    section: `data.args.inputs`, or None. simple: low, high, clip and percentile of `data.args`."""
    simple_range = {key: value for key, value in simple.items() if value is not None}
    if section is None:
        section = {"image": dict(simple_range, array="x")}
    elif simple_range:
        raise DatasetError("there are inputs as well", "data.args.{}".format(min(simple_range)),
                           "It applies only to the one input of the simple form.",
                           "Write it in each of data.args.inputs.")
    return {name: _input(keys, "data.args.inputs.{}".format(name))
            for name, keys in _mapping(section, "data.args.inputs").items()}


def _input(keys: Any, where: str) -> InputArray:
    keys = _keys(keys, ("array",) + RANGE, where)
    for key in ("low", "high", "percentile"):
        number = keys.get(key)
        if key in keys and (isinstance(number, bool) or not isinstance(number, (int, float))
                            or not abs(number) <= sys.float_info.max):
            raise DatasetError("expected a number, found {!r}".format(number), "{}.{}".format(where, key),
                               "The codes 0..255 stand for real numbers between low and high.",
                               "Write a finite number.")
    if not isinstance(keys.get("clip", False), bool):
        raise DatasetError("expected true or false, found {!r}".format(keys["clip"]), where + ".clip",
                           "It says whether values outside [low, high] are clipped.", "Write clip: true.")
    share = keys.get("percentile")
    if share is not None and not 50 <= share < 100:
        raise DatasetError("percentile is {:g}".format(share), where + ".percentile",
                           "It is the percentage of the training values that the range contains.", "Write 99.9 or so.")
    both = sorted(set(keys) & {"low", "high", "clip"})
    if share is not None and both:
        raise DatasetError("there is {} as well".format(both[0]), where + ".percentile",
                           "Each of them defines the range.", "Leave one of them out.")
    return InputArray(_pattern(keys, where), **{key: keys[key] for key in RANGE if key in keys})


def targets_of(section: Optional[Dict[str, Any]], classes: Optional[Sequence[Any]],
               inputs: Dict[str, InputArray]) -> Dict[str, TargetArray]:
    """The named targets; without any, the target `label` in array y. Raises DatasetError.

    section: `data.args.targets`, or None. classes: the names in `data.args.classes`, or None."""
    if section is None:
        section = {"label": {"array": "y", "kind": "class", "classes": classes}}
    elif classes is not None:
        raise DatasetError("there are targets as well", "data.args.classes",
                           "They apply only to the one target of the simple form.",
                           "Write them in one of data.args.targets.")
    return {name: _target(keys, "data.args.targets.{}".format(name), inputs)
            for name, keys in _mapping(section, "data.args.targets").items()}


def _target(keys: Any, where: str, inputs: Dict[str, InputArray]) -> TargetArray:
    if isinstance(keys, dict) and "input" in keys:
        copied = _keys(keys, ("input",), where)["input"]
        if copied not in list(inputs):
            raise DatasetError("there is no input {!r}".format(copied), where + ".input",
                               "The target is a copy of it.", suggest(str(copied), inputs))
        return TargetArray("", "value", input=copied)
    if isinstance(keys, dict) and keys.get("kind") == "raw":
        shape = _keys(keys, ("kind", "shape"), where).get("shape")
        if not isinstance(shape, (list, tuple)) or not shape or not all(
                isinstance(side, int) and not isinstance(side, bool) and side > 0 for side in shape):
            raise DatasetError("shape is {!r}".format(shape), where + ".shape",
                               "It is the shape of the output, which no array gives.",
                               "Write sizes above 0, such as shape: [7, 7, 5].")
        return TargetArray("", "raw", shape=tuple(shape))
    keys = _keys(keys, ("array", "kind", "classes", "ignore", "scale"), where)
    kind, classes = keys.get("kind"), keys.get("classes")
    if kind not in ANSWERED:
        known = ANSWERED + ("raw",)
        raise DatasetError("expected one of {}, found {!r}".format(", ".join(known), kind), where + ".kind",
                           "It decides the loss and what is measured.", suggest(str(kind), known))
    if classes is not None and (kind == "value" or not isinstance(classes, (list, tuple))):
        raise DatasetError("expected {}, found {!r}".format(
            "no classes for a value" if kind == "value" else "a list of names", classes), where + ".classes",
            "They are the names of the labels 0, 1, 2 ...", "Write classes: [cat, dog], or leave it out.")
    names = None if classes is None else [str(name) for name in classes]
    if names is not None and len(set(names)) < len(names):
        raise DatasetError("two classes are called {!r}".format(next(name for name in names if names.count(name) > 1)),
                           where + ".classes", "A name identifies a class.", "Give each class its own name.")
    ignore, scale = keys.get("ignore"), keys.get("scale")
    if ignore is not None and (kind != "class_map" or isinstance(ignore, bool) or not isinstance(ignore, int)
                               or 0 <= ignore < len(names or ())):
        raise DatasetError("ignore is {!r}".format(ignore), where + ".ignore",
                           "It is the label of the pixels of a class map that belong to no class.",
                           "Write the label of these pixels, usually 255; for other kinds, leave it out.")
    if scale not in (None, "columns") or scale is not None and kind != "value":
        raise DatasetError("scale is {!r}".format(scale), where + ".scale",
                           "It says how a value is scaled to the range of the output's codes.",
                           "Write scale: columns for a value, or leave it out.")
    return TargetArray(_pattern(keys, where), kind, names, ignore=ignore, scale=scale)


def extras_of(section: Optional[Dict[str, Any]]) -> Dict[str, ExtraArray]:
    """The named extras. section: `data.args.extras`, or None. Raises DatasetError."""
    return {} if section is None else {name: _extra(keys, "data.args.extras.{}".format(name))
                                       for name, keys in _mapping(section, "data.args.extras").items()}


def _extra(keys: Any, where: str) -> ExtraArray:
    keys = _keys(keys, ("array", "kind", "count", "placeless"), where)
    kind = keys.get("kind")
    if kind not in EXTRA_KINDS:
        raise DatasetError("expected one of {}, found {!r}".format(", ".join(EXTRA_KINDS), kind), where + ".kind",
                           "It decides how the array moves with the picture.", suggest(str(kind), EXTRA_KINDS))
    for key, of_kind, what in (("count", "boxes", "the array with the number of boxes of each sample"),
                               ("placeless", "array", "whether an array does not depend on positions in the picture")):
        if key in keys and kind != of_kind:
            raise DatasetError("{} is for kind {}, not {}".format(key, of_kind, kind), "{}.{}".format(where, key),
                               "It says {}.".format(what), "Leave it out.")
    if not isinstance(keys.get("placeless", False), bool):
        raise DatasetError("expected true or false, found {!r}".format(keys["placeless"]), where + ".placeless",
                           "It says whether an array does not depend on positions in the picture.",
                           "Write placeless: true.")
    count = _pattern({"array": keys["count"]}, where, "count") if "count" in keys else ""
    return ExtraArray(_pattern(keys, where), kind, count, keys.get("placeless", False))


def _pattern(keys: Dict[str, Any], where: str, key: str = "array") -> str:
    name = keys.get("array")
    if not isinstance(name, str) or not name:
        raise DatasetError("expected the name of an array, found {!r}".format(name), "{}.{}".format(where, key),
                           "It is read from the array of that name.",
                           "Write {}: x for x_train, x_validation and x_test.".format(key))
    return name if "{part}" in name else name + "_{part}"


def _mapping(section: Any, where: str) -> Dict[str, Any]:
    if not isinstance(section, dict) or not section or not all(isinstance(name, str) for name in section):
        raise DatasetError("expected a mapping of names, found {!r}".format(section), where,
                           "Each key is the name of an input or a target.", "Write NAME: {array: x, ...} below it.")
    return section


def _keys(keys: Any, known: Sequence[str], where: str) -> Dict[str, Any]:
    mapping = _mapping(keys, where)
    for key in mapping:
        if key not in known:
            raise DatasetError("no key named '{}'".format(key), where, "It has no meaning here.", suggest(key, known))
    return mapping


def described(answer: TargetArray, train: Any, classes: Sequence[str],
              columns: Sequence[Tuple[float, float]]) -> Target:
    """The declaration of a target whose training array is `train`."""
    if answer.kind == "raw":
        return Target("raw", shape=tuple(answer.shape))
    if answer.kind == "value":
        return Target("value", shape=train.shape[1:], columns=tuple(columns))
    return Target(answer.kind, classes, () if answer.kind == "labels" else train.shape[1:], ignore=answer.ignore)


def key_names(split: Split) -> List[str]:
    """The possible names of the array with the group or the time of each training sample; empty if the split needs
    none."""
    if split.key is None:
        return []
    pattern = split.key if "{part}" in split.key else split.key + "_{part}"
    return [in_part(pattern, "train"), pattern.replace("_{part}", "")]


def keys(split: Split, count: int, path: str) -> Optional[List[str]]:
    """The group or the time of each of `count` training samples in an .npz file, as text; None if the split needs none.
    Raises DatasetError."""
    from octet.data import archive

    names = key_names(split)
    if not names:
        return None
    there = archive.names(path)
    name = next((name for name in names if name in there), None)
    if name is None:
        raise DatasetError("there is no array named {}".format(" or ".join(names)), "data.args." + split.key_where,
                           "{} has: {}.".format(path, ", ".join(there)), "Save this array, or correct the name.")
    array = archive.read(path, [name])[name]
    if array.shape != (count,):
        raise DatasetError("{} is of shape {}".format(name, list(array.shape)), path,
                           "It must contain the {} of each of the {} training samples.".format(split.by, count),
                           "Save it with the shape [{}].".format(count))
    dtype = {"M": "datetime64[s]", "S": "U"}.get(array.dtype.kind)  # such that str() of a value is its text
    return [str(value) for value in (array.astype(dtype) if dtype else array).tolist()]
