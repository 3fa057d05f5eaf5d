"""Proposes the arguments of the dataset `npz` for arrays: which are inputs and which are targets."""

import re
from typing import Any, Dict, List, Optional, Set, Tuple

from octet.data import target_names
from octet.errors import DatasetError


def of(path: str) -> Tuple[Dict[str, Any], List[str], List[str], Optional[Tuple[int, ...]]]:
    """(arguments, kinds of the targets, remarks, shape of the input). The shape is None for several inputs. Raises
    DatasetError if no array is recognized as the input, or none as the target."""
    from octet.data import archive

    names = archive.names(path)
    whole = {re.sub("_train$", "", name) for name in names if name.endswith("_train")}
    pattern = "{}_train" if whole else "{}"
    arrays = archive.read(path, [pattern.format(name) for name in sorted(whole or set(names))])
    arrays = {name: arrays[pattern.format(name)] for name in sorted(whole or set(names))}
    chosen, remarks = _chosen(arrays)
    targets = {name: _target(name, arrays[name], remarks) for name in chosen}
    inputs = {name: _input(name, array, path) for name, array in arrays.items()
              if name not in targets and array.ndim >= 2 and target_names.rank(name) is None}
    if not inputs or not targets:
        raise DatasetError("cannot tell inputs from targets among the arrays {}".format(", ".join(sorted(arrays))),
                           path, "Inputs are [N, ...] numbers; targets have names such as y, label, target or mask.",
                           "Write the recipe by hand, as described in octet/datasets/npz.py.")
    remarks = ["{}: {} of {}.".format(name, array.dtype, list(array.shape)) for name, array in arrays.items()] + remarks
    held_out = [part for part in ("validation", "test")
                if not all("{}_{}".format(name, part) in names for name in (*inputs, *targets))]
    split = {"split": {part: 0.1 for part in held_out}} if held_out else {}
    args = {"inputs": {name: dict({"array": name}, **settings) for name, settings in inputs.items()},
            "targets": {name: dict({"array": name}, **settings) for name, settings in targets.items()}}
    shapes = [arrays[name].shape[1:] for name in inputs]
    return (dict(args, **split), [settings["kind"] for settings in targets.values()], remarks,
            shapes[0] if len(shapes) == 1 else None)


def _input(name: str, array: Any, path: str) -> Dict[str, Any]:
    """The settings for the range of an input; none for uint8 codes."""
    import numpy as np

    from octet.data import codes

    if array.dtype == "uint8" or array.dtype == bool or not array.size:
        return {}
    finite = np.isfinite(array) if array.dtype.kind in "biuf" else None
    if finite is None or not finite.any():
        raise DatasetError("{} is {}".format(name, "{}, not numbers".format(array.dtype) if finite is None else
                                             "not finite in any sample"), path,
                           "Inputs are numbers, which become uint8 codes.", "Save it as finite real numbers.")
    low, high, far = codes.likely(array)
    return {"percentile": 99.9} if far else {"low": low, "high": high}


def _chosen(arrays: Dict[str, Any]) -> Tuple[List[str], List[str]]:
    """(the arrays that are targets, remarks about guesses and about arrays that are not read)."""
    count = max([len(array) for array in arrays.values() if array.ndim >= 2] or [0])
    aligned = [name for name, array in arrays.items() if array.ndim and len(array) == count]
    ranks = {name: target_names.rank(name) for name in aligned}
    flat = [name for name in aligned if arrays[name].ndim == 1]
    named = [name for name in aligned if ranks[name] == 0] or [name for name in aligned if ranks[name] == 1]
    chosen, remarks = named, []
    if not named and flat:
        chosen = [next((name for name in flat if arrays[name].dtype.kind in "US"), flat[0])]
        others = [name for name in flat if name not in chosen]
        remarks.append("guessed: the target is {}{}.".format(
            chosen[0], "; it could also be {}".format(", ".join(others)) if others else ""))
    unread = [name for name in aligned if name not in chosen and (name in flat or ranks[name] is not None)]
    if unread and chosen:
        remarks.append("Not read: {}. To split by one of them: split: {{by: group, group: {}}}, or by: time.".format(
            ", ".join(unread), unread[0]))
    others = [name for name in arrays if name not in aligned and arrays[name].ndim < 2]
    if others and chosen:
        remarks.append("Not read: {}, without a value for each sample.".format(", ".join(others)))
    return chosen, remarks


def _target(name: str, array: Any, remarks: List[str]) -> Dict[str, Any]:
    """The settings of a target. What the dataset would refuse is added to `remarks`, with what to do."""
    import numpy as np

    from octet.data import target_arrays

    settings: Dict[str, Any] = {"kind": _kind(array)}
    try:
        if settings["kind"] == "class" and array.dtype.kind not in "US":
            target_arrays.labels(array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array, name, "")
        elif settings["kind"] == "class_map":
            target_arrays.class_map(array, name, "")
    except DatasetError as error:
        remarks.append("{}. {}".format(error.what, error.next_step))
    if settings["kind"] == "class_map":
        indices = set(np.unique(array).tolist())
        settings.update(void(indices))
        if indices == {0, 255}:
            settings["classes"] = ["class0", "class1"]
            remarks.append("{} has only 0 and 255: save masks with 1 in place of 255.".format(name))
    elif settings["kind"] == "value" and array.dtype.kind in "iu":
        remarks.append("guessed: {} is a value, because its whole numbers mostly differ.".format(name))
    return settings


def _kind(array: Any) -> str:
    """The kind of the target in an array."""
    import numpy as np

    if array.dtype.kind not in "biuf" or array.dtype == bool and array.ndim == 1:
        return "class"
    single = array.ndim == 1 or array.ndim == 2 and array.shape[1] == 1
    binary = bool(np.isin(array, (0, 1)).all())
    if single:
        distinct = np.unique(array)
        if len(distinct) > 2 and 2 * len(distinct) > len(array):
            return "value"
        numbered = np.array_equal(distinct, np.arange(len(distinct)))
        return "class" if array.dtype.kind != "f" or numbered else "value"
    if array.ndim == 2:
        return "value" if not binary else "class" if (array.sum(1) == 1).all() else "labels"
    one_hot = array.ndim == 4 and array.shape[3] > 1 and binary and bool((array.sum(3) == 1).all())
    return "value" if array.ndim >= 3 and array.dtype.kind == "f" and not one_hot else "class_map"


def void(indices: Set[Any]) -> Dict[str, Any]:
    """{"ignore": 255} where 255 marks pixels of no class; {} otherwise. indices: those in the masks."""
    return {"ignore": 255} if 255 in indices and len(indices) > 2 and max(indices - {255}) < 254 else {}
