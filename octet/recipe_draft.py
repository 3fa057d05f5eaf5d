"""Proposes a first recipe for the data at a path (`octet new`)."""

import os
import re
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Set, Tuple

from octet.data import array_folder, target_names
from octet.data.dataset import PARTS
from octet.errors import DatasetError

SOME = 200  # pictures, masks or table rows are examined
ROUND = 8  # the proposed size is a multiple of this number of pixels
LARGEST = 224  # pixels; the largest proposed size
TABLES = (".csv", ".tsv", ".parquet")
NAMED = re.compile(r"(y$|y_|label|target|class|mask|answer|out|pose|value|tags?)")  # usual names of targets


NETWORK = '''\
"""A small network to start from."""

import tensorflow as tf

layers = tf.keras.layers


def build(input_shape, classes):
    image = x = layers.Input(input_shape)
    for width in (16, 32):
        if len(input_shape) == 3:
            x = layers.Conv2D(width, 3, strides=2, padding="same", use_bias=False)(x)
        else:
            x = layers.Dense(2 * width, use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Dense(64, activation="relu")(layers.Flatten()(x))
{head}
'''
HEADS = {
    "class": '    return tf.keras.Model(image, layers.Dense(classes, activation="softmax")(x))',
    "labels": '    return tf.keras.Model(image, layers.Dense(classes, activation="sigmoid")(x))  # yes or no for each',
    "value": '    return tf.keras.Model(image, layers.Dense(classes[-1])(x))  # of a value, its shape',
}
"""{kind of target: the last line of the network's code}."""


class Draft(NamedTuple):
    """A proposal for a recipe.

    dataset, args: the values of the section `data`. kinds: the kind of each target. remarks: sentences for the reader
    of the recipe. shape: of one sample of the only input; None for several inputs."""

    dataset: str
    args: Dict[str, Any]
    kinds: List[str]
    remarks: List[str]
    shape: Optional[Tuple[int, ...]] = None


def of(path: str) -> Draft:
    """The draft for the data at `path`. Raises DatasetError unless it is a folder of pictures, arrays or records,
    a file of arrays or records, or a table."""
    from octet.data import record_draft

    if record_draft.fits(path):
        return Draft("tfrecord", *record_draft.of(path, NAMED, _pictures_of))
    if os.path.isdir(path):
        return _archive(path) if array_folder.names(path) else _folder(path)
    if path.lower().endswith(".npz") and os.path.exists(path):
        return _archive(path)
    if path.lower().endswith(TABLES) and os.path.exists(path):
        return _table(path)
    raise DatasetError("there is no data of a known kind", path,
                       "Octet proposes recipes for a folder of pictures, of .npy files or of TFRecord files, an .npz "
                       "file, a TFRecord file, or a .csv, .tsv or .parquet table.", "Give the path of one of these.")


def recipe(draft: Draft, path: str) -> str:
    """The text of the recipe. path: the data's path, as the recipe names it."""
    lines = ["# {}".format(remark) for remark in draft.remarks]
    lines += ["data:", "  dataset: {}".format(draft.dataset), "  args:", "    path: {}".format(_yaml(path))]
    lines += _lines(draft.args, "    ")
    lines += ["model:"] + ["  " + line for line in _model(draft)]
    return "\n".join(lines + [
        "# train: {epochs: 10}                  # for a first look; 60 where nothing is set",
        "# quantize: {epochs: 1}                # likewise; 5 where nothing is set",
        "# loss: {class_weights: balanced}       # where some classes are rare",
        "validate: {}" if "value" in draft.kinds and len(set(draft.kinds)) == 1 else
        "validate: {max_accuracy_drop: 0.02}"]) + "\n"


def network(draft: Draft) -> Optional[str]:
    """The text of a file with a network. None if a model of the catalogue fits, or if no network can be proposed."""
    if not _model(draft)[0].startswith("build: ./net.py") or len(draft.kinds) != 1 or not draft.shape:
        return None
    return NETWORK.format(head=HEADS[draft.kinds[0]]) if draft.kinds[0] in HEADS else None


def _model(draft: Draft) -> List[str]:
    if draft.kinds == ["class"] and draft.shape and len(draft.shape) == 3:
        side = min(draft.shape[:2])
        if side < 32:
            return ["build: lenet            # small; mobilenet_v2, resnet_v1 and others are in models/"]
        if side < 96:
            return ["build: resnet_v1        # lenet is smaller, mobilenet_v2 larger"]
        return ["build: mobilenet_v2     # with args: {alpha: 0.5} it is half as wide"]
    if draft.kinds == ["class_map"] and draft.shape and len(draft.shape) == 3:
        return ["build: unet"]
    return ["build: ./net.py         # write it: build(input_shape, classes) returns a tf.keras.Model"]


def _folder(path: str) -> Draft:
    from octet.data import listing

    parts = [part for part in PARTS if os.path.isdir(os.path.join(path, part))]
    masked = bool(parts) and os.path.isdir(os.path.join(path, parts[0], "masks"))
    if not masked:
        _expect_no_other_masks(path, parts[0] if parts else "")
    split: Dict[str, Any] = {} if set(parts) == set(PARTS) else {
        "split": dict({"validation": 0.1}, **({} if "test" in parts else {"test": 0.1}))}
    held_out = [part for part in ("validation", "test") if part not in parts]
    listed = listing.of(path, masked, held_out, skip_unreadable=True)
    pictures = [picture for of_part in listed.parts.values() for picture in of_part]
    args, remarks = _pictures(path, [picture.file for picture in pictures])
    remarks = ["{} pictures{}.".format(len(pictures), "" if masked else " of {} classes".format(
        len({picture.name for picture in pictures})))] + remarks + listed.notes
    remarks += listing.alike(picture.name for picture in pictures)
    if masked:
        of_masks, mask_remarks = _classes_of_masks(path, [picture.mask for picture in listed.parts["train"]])
        args.update(of_masks)
        remarks += mask_remarks
        remarks.append("The masks' classes have no names yet: name them in the order of their indices.")
    if any(note.startswith("skipped") for note in listed.notes):
        remarks.append("Without skip_unreadable: true, what is skipped is an error.")
    return Draft("image_folder", dict(args, **split), ["class_map" if masked else "class"], remarks,
                 tuple(args["size"]) + (args["channels"],))


def _pictures(path: str, files: List[str]) -> Tuple[Dict[str, Any], List[str]]:
    """(size and channels, remarks), from the headers of some pictures."""
    return _pictures_of([os.path.join(path, file) for file in files[::max(1, len(files) // SOME)]], path)


def _pictures_of(sources: Sequence[Any], path: str) -> Tuple[Dict[str, Any], List[str]]:
    """(size and channels, remarks), from the headers of the pictures in some files, paths or open ones."""
    from octet.data.picture_file import opened

    sizes, modes = [], set()
    for source in sources:
        try:
            with opened(source) as image:
                sizes.append(image.size)
                modes.add(image.mode)
        except Exception:  # Pillow raises many types; loading the dataset reports the error
            continue
    if not sizes:
        raise DatasetError("none of the pictures can be read", path, "Their size is needed for the recipe.",
                           "Open one of them in an image viewer.")
    shortest = sorted(min(size) for size in sizes)[len(sizes) // 2]
    side = max(ROUND, min(LARGEST, shortest // ROUND * ROUND))
    args = {"size": [side, side], "channels": 1 if modes <= {"L", "1", "I", "I;16", "I;16B"} else 3}
    least, most = [min(sides) for sides in zip(*sizes)], [max(sides) for sides in zip(*sizes)]
    extent = "{}x{}".format(*most) if least == most else "{}x{} to {}x{}".format(*least, *most)
    remarks = ["They are {} pixels; each is resized to `size` [height, width].".format(extent)]
    if modes & {"RGBA", "LA", "PA"}:
        args["alpha"] = "white"
        remarks.append("Some have transparency, which is laid on white: alpha: drop | white | black | keep.")
    return args, remarks


def _classes_of_masks(path: str, files: List[str]) -> Tuple[Dict[str, Any], List[str]]:
    """(masks and ignore, remarks)."""
    import numpy as np

    from octet.data.masks import INDEXED
    from octet.data.picture_file import opened

    indices: Set[int] = set()
    for file in files[:SOME]:
        with opened(os.path.join(path, file)) as image:
            if image.mode not in INDEXED:
                return {"masks": ["class0", "class1"]}, ["{} has {} pixels: save masks as 8-bit PNG, palette or grey, "
                                                         "of the indices of classes.".format(file, image.mode)]
            indices |= {int(index) for index in np.unique(np.asarray(image))}
    if len(indices) == 2 and min(indices) == 0 and max(indices) > 1:
        return {"masks": ["class0", "class1"]}, [
            "The masks hold only 0 and {0}. Save masks with 1 in place of {0}.".format(max(indices))]
    ignore = _void(indices)
    count = max(1, *(indices - set(ignore.values()))) + 1
    return dict({"masks": ["class{}".format(index) for index in range(count)]}, **ignore), []


def _expect_no_other_masks(path: str, part: str) -> None:
    """Raises DatasetError for folders of pictures and of masks that would be read as two classes."""
    names = {name.lower() for name in os.listdir(os.path.join(path, part))}
    if names & {"images", "image", "img", "imgs"} and names & {"masks", "mask", "labels", "annotations"}:
        raise DatasetError("it has folders of pictures and of masks", os.path.join(path, part),
                           "They are no classes. Masks are read from train/images/ and train/masks/.",
                           "Move them there; the other parts can be held out of train/.")


def _archive(path: str) -> Draft:
    from octet.data import archive

    names = archive.names(path)
    whole = {re.sub("_train$", "", name) for name in names if name.endswith("_train")}
    pattern = "{}_train" if whole else "{}"
    arrays = archive.read(path, [pattern.format(name) for name in sorted(whole or set(names))])
    arrays = {name: arrays[pattern.format(name)] for name in sorted(whole or set(names))}
    chosen, remarks = _chosen(arrays)
    targets = {name: _target(name, arrays[name], remarks) for name in chosen}
    inputs = {name: _input(array) for name, array in arrays.items()
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
    return Draft("npz", dict(args, **split), [settings["kind"] for settings in targets.values()], remarks,
                 shapes[0] if len(shapes) == 1 else None)


def _table(path: str) -> Draft:
    from octet.data import table_file

    table = table_file.read(path)
    folder = os.path.dirname(path)
    cells = {name: [row[place].strip() for row in table.rows[:SOME]] for place, name in enumerate(table.columns)
             if name not in table.unreadable}
    file = next((name for name, of in cells.items() if of and all(
        os.path.isfile(os.path.join(folder, cell)) for cell in of)), None)
    part = next((name for name, of in cells.items() if _are_parts(of)), None)
    numbers = [name for name, of in cells.items() if all(_is_number(cell) for cell in of)]
    words = [name for name in cells if name not in (file, part, *numbers) and len(set(cells[name])) < len(cells[name])]
    named = sorted((name for name in cells if target_names.rank(name) is not None),
                   key=lambda name: target_names.rank(name) or 0)
    candidates = [name for name in dict.fromkeys(named + words) if name not in (file, part)]
    label = candidates[0] if candidates else None
    if label is None or not (file or set(numbers) - {label, *named}):
        raise DatasetError("cannot tell inputs from targets among the columns {}".format(", ".join(table.columns)),
                           path, "Inputs are a column of files or columns of numbers; a target has a name such as "
                                 "label, class or target, or holds repeated words.",
                           "Write the recipe by hand, as described in octet/datasets/table.py.")
    whole = label not in numbers or all(float(cell).is_integer() for cell in cells[label])
    args: Dict[str, Any] = {"file": file} if file else {
        "features": [name for name in numbers if name not in (label, *named)]}
    if label in numbers:
        distinct = len(set(cells[label]))
        whole = whole and not (distinct > 2 and 2 * distinct > len(cells[label]))
    if whole:
        args["label"] = label
    else:
        args["value"] = [label]
    args.update({"part": part} if part else {})
    remarks = ["{} samples, columns: {}.".format(len(table.rows), ", ".join(table.columns))]
    others = [name for name in candidates[1:] if named[:1] != [label] or target_names.rank(name) is not None]
    if others:
        remarks.append("guessed: the {} is {}; it could also be {}.".format(
            "label" if whole else "value", label, ", ".join(others)))
    if label in numbers and not whole and all(float(cell).is_integer() for cell in cells[label]):
        remarks.append("guessed: {0} is a value, because its whole numbers mostly differ. For classes, write "
                       "label: {0}.".format(label))
    used = {label, part, file, *args.get("features", ()), *table.unreadable}
    unused = [name for name in table.columns if name not in used]
    if unused:
        remarks.append("Not read: {}. Features are numbers in every line that have no name of a target.".format(
            ", ".join(unused)))
    remarks += ["Not read: {}, which holds {}.".format(*item) for item in table.unreadable.items()]
    if not file:
        return Draft("table", args, ["class" if whole else "value"], remarks, (len(args["features"]),))
    form, picture_remarks = _pictures(folder, cells[file])
    return Draft("table", dict(args, **form), ["class" if whole else "value"], remarks + picture_remarks,
                 tuple(form["size"]) + (form["channels"],))


def _are_parts(cells: Sequence[str]) -> bool:
    """Whether all cells are usual names of parts, one of them of the training part."""
    from octet.data import listing

    parts = {listing.MEANT.get(cell.lower(), cell.lower()) for cell in cells}
    return "train" in parts and parts <= set(PARTS)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _input(array: Any) -> Dict[str, Any]:
    """The settings for the range of an input; none for uint8 codes."""
    from octet.data import codes

    if array.dtype == "uint8" or array.dtype == bool or not array.size:
        return {}
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
        settings.update(_void(indices))
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


def _void(indices: Set[Any]) -> Dict[str, Any]:
    """{"ignore": 255} where 255 marks pixels of no class; {} otherwise. indices: those in the masks."""
    return {"ignore": 255} if 255 in indices and len(indices) > 2 and max(indices - {255}) < 254 else {}


def _lines(args: Dict[str, Any], margin: str) -> List[str]:
    lines = []
    for key, value in args.items():
        if key in ("inputs", "targets"):
            lines.append("{}{}:".format(margin, key))
            lines.extend("{}  {}: {}".format(margin, _yaml(name), _yaml(settings)) for name, settings in value.items())
        else:
            lines.append("{}{}: {}".format(margin, key, _yaml(value)))
    return lines


def _yaml(value: Any) -> str:
    import yaml

    return str(yaml.safe_dump(value, default_flow_style=True, width=10 ** 6)).replace("\n...", "").strip()
