"""Writes and reads one part of a dataset as PrepareData publishes it: arrays that later stages map into memory.

    spec.json      {inputs: [{name, shape, low, high}], targets: [{name, kind, classes, shape, ignore, columns}]};
                   `classes` is the number of classes. An input whose pictures are cropped (octet/data/crop.py) also
                   has `prepared`, [height, width]. The arrays have this size, and `read` crops them
    names.json     {target: the names of its classes}. It is a separate file, so that a stage that does not read it is
                   not run again when a class is renamed
    input_0.npy    [N, *shape] uint8, the codes of the first input; input_1.npy, ... of the others
    target_0.npy   the values of the first target (see octet.data.dataset.Target); target_1.npy, ... of the others
    input_0.json   in place of input_0.npy, if the rows are in shards (octet/data/shards.py)
    extra_0.npy    the first array of the extras (see octet.data.dataset.Extra), if there are extras. Then spec.json has
                   `extras`: [{name, kind, shape, placeless, dtype}]
"""

import json
import os
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

from octet.data import reading
from octet.data.dataset import Dataset, Extra, Input, Part, Target

SPEC, NAMES = "spec.json", "names.json"


def write(folder: Path, dataset: Dataset, part: str) -> None:
    """Writes that part of the dataset into `folder`. The same content always gives the same bytes. An array that is in
    a file already (octet.data.reading) is renamed, not copied."""
    spec = {"inputs": [{"name": name, "shape": list(each.shape), "low": each.low, "high": each.high,
                        **({} if each.prepared is None else {"prepared": list(each.prepared)})}
                       for name, each in dataset.inputs.items()],
            "targets": [{"name": name, "kind": each.kind, "classes": len(each.classes), "shape": list(each.shape),
                         "ignore": each.ignore, "columns": [list(ends) for ends in each.columns]}
                        for name, each in dataset.targets.items()]}  # type: Dict[str, Any]
    if dataset.extras:
        spec["extras"] = [{"name": name, "kind": each.kind, "shape": list(each.shape), "placeless": each.placeless,
                           "dtype": each.dtype} for name, each in dataset.extras.items()]
    names = {name: list(each.classes) for name, each in dataset.targets.items()}
    for file, value in ((SPEC, spec), (NAMES, names)):
        (folder / file).write_text(json.dumps(value, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    arrays_of_part = dataset.parts[part].uncropped or dataset.parts[part]
    for side, of_side, arrays in (("input", list(dataset.inputs), arrays_of_part.inputs),
                                  ("target", list(dataset.targets), arrays_of_part.targets),
                                  ("extra", _extra_arrays(dataset.extras), arrays_of_part.extras)):
        for index, name in enumerate(of_side):
            _save(folder, "{}_{}".format(side, index), arrays[name])


def _save(folder: Path, name: str, array: Any) -> None:
    import numpy as np

    from octet.data.shards import Sharded

    if isinstance(array, Sharded) and array.publish is not None:
        array.publish(folder, name, array)
        return
    path = folder / (name + ".npy")
    file = reading.file_of(array)
    if file is not None:
        array.flush()
        os.replace(file, str(path))
        return
    if array.flags.c_contiguous:  # as is an empty array, which cannot be mapped
        np.save(str(path), array)
        return
    saved = np.lib.format.open_memmap(str(path), mode="w+", dtype=array.dtype, shape=array.shape)
    for start in range(0, len(array), reading.ROWS):
        saved[start:start + reading.ROWS] = array[start:start + reading.ROWS]
    saved.flush()


def alike(one: Path, other: Path) -> bool:
    """Whether the parts that were published in two folders have the same inputs, targets and classes."""
    return all((one / file).read_bytes() == (other / file).read_bytes() for file in (SPEC, NAMES))


def learnt(folder: Path, named: bool = True) -> Dataset:
    """The dataset that was published in the folder, without its parts. named: see `read`."""
    inputs, targets, extras = _spec(folder, named)
    return Dataset(inputs, targets, {}, extras=extras)


def read(folders: Dict[str, Path], named: bool = True) -> Dataset:
    """The dataset with the parts that were published in `folders`, {part: folder}. Its arrays are read-only and mapped:
    a page is read from the disk when it is used. named: whether the classes have their names; otherwise their names are
    their numbers, '0', '1' and so on."""
    described = learnt(next(iter(folders.values())), named)
    inputs, targets, extras = described.inputs, described.targets, described.extras
    whole = Dataset(inputs, targets, {part: Part(_arrays(folder, "input", list(inputs)),
                                                _arrays(folder, "target", list(targets)),
                                                _arrays(folder, "extra", _extra_arrays(extras)))
                                     for part, folder in folders.items()}, extras=extras)
    size = next(iter(inputs.values()))
    if size.prepared is None:
        return whole
    from octet.data import crop  # not at the top, because it imports numpy
    return crop.cropped(crop.uncropped(whole), size.prepared, (size.shape[0], size.shape[1]))


def _extra_arrays(extras: Dict[str, Extra]) -> List[str]:
    """The names of the arrays of all extras, in order."""
    return [array for name, each in extras.items() for array in each.arrays(name)]


def _spec(folder: Path, named: bool) -> Tuple[Dict[str, Input], Dict[str, Target], Dict[str, Extra]]:
    spec = json.loads((folder / SPEC).read_text(encoding="utf-8"))
    inputs = {each["name"]: Input(
        tuple(each["shape"]), each["low"], each["high"],
        (each["prepared"][0], each["prepared"][1]) if "prepared" in each else None) for each in spec["inputs"]}
    names: Dict[str, List[str]] = json.loads((folder / NAMES).read_text(encoding="utf-8")) if named else {
        each["name"]: [str(number) for number in range(each["classes"])] for each in spec["targets"]}
    targets = {each["name"]: Target(each["kind"], names[each["name"]], tuple(each["shape"]), each["ignore"],
                                    [(low, high) for low, high in each["columns"]]) for each in spec["targets"]}
    extras = {each["name"]: Extra(each["kind"], tuple(each["shape"]), each["placeless"], each["dtype"])
              for each in spec.get("extras", ())}
    return inputs, targets, extras


def _arrays(folder: Path, side: str, names: Sequence[str]) -> Dict[str, Any]:
    from octet.data import shards

    arrays = {}
    for index, name in enumerate(names):
        file = "{}_{}".format(side, index)
        in_shards = (folder / shards.described(file)).exists()
        arrays[name] = shards.read(folder, file) if in_shards else shards.mapped(folder / (file + ".npy"))
    return arrays
