"""Proposes the arguments of the dataset `tfrecord` for TFRecord files, from the features of their first records."""

import io
import itertools
import os
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from octet.data import record_features, record_file, record_parts, target_names
from octet.data import split as splits
from octet.data.dataset import PARTS
from octet.errors import DatasetError

MOST_RECORDS = 200  # that are read
LONGEST_TEXT = 100  # bytes, of the name of a class
Values = List[List[Any]]
"""The values of one feature, for each record."""
PicturesOf = Callable[[Sequence[Any], str], Tuple[Dict[str, Any], List[str]]]


def fits(path: str) -> bool:
    """Whether the name of the file, or of a file in the folder, is that of a TFRecord file."""
    if os.path.isdir(path):
        names = os.listdir(path)
        return not set(PARTS) & set(names) and any(record_parts.SHARD.search(name.lower()) for name in names)
    return os.path.isfile(path) and record_parts.SHARD.search(path.lower()) is not None


def of(path: str, pictures_of: PicturesOf) -> Tuple[Dict[str, Any], List[str], List[str], Optional[Tuple[int, ...]]]:
    """(arguments, [kind of the target], remarks, shape of the input).

    pictures_of: returns the arguments for pictures, and remarks.
    Raises DatasetError if no feature is recognized as the input, or none as the target."""
    files = record_parts.find(path, splits.Split(0.1, 0.1))
    first = files.files["train"][0]
    records = [record_features.parse(record.content, record_file.place(first, record.number))
               for record in itertools.islice(record_file.records(first), MOST_RECORDS)]
    if not records:
        raise DatasetError("there is no record", first, "The recipe is proposed from the first records.",
                           "Write records into the file.")
    values = {name: [record.get(name) or [] for record in records] for name in records[0]}
    remarks = ["Features of the first records: {}.".format(", ".join(
        "{} ({})".format(name, record_features.kind_of(of_name[0])) for name, of_name in sorted(values.items())))]
    target = _target(values)
    image = next((name for name, of_name in values.items() if name != target and all(map(_is_picture, of_name))), None)
    numbers = next((name for name, of_name in sorted(values.items(), key=lambda item: -len(item[1][0]))
                    if name != target and of_name[0] and not isinstance(of_name[0][0], bytes)
                    and len({len(of_record) for of_record in of_name}) == 1), None)
    if target is None or not (image or numbers):
        raise DatasetError("it is unclear which features are the input and the target", first, remarks[0],
                           "Write the recipe by hand, as described in octet/datasets/tfrecord.py.")
    args: Dict[str, Any] = {}
    if image:
        form, picture_remarks = pictures_of([io.BytesIO(of_record[0]) for of_record in values[image]], first)
        args.update({"image": image}, **form)
        remarks += picture_remarks
        shape = (*form["size"], form["channels"])
    else:
        of_input = values[numbers or ""]
        args.update(numbers=numbers, **_range(of_input))
        shape = (len(of_input[0]),)
    unread = sorted(set(values) - {target, image or numbers})
    if unread:
        remarks.append("Not read: {}.".format(", ".join(unread)))
    kind = _kind(values[target])
    args[{"class": "label"}.get(kind, kind)] = target
    if files.held_out:
        args["split"] = {part: 0.1 for part in files.held_out}
    return args, [kind], remarks, shape


def _is_picture(values: List[Any]) -> bool:
    from octet.data.picture_file import opened

    if len(values) != 1 or not isinstance(values[0], bytes):
        return False
    try:
        with opened(io.BytesIO(values[0])):
            return True
    except Exception:  # Pillow raises many types
        return False


def _target(values: Dict[str, Values]) -> Optional[str]:
    """The feature that has a usual name of targets, or None. Of several, whole names come before names that only begin
    so, then integers come before texts."""
    candidates = [(target_names.rank(name), name) for name, of_name in values.items() if of_name[0] and all(
        not isinstance(value, bytes) or len(value) <= LONGEST_TEXT for value in of_name[0])]
    order = {"int64": 0, "bytes": 1}
    ranked = [(rank, order.get(record_features.kind_of(values[name][0]), 2), name)
              for rank, name in candidates if rank is not None]
    return min(ranked)[2] if ranked else None


def _kind(values: Values) -> str:
    first = values[0]
    if len(first) == 1 and not isinstance(first[0], float):
        return "class"
    return "labels" if not isinstance(first[0], float) and {one for each in values for one in each} <= {0, 1} else \
        "value"


def _range(values: Values) -> Dict[str, Any]:
    import numpy as np

    from octet.data import codes

    low, high, _ = codes.likely(np.array(values, np.float64))
    return {"low": low, "high": high}
