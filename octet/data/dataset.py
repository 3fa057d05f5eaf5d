"""The dataset interface: named inputs and targets in three parts.

A dataset is a module with two functions:

    load(**args) -> Dataset
    digest(part, **args) -> str     sha256 of that part's content, fast if nothing changed

`args` are the recipe's `data.args`. If `load` also takes `parts` and `samples`, Octet passes them, unless the recipe
does, so that only the needed data is read:

    parts     the names of the requested parts. The Dataset must have these, and may leave out others
    samples   None, or the largest number of samples of each part, spread over the classes, for a quick check. The
              field `samples` of the Dataset has the same value
    learnt    optional for `load`: None, or the published Dataset of the train part, without arrays. Its ranges,
              classes, shapes and columns are used for the other parts

`digest` is called whenever a recipe is read, so modules that only `load` needs, such as numpy, are imported inside of
it. A dataset that consists of files, or of arrays in a file, also has a function `files` or `arrays` with the arguments
of `digest`, which returns {name: sha256}. These are used to describe changes, and are not part of a key. A
dataset of octet/datasets may also have `left_out`, which returns the number of files that belong to no part, and
`decodes_files`, which returns whether each sample is decoded from its own file.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple, Union

from octet.errors import DatasetError
from octet.quantization import Quantization, quantization

PARTS = ("train", "validation", "test")
ANSWERED = ("class", "labels", "class_map", "value")  # the kinds of targets with which predictions are compared
KINDS = ANSWERED + ("raw",)
EXTRA_KINDS = ("mask", "boxes", "keypoints", "array")


@dataclass(frozen=True)
class Input:
    """An input: codes [N, *shape] uint8, whose values 0..255 represent real numbers in [low, high].

    prepared: the height and width at which its pictures were prepared, if `shape` is a crop of them."""

    shape: Tuple[int, ...]
    low: float
    high: float
    prepared: Optional[Tuple[int, int]] = None


@dataclass(frozen=True)
class Target:
    """What a network predicts for each sample:

    'class'      one of `classes`: labels [N] int32
    'labels'     any number of `classes` at once: [N, C] uint8, 1 where the sample is of the class, else 0
    'class_map'  one of `classes` for each pixel: labels [N, H, W] int32, `shape` is (H, W)
    'value'      real numbers: [N, *shape] float32 (regression, reconstruction)
    'raw'        numbers of `shape` that Octet does not interpret, such as a detector's grid of anchors. The user's own
                 loss and metrics compare them with the dataset's extras. The target's array is empty: [N, 0] float32

    ignore: for a class map, the label of pixels that are excluded from training and measurement; not a class index.
    columns: for values that were scaled by column, the (low, high) of each column that became 0 and 1; else empty.
    """

    kind: str
    classes: Sequence[str] = ()
    shape: Tuple[int, ...] = ()
    ignore: Optional[int] = None
    columns: Sequence[Tuple[float, float]] = ()

    @property
    def extent(self) -> Union[int, Tuple[int, ...]]:
        """The argument `classes` of a model's `build`: the number of classes, or the shape of a value."""
        return self.shape if self.kind in ("value", "raw") else len(self.classes)


@dataclass(frozen=True)
class Extra:
    """Something known about each sample that no output predicts. Only the user's own losses and metrics use it.

    'mask'       [N, *shape] int32, `shape` is (H, W) of the input that is a picture
    'boxes'      [N, *shape] float32, `shape` is (n, 4): y0, x0, y1, x1 in pixels of the prepared input, whose upper
                 left corner is 0, 0. The number of a sample's boxes, at most n, is another array in `extras`, whose
                 name is that of the boxes and '_count': [N] int32. The others are padding. A box without area is
                 ignored
    'keypoints'  [N, *shape] float32, `shape` is (n, 2): y, x in the same pixels
    'array'      [N, *shape] float32 or int32: anything

    placeless: for an array, whether it does not depend on positions in the picture; for example, classes of boxes.
    Augmentation transforms masks, boxes and keypoints with the picture.
    """

    kind: str
    shape: Tuple[int, ...] = ()
    placeless: bool = False
    dtype: str = "float32"

    def arrays(self, name: str) -> Dict[str, Tuple[str, Tuple[int, ...]]]:
        """{array of the part's `extras`: (its dtype, its shape without N)} that an extra of this name has."""
        if self.kind == "boxes":
            return {name: ("float32", self.shape), name + COUNT: ("int32", ())}
        dtype = {"mask": "int32", "keypoints": "float32"}.get(self.kind, self.dtype)
        return {name: (dtype, self.shape)}


class Read(NamedTuple):
    """The content of one part that was read.

    digest: the result of the dataset's `digest` for the content that was read. files: returns {path: sha256} of the
    files that were hashed as they were read. It is called if the digest is not the expected one."""

    digest: str
    files: Callable[[], Dict[str, str]] = dict


COUNT = "_count"
"""The ending of the name of the array with the number of boxes of each sample. The name of the extra is before it."""


@dataclass(frozen=True, eq=False)  # arrays cannot be compared with ==
class Part:
    """The arrays of one part by name, all of the same length N, with the shapes that `Input` and `Target` define.

    uncropped: the same samples at the size at which they were prepared, if this part is the centre crop of them."""

    inputs: Dict[str, Any]
    targets: Dict[str, Any]
    extras: Dict[str, Any] = field(default_factory=dict)
    uncropped: Optional["Part"] = None

    def __len__(self) -> int:
        """The number of samples."""
        return len(next(iter(self.inputs.values())))


@dataclass(frozen=True, eq=False)
class Dataset:
    """Inputs, targets and parts by name. The parts are those of `PARTS`, or the requested ones.

    notes: sentences for the user, about data that was left out or converted.
    samples: the largest number of samples that were read of each part; None if all were read.
    answers: {part: {target: array}} with the targets of all samples of a part, if only some samples were read and the
    targets are known without decoding.
    extras: by name. Only losses and metrics of the user read them.
    read: {part: the content that was read}, from a `load` that hashes each file as it reads it.
    left_out: {part: the number of its samples that were left out because they could not be read}.
    """

    inputs: Dict[str, Input]
    targets: Dict[str, Target]
    parts: Dict[str, Part]
    notes: Sequence[str] = ()
    samples: Optional[int] = None
    answers: Dict[str, Dict[str, Any]] = field(default_factory=dict)
    extras: Dict[str, Extra] = field(default_factory=dict)
    read: Dict[str, Read] = field(default_factory=dict)
    left_out: Dict[str, int] = field(default_factory=dict)

    def known_answers(self, target: str) -> Dict[str, Any]:
        """{part: array} of one target: for all samples of the part if they are known, or else for those that were
        read."""
        return {name: self.answers.get(name, {}).get(target, part.targets[target])
                for name, part in self.parts.items()}


def spread(classes: Sequence[Any], samples: int) -> List[int]:
    """The rows, in order, of at most `samples` samples: equally many of each class if possible, and evenly distributed
    over the rows of a class. classes: the class of each row."""
    rows_of = {}  # type: Dict[Any, List[int]]
    for row, one in enumerate(classes):
        rows_of.setdefault(one, []).append(row)
    share = dict.fromkeys(rows_of, 0)
    left, open_classes = min(samples, len(classes)), list(rows_of)
    while left:
        for one in open_classes[:left]:
            share[one] += 1
        left -= min(left, len(open_classes))
        open_classes = [one for one in open_classes if share[one] < len(rows_of[one])]
    return sorted(rows[place * len(rows) // share[one]] for one, rows in rows_of.items() for place in range(share[one]))


def scale_of(low: float, high: float, where: str) -> Quantization:
    """`quantization(low, high)`, but raises DatasetError for an invalid range."""
    try:
        return quantization(low, high)
    except ValueError as error:
        raise DatasetError(str(error), where, "The codes 0..255 stand for real numbers between them.",
                           "Set low and high to the range of the data.") from None


def arguments(section: Dict[str, Any], folder: Union[str, Path]) -> Dict[str, Any]:
    """The arguments for `load` and `digest`: the recipe's `data.args`, with an absolute `path` (relative to the
    recipe's folder, and with `~` expanded). With `data.prepared_size`, this is the `size`. Raises DatasetError for a
    `path` that is a number, and for a `prepared_size` that does not fit `size`."""
    args = dict(section.get("args") or {})
    if section.get("prepared_size") is not None:
        _expect_larger(section["prepared_size"], args, section["dataset"])
        args["size"] = list(section["prepared_size"])
    if isinstance(args.get("path"), (int, float)):
        raise DatasetError("it is {!r}, not a path".format(args["path"]), where="data.args.path",
                           why="the data is read from there", next_step="write the path of a file or folder")
    if isinstance(args.get("path"), str):
        args["path"] = str(Path(folder) / Path(args["path"]).expanduser())
    return args


def _expect_larger(prepared: Sequence[int], args: Dict[str, Any], name: str) -> None:
    """Raises DatasetError where pictures of the size `prepared` cannot be cropped to the network's input."""
    size = args.get("size")
    if size is None:
        raise DatasetError(
            "data.args has no size", "data.prepared_size",
            "Pictures are prepared at prepared_size and cropped to size, the network's input. '{}' with these "
            "arguments resizes no pictures.".format(name),
            "Set size in data.args to [height, width] of the network's input, if the dataset reads pictures; otherwise "
            "leave prepared_size out.")
    whole = isinstance(size, (list, tuple)) and len(size) == 2 and all(
        isinstance(side, int) and not isinstance(side, bool) and side > 0 for side in size)
    if not whole:
        raise DatasetError("size is {}".format(size), "data.args.size",
                           "It is the size of the network's input, to which pictures are cropped.",
                           "Use [height, width] in pixels.")
    if prepared[0] < size[0] or prepared[1] < size[1]:
        raise DatasetError(
            "prepared_size {} is smaller than size {}".format(list(prepared), list(size)), "data.prepared_size",
            "The network's input is cropped from the prepared picture.",
            "Use a prepared_size of at least {}, or leave it out.".format(list(size)))
