"""Proposes the arguments of the dataset `tfrecord` for files, from the features of their first records."""

import io
import itertools
import os
from typing import Any, Callable, Dict, List, Optional, Pattern, Sequence, Tuple

from octet.data import record_file, record_parts
from octet.data import split as splits
from octet.data.dataset import PARTS
from octet.errors import DatasetError

SOME = 200  # records are read
LONGEST_TEXT = 100  # bytes; longer ones are no name of a class
Values = List[List[Any]]
"""Of one feature: its values in each record."""
PicturesOf = Callable[[Sequence[Any], str], Tuple[Dict[str, Any], List[str]]]


def fits(path: str) -> bool:
    """Whether the name of a file, or of files in a folder, is that of TFRecord files."""
    if os.path.isdir(path):
        names = os.listdir(path)
        return not set(PARTS) & set(names) and any(record_parts.SHARD.search(name.lower()) for name in names)
    return os.path.isfile(path) and record_parts.SHARD.search(path.lower()) is not None


def of(path: str, names_of_answers: Pattern[str], pictures_of: PicturesOf
       ) -> Tuple[Dict[str, Any], List[str], List[str], Optional[Tuple[int, ...]]]:
    """(arguments, [kind of the target], remarks, shape of the input).

    names_of_answers: matches usual names of targets. pictures_of: the arguments for pictures, and remarks. Raises
    DatasetError where inputs and answers are not told apart."""
    found = record_parts.find(path, splits.Split(0.1, 0.1))
    first = found.files["train"][0]
    some = [record_file.features(record.content, record_file.place(first, record.number))
            for record in itertools.islice(record_file.records(first), SOME)]
    if not some:
        raise DatasetError("there is no record", first, "They are looked at to write a recipe.",
                           "Write some into it.")
    values = {name: [record.get(name) or [] for record in some] for name in some[0]}
    remarks = ["Features of the first records: {}.".format(", ".join(
        "{} ({})".format(name, record_parts.kind_of(of_name[0])) for name, of_name in sorted(values.items())))]
    answer = _answer(values, names_of_answers)
    image = next((name for name, of_name in values.items() if name != answer and all(map(_is_picture, of_name))), None)
    numbers = next((name for name, of_name in sorted(values.items(), key=lambda item: -len(item[1][0]))
                    if name != answer and of_name[0] and not isinstance(of_name[0][0], bytes)
                    and len({len(one) for one in of_name}) == 1), None)
    if answer is None or not (image or numbers):
        raise DatasetError("the features are not told apart as inputs and answers", first, remarks[0],
                           "Write the recipe by hand: octet/datasets/tfrecord.py says how.")
    args: Dict[str, Any] = {}
    if image:
        form, said = pictures_of([io.BytesIO(one[0]) for one in values[image]], first)
        args.update({"image": image}, **form)
        remarks += said
        shape = (*form["size"], form["channels"])
    else:
        of_input = values[numbers or ""]
        args.update(numbers=numbers, **_range(of_input))
        shape = (len(of_input[0]),)
    kind = _kind(values[answer])
    args[{"class": "label"}.get(kind, kind)] = answer
    if found.held_out:
        args["split"] = {part: 0.1 for part in found.held_out}
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


def _answer(values: Dict[str, Values], named: Pattern[str]) -> Optional[str]:
    """The feature that is called as answers usually are: an integer before a text before others."""
    candidates = [name for name, of_name in values.items() if of_name[0] and all(
        not isinstance(one, bytes) or len(one) <= LONGEST_TEXT for one in of_name[0])
        and any(named.match(word) for word in name.lower().split("/"))]
    order = {"int64": 0, "bytes": 1}
    ranked = [(order.get(record_parts.kind_of(values[name][0]), 2), name) for name in candidates]
    return min(ranked)[1] if ranked else None


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
