"""One part of a dataset as PrepareData publishes it: arrays that later stages map into memory.

    spec.json      {inputs: [{name, shape, low, high}], targets: [{name, kind, classes, shape, ignore, columns}]};
                   `classes` is how many there are
    names.json     {target: the names of its classes}. A file of its own: a stage that does not read it is not run again
                   when a class is renamed
    input_0.npy    [N, *shape] uint8, the codes of the first input; input_1.npy, ... of the others
    target_0.npy   the answers to the first target, as octet.data.dataset.Target says; target_1.npy, ...
    input_0.json   in place of input_0.npy, where the rows lie in shards (octet/data/shards.py)
    extra_0.npy    the first array of the extras, as octet.data.dataset.Extra says; only where there are some. spec.json
                   has their `extras`: [{name, kind, shape, placeless, dtype}]
"""

import json
import os
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

from octet.data import reading
from octet.data.dataset import Dataset, Extra, Input, Part, Target

SPEC, NAMES = "spec.json", "names.json"


def write(folder: Path, dataset: Dataset, part: str) -> None:
    """`folder` holds that part of the dataset. The same content always gives the same bytes. An array that lies in a
    file already (octet.data.reading) is not copied."""
    spec = {"inputs": [{"name": name, "shape": list(each.shape), "low": each.low, "high": each.high}
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
    found = dataset.parts[part]
    for side, of_side, arrays in (("input", list(dataset.inputs), found.inputs),
                                  ("target", list(dataset.targets), found.targets),
                                  ("extra", _extra_arrays(dataset.extras), found.extras)):
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
    if array.flags.c_contiguous:  # or of no size, which cannot be mapped
        np.save(str(path), array)
        return
    saved = np.lib.format.open_memmap(str(path), mode="w+", dtype=array.dtype, shape=array.shape)
    for start in range(0, len(array), reading.ROWS):
        saved[start:start + reading.ROWS] = array[start:start + reading.ROWS]
    saved.flush()


def alike(one: Path, other: Path) -> bool:
    """Whether what was published in two folders has the same inputs, targets and classes."""
    return all((one / file).read_bytes() == (other / file).read_bytes() for file in (SPEC, NAMES))


def learnt(folder: Path) -> Dataset:
    """What the dataset that was published in the folder is, without its arrays."""
    inputs, targets, extras = _spec(folder, named=True)
    return Dataset(inputs, targets, {}, extras=extras)


def read(folders: Dict[str, Path], named: bool = True) -> Dataset:
    """The dataset with the parts that were published in `folders`, {part: folder}; its arrays are read-only and
    mapped: a page is read from the disk when it is used. named: whether the classes have their names; else they are
    called by their numbers, '0', '1' and so on."""
    inputs, targets, extras = _spec(next(iter(folders.values())), named)
    return Dataset(inputs, targets, {part: Part(_arrays(folder, "input", list(inputs)),
                                                _arrays(folder, "target", list(targets)),
                                                _arrays(folder, "extra", _extra_arrays(extras)))
                                     for part, folder in folders.items()}, extras=extras)


def _extra_arrays(extras: Dict[str, Extra]) -> List[str]:
    """The names of the arrays of all extras, in order."""
    return [array for name, each in extras.items() for array in each.arrays(name)]


def _spec(folder: Path, named: bool) -> Tuple[Dict[str, Input], Dict[str, Target], Dict[str, Extra]]:
    spec = json.loads((folder / SPEC).read_text(encoding="utf-8"))
    inputs = {each["name"]: Input(tuple(each["shape"]), each["low"], each["high"]) for each in spec["inputs"]}
    names: Dict[str, List[str]] = json.loads((folder / NAMES).read_text(encoding="utf-8")) if named else {
        each["name"]: [str(number) for number in range(each["classes"])] for each in spec["targets"]}
    targets = {each["name"]: Target(each["kind"], names[each["name"]], tuple(each["shape"]), each["ignore"],
                                    [(low, high) for low, high in each["columns"]]) for each in spec["targets"]}
    extras = {each["name"]: Extra(each["kind"], tuple(each["shape"]), each["placeless"], each["dtype"])
              for each in spec.get("extras", ())}
    return inputs, targets, extras


def _arrays(folder: Path, side: str, names: Sequence[str]) -> Dict[str, Any]:
    from octet.data import shards

    found = {}
    for index, name in enumerate(names):
        file = "{}_{}".format(side, index)
        in_shards = (folder / shards.described(file)).exists()
        found[name] = shards.read(folder, file) if in_shards else shards.mapped(folder / (file + ".npy"))
    return found
