"""What a dataset is: named inputs and targets, in three parts. numpy only.

A dataset is a module with two functions:

    load(**args) -> Dataset
    digest(part, **args) -> str     sha256 of that part's content, cheap when nothing changed

`args` are the recipe's `data.args`. A `load` without the following keyword arguments reads everything each time. One
that takes both `parts` and `samples` reads only what a stage needs; Octet gives them, unless the recipe does:

    parts     the names of the parts that are wanted. The Dataset has these parts; it may leave out the others
    samples   None, or a number: at most so many samples of each part, spread over the classes, for a quick look.
              The Dataset says so in its field `samples`
    learnt    only where `load` takes it, too: None, or the Dataset, without parts, that the train part was published
              with. Its ranges, classes, shapes and columns hold for every part: nothing is learnt again

A digest is asked for whenever a recipe is looked at, so what only `load` needs, numpy above all, ours
import inside it. One that is made of files, or of arrays in a file, also has `files` or `arrays`, which with the
arguments of `digest` give {name: sha256}: they say what changed, and are no part of any key. One of ours that finds
files of no part also has `left_out`, which gives how many.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple, Union

from octet.errors import DatasetError
from octet.quantization import Quantization, quantization

PARTS = ("train", "validation", "test")
ANSWERED = ("class", "labels", "class_map", "value")  # kinds of targets that have answers of their own
KINDS = ANSWERED + ("raw",)
EXTRA_KINDS = ("mask", "boxes", "keypoints", "array")


@dataclass(frozen=True)
class Input:
    """One input: codes 0..255 of shape [N, *shape] uint8, standing for reals in [low, high]."""

    shape: Tuple[int, ...]
    low: float
    high: float


@dataclass(frozen=True)
class Target:
    """What a network is to answer for each sample:

    'class'      one of `classes`: labels [N] int32
    'labels'     any number of `classes` at once: [N, C] uint8, 1 where the sample is of the class, else 0
    'class_map'  one of `classes` for each pixel: labels [N, H, W] int32, `shape` is (H, W)
    'value'      reals: [N, *shape] float32 (regression, reconstruction)
    'raw'        numbers of `shape` that have no answer of their own, such as a detector's grid of anchors. Only a loss
                 and metrics of the user's own know what they mean; they compare them with the dataset's extras.
                 The answers are empty: [N, 0] float32

    ignore: of a class map, the label of the pixels that are neither learnt nor measured; it is none of the classes'.
    columns: of values that were scaled by column, the (low, high) that became 0 and 1 in each; else empty.
    """

    kind: str
    classes: Sequence[str] = ()
    shape: Tuple[int, ...] = ()
    ignore: Optional[int] = None
    columns: Sequence[Tuple[float, float]] = ()

    @property
    def extent(self) -> Union[int, Tuple[int, ...]]:
        """What a model's `build` is told as `classes`: how many, or a value's shape."""
        return self.shape if self.kind in ("value", "raw") else len(self.classes)


@dataclass(frozen=True)
class Extra:
    """What is known of each sample and no output answers: only losses and metrics of the user's own read it.

    'mask'       [N, *shape] int32, `shape` is (H, W) of the input that is a picture
    'boxes'      [N, *shape] float32, `shape` is (n, 4): y0, x0, y1, x1 in pixels of the prepared input, whose upper
                 left corner is 0, 0. How many of the n boxes a sample has is in `extras` too, under the name with
                 '_count' at its end: [N] int32. The rest are padding. A box without area is none
    'keypoints'  [N, *shape] float32, `shape` is (n, 2): y, x in the same pixels
    'array'      [N, *shape] float32 or int32: anything

    placeless: of an array, whether it is the same wherever things are in the picture, as the classes of boxes are.
    Masks, boxes and keypoints move with the picture when training varies it.
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
    """What was read of one part.

    digest: what the dataset's `digest` gives for the content that was read. files: {path: sha256} of the files whose
    bytes were hashed as they were read."""

    digest: str
    files: Dict[str, str] = {}


COUNT = "_count"
"""What the name of an extra of boxes and this is called: how many boxes each sample has."""


@dataclass(frozen=True, eq=False)  # arrays have no single truth value to compare by
class Part:
    """Arrays of one part by name, all of one length N, as `Input` and `Target` say."""

    inputs: Dict[str, Any]
    targets: Dict[str, Any]
    extras: Dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        """The number of samples."""
        return len(next(iter(self.inputs.values())))


@dataclass(frozen=True, eq=False)
class Dataset:
    """Inputs, targets and parts by name; the parts are those of `PARTS`, or those that were asked for.

    notes: a sentence for each thing that whoever trains on the data has to know: what was left out, or taken otherwise
    than it lay there.
    samples: the most samples that were read of each part; None where all were.
    answers: {part: {target: array}}, where only some samples were read: all answers of the part, as far as they are
    known without decoding anything.
    extras: by name, what only losses and metrics of the user's own read.
    read: {part: what was read of it}, from a `load` that hashes each file as it reads it.
    left_out: {part: how many of its samples are left out because they could not be read}.
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
        """{part: array} of the answers to one target: all of the part's where they are known, else of its samples."""
        return {name: self.answers.get(name, {}).get(target, part.targets[target])
                for name, part in self.parts.items()}


def spread(classes: Sequence[Any], samples: int) -> List[int]:
    """The rows, in order, of at most so many samples: as many of each class as there are, as far as possible, and
    those of a class evenly over its rows. classes: the class of each row."""
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
    """`quantization(low, high)`; raises DatasetError for a range that is none."""
    try:
        return quantization(low, high)
    except ValueError as error:
        raise DatasetError(str(error), where, "The codes 0..255 stand for reals between them.",
                           "Set low and high to the range of the data.") from None


def arguments(section: Dict[str, Any], folder: Union[str, Path]) -> Dict[str, Any]:
    """What `load` and `digest` are called with: the recipe's `data.args`, a relative `path` in it
    taken from the recipe's folder, `~` from the user's. The recipe itself keeps it as written.
    Raises DatasetError for a number."""
    args = dict(section.get("args") or {})
    if isinstance(args.get("path"), (int, float)):
        raise DatasetError("it is {!r}, not a path".format(args["path"]), where="data.args.path",
                           why="the data is looked for there", next_step="give the path of a file or folder")
    if isinstance(args.get("path"), str):
        args["path"] = str(Path(folder) / Path(args["path"]).expanduser())
    return args
