"""Proposes a first recipe for the data at a path (`octet new`)."""

import os
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Set, Tuple

from octet.data import array_folder, table_file
from octet.data.dataset import PARTS
from octet.errors import DatasetError

SOME = 200  # pictures, masks or table rows are examined
ROUND = 8  # the proposed size is a multiple of this number of pixels
LARGEST = 224  # pixels; the largest proposed size

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
    from octet.data import array_draft, other_layouts, record_draft, table_draft

    if record_draft.fits(path):
        return Draft("tfrecord", *record_draft.of(path, _pictures_of))
    if os.path.isdir(path):
        return Draft("npz", *array_draft.of(path)) if array_folder.names(path) else _folder(path)
    if path.lower().endswith(".npz") and os.path.exists(path):
        return Draft("npz", *array_draft.of(path))
    if path.lower().endswith(table_file.ENDINGS) and os.path.exists(path):
        return Draft("table", *table_draft.of(path, _pictures_of))
    other_layouts.expect_known_file(path)
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
    from octet.data import listing, other_layouts

    parts = [part for part in PARTS if os.path.isdir(os.path.join(path, part))]
    masked = bool(parts) and os.path.isdir(os.path.join(path, parts[0], "masks"))
    if not masked:
        other_layouts.expect_known_folder(path)
    held_out = [part for part in ("validation", "test") if part not in parts]
    split = {"split": {part: 0.1 for part in held_out}} if held_out else {}
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

    from octet.data import array_draft
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
    ignore = array_draft.void(indices)
    count = max(1, *(indices - set(ignore.values()))) + 1
    return dict({"masks": ["class{}".format(index) for index in range(count)]}, **ignore), []


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
