"""Your own pictures: a folder for each class

    path/{train,validation,test}/<class>/*.png

or, where `masks` names classes, a mask for each picture: an 8-bit PNG file of the same name, whose pixels (palette or
grey) are the indices of the classes:

    path/{train,validation,test}/images/street.jpg
    path/{train,validation,test}/masks/street.png

Without folders for the parts, `split: {validation: 0.1, test: 0.1}` takes the parts from the classes in path/<class>/.
A regular expression finds a picture's group or time in its file name: `split: {by: group, group: "(p[0-9]+)_"}`.
`listing.ENDINGS` has the supported formats.
"""

import hashlib
import itertools
import json
import os
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from octet import digest as digests
from octet.data import content_digests, listing
from octet.data import resize as resizing
from octet.data import split as splits
from octet.data.dataset import PARTS, Dataset, Input, Part, Read, Target, scale_of, spread
from octet.data.listing import Picture
from octet.errors import DatasetError

AT_ONCE = 1024  # names of files that are hashed at a time
MOST_PIXELS = 89478485  # of a picture; Pillow warns about larger ones


class Found(NamedTuple):
    """The pictures of a folder. pictures: {part: pictures}. notes: sentences about files that are not read, and about
    samples that were held out. left_out: the number of files that are not read."""

    pictures: Dict[str, List[Picture]]
    notes: List[str]
    left_out: int

    @property
    def classes(self) -> List[str]:
        """The names of the classes of all parts, sorted; a label is an index in them."""
        return sorted({picture.name for of_part in self.pictures.values() for picture in of_part})


def load(path: str, size: Sequence[int], channels: int = 3, low: float = 0.0, high: float = 1.0,
         split: Optional[Dict[str, Any]] = None, masks: Optional[Sequence[Any]] = None, ignore: Optional[int] = None,
         alpha: Optional[str] = None, bits: int = 16, skip_unreadable: bool = False,
         resize: Optional[Dict[str, Any]] = None, *,
         parts: Sequence[str] = PARTS, samples: Optional[int] = None) -> Dataset:
    """The input image [N, H, W, channels], uint8 codes of [low, high], rotated as its EXIF data says and resized to
    `size` [H, W]; the target label [N], an index in the sorted class folders, or mask [N, H, W], resized by nearest
    neighbour.

    split: how parts without a folder are taken from the training pictures (octet/data/split.py). ignore: the index of
    mask pixels that are neither trained nor measured. alpha: drop, white, black or keep (as an additional channel).
    bits: the number of bits used of 16-bit pictures. skip_unreadable: skip classes and pictures that cannot be read,
    and note it. resize: {method, antialias, fit} (octet/data/resize.py). parts, samples: the requested parts and number
    of samples (octet/data/dataset.py).
    Raises DatasetError.
    """
    import numpy as np

    from octet.data import masks as mask_files
    from octet.data import pictures
    from octet.data.check import check

    _check_args(path, size, channels, masks, ignore, alpha, bits)
    expect_resize(resize, masks is not None, ignore)
    found = _found(path, split, masks is not None, skip_unreadable)
    form = picture_form(size, channels, alpha, bits, resize)
    notes = list(found.notes)
    classes = found.classes
    index = {name: number for number, name in enumerate(classes)}
    read_parts, answers = {}, {}  # type: Dict[str, Part], Dict[str, Dict[str, Any]]
    read = {}  # type: Dict[str, Read]
    left_out = {}
    for part in parts:
        of_part = found.pictures[part]
        if samples is not None:
            if masks is None:
                answers[part] = {"label": np.array([index[picture.name] for picture in of_part], np.int32)}
            of_part = [of_part[row] for row in spread([picture.name for picture in of_part], samples)]
        images = pictures.decode_all(path, [picture.file for picture in of_part], form, skip_unreadable,
                                     "the {} pictures".format(part))
        notes.extend("{}: {}".format(part, words) for words in images.notes)
        whole, of_part = of_part, [of_part[place] for place in images.places]
        left_out[part] = len(whole) - len(of_part)
        of_masks = np.zeros(0, images.sha256.dtype)
        if masks is None:
            target = {"label": np.array([index[picture.name] for picture in of_part], np.int32)}
        else:
            places = np.asarray(images.places, np.int64)
            labels = mask_files.decode_all(
                path, [(picture.file, picture.mask) for picture in of_part], size, len(masks), ignore,
                "the {} masks".format(part), form.resize.fit, images.sha256[places])
            of_masks = np.zeros(len(whole), images.sha256.dtype)
            of_masks[places] = labels.sha256
            if samples is None:  # a mask whose picture was skipped was not read
                unread = np.setdiff1d(np.arange(len(whole)), places)
                of_masks[unread] = _contents(path, [whole[place].mask for place in unread])
            target = {"mask": labels.images}
        read_parts[part] = Part({"image": images.images}, target)
        if samples is None:
            as_read = _AsRead(path, whole, images.sha256, of_masks)
            read[part] = Read(_digest(as_read.hashes(), classes, size, channels, low, high, ignore, alpha, bits,
                                      resize), as_read.files)
    targets = {"label": Target("class", classes)} if masks is None else {
        "mask": Target("class_map", [str(name) for name in masks], (size[0], size[1]), ignore=ignore)}
    return check(Dataset(inputs={"image": Input(form.shape, low, high)}, targets=targets, parts=read_parts,
                         notes=tuple(notes), samples=samples, answers=answers, read=read, left_out=left_out), path,
                 parts)


def decodes_files(**args: Any) -> bool:
    """Whether each sample is decoded from a file of its own, with these arguments of `load`."""
    return True


def picture_form(size: Sequence[int], channels: int = 3, alpha: Optional[str] = None, bits: int = 16,
                 resize: Optional[Dict[str, Any]] = None, **others: Any) -> Any:
    """The form (pictures.Form) to which pictures are decoded with these arguments of `load`."""
    from octet.data import pictures

    return pictures.Form(size[0], size[1], channels + (alpha == "keep"), alpha, bits, resizing.settings(resize))


def expect_resize(resize: Optional[Dict[str, Any]], masked: bool, ignore: Optional[int]) -> None:
    """Raises DatasetError for an invalid argument `resize`, and for one that would need labels for padded pixels."""
    if resizing.settings(resize).fit == "pad" and masked and ignore is None:
        raise DatasetError("fit is 'pad', but no label is ignored", "data.args.resize.fit",
                           "The pixels that are added around a picture belong to no class.",
                           "Set ignore: 255 beside masks, or fit: crop.")


def digest(part: str, path: str, size: Sequence[int], channels: int = 3, low: float = 0.0, high: float = 1.0,
           split: Optional[Dict[str, Any]] = None, masks: Optional[Sequence[Any]] = None, ignore: Optional[int] = None,
           alpha: Optional[str] = None, bits: int = 16, skip_unreadable: bool = False,
           resize: Optional[Dict[str, Any]] = None) -> str:
    """The sha256 of the part's file names and contents, of the class names of all parts (labels are indices in them),
    and of the settings for decoding."""
    content_digests.known_part(part)
    _check_args(path, size, channels, masks, ignore, alpha, bits)
    expect_resize(resize, masks is not None, ignore)
    scale_of(low, high, path)
    found = _found(path, split, masks is not None, skip_unreadable)
    return _digest(_hashes(path, found.pictures[part]), found.classes, size, channels, low, high, ignore, alpha, bits,
                   resize)


def left_out(path: str, masks: Optional[Sequence[Any]] = None, split: Optional[Dict[str, Any]] = None,
             skip_unreadable: bool = False, **others: Any) -> int:
    """The number of files that belong to no part: in another format, or in no class. Hidden files do not count."""
    return _found(path, split, masks is not None, skip_unreadable).left_out


class _AsRead(NamedTuple):
    """The files of a part as they were read. sha256: of each picture; of_masks: of each mask, where there are masks."""

    path: str
    pictures: Sequence[Picture]
    sha256: Sequence[bytes]
    of_masks: Sequence[bytes]

    def hashes(self) -> Iterator[Tuple[str, str]]:
        """(file, its sha256) as `_hashes` gives them."""
        for place, picture in enumerate(self.pictures):
            yield picture.file, self.sha256[place].decode()
            if picture.mask:
                yield picture.mask, self.of_masks[place].decode()

    def files(self) -> Dict[str, str]:
        """{path: sha256} of all of them."""
        return {os.path.join(self.path, file): sha256 for file, sha256 in self.hashes()}


def _digest(hashes: Iterable[Tuple[str, str]], classes: Sequence[str], size: Sequence[int], channels: int, low: float,
            high: float, ignore: Optional[int], alpha: Optional[str], bits: int,
            resize: Optional[Dict[str, Any]]) -> str:
    """hashes: (name in the part, sha256) of each file."""
    hasher = hashlib.sha256(json.dumps([list(classes), list(size), channels, float(low), float(high), ignore, alpha,
                                        bits, resizing.settings(resize)]).encode())
    named = _in_part(hashes)
    for some in iter(lambda: list(itertools.islice(named, AT_ONCE)), []):
        hasher.update(json.dumps(some).encode())
    return hasher.hexdigest()


def files(part: str, path: str, size: Sequence[int], channels: int = 3, low: float = 0.0, high: float = 1.0,
          split: Optional[Dict[str, Any]] = None, masks: Optional[Sequence[Any]] = None, ignore: Optional[int] = None,
          alpha: Optional[str] = None, bits: int = 16, skip_unreadable: bool = False,
          resize: Optional[Dict[str, Any]] = None) -> Dict[str, str]:
    """{file: sha256} of the part's pictures and masks."""
    return dict(_in_part(_hashes(path, _found(path, split, masks is not None, skip_unreadable).pictures[part])))


def _hashes(path: str, of_part: Sequence[Picture]) -> Iterator[Tuple[str, str]]:
    """(file, its sha256) of the pictures and masks of a part."""
    files = [file for picture in of_part for file in (picture.file, picture.mask) if file]
    return zip(files, _contents(path, files))


def _in_part(hashes: Iterable[Tuple[str, str]]) -> Iterator[Tuple[str, str]]:
    """The same, with names that do not include the folder of the part: so a file's name is the same whether it is held
    out of train/ or lies in validation/."""
    for file, sha256 in hashes:
        first, _, rest = file.partition(os.sep)
        yield (rest if first in PARTS else file), sha256


def _contents(path: str, files: Sequence[str]) -> List[str]:
    return digests.cached_all((os.path.join(path, file) for file in files), "file", digests.of_file)


def _found(path: str, split: Optional[Dict[str, Any]], masked: bool, skip: bool) -> Found:
    """The pictures of each part. Parts without a folder are split off the training pictures."""
    wanted = splits.settings(split)
    held_out = [part for part in splits.HELD_OUT if getattr(wanted, part) is not None]
    listed = listing.of(path, masked, held_out, skip)
    missing = [part for part in held_out if part not in listed.parts]
    if not missing:
        return Found(listed.parts, listed.notes + splits.unused(wanted), listed.left_out)
    train = listed.parts["train"]
    place = splits.parts(wanted, missing, _contents(path, [picture.file for picture in train]),
                         [picture.name for picture in train], path,
                         splits.keys_in_names(wanted, [picture.file for picture in train], path))
    parts: Dict[str, Any] = {part: listed.parts.get(part) or [
        picture for picture, of in zip(train, place) if of == part] for part in PARTS if part != "train"}
    parts["train"] = [picture for picture, of in zip(train, place) if of == "train"]
    notes = ["held out of the training pictures by {}: {}".format(wanted.by, ", ".join(
        "{} of {} for {}".format(len(parts[part]), len(train), part) for part in missing))]
    return Found({part: parts[part] for part in PARTS}, listed.notes + notes, listed.left_out)


def _check_args(path: str, size: Sequence[int], channels: int, masks: Optional[Sequence[Any]], ignore: Optional[int],
                alpha: Optional[str], bits: int) -> None:
    expect_form(path, size, channels, alpha, bits)
    for wrong, what, step in (
            (masks is not None and not isinstance(masks, (list, tuple)), "masks is {!r}".format(masks),
             "List the class names in the order of their indices: [background, road]."),
            (ignore is not None and masks is None, "ignore is {!r}, but there are no masks".format(ignore),
             "Name the classes of the masks in `masks`, or leave ignore out."),
            (ignore is not None and masks is not None and not len(masks) <= ignore <= 255, "ignore is {!r}".format(
                ignore), "Use an index up to 255 that is no class; 255 is usual.")):
        if wrong:
            raise DatasetError(what, path, "It describes how masks are read.", step)


def expect_form(path: str, size: Sequence[int], channels: int, alpha: Optional[str], bits: int) -> None:
    """Raises DatasetError for invalid settings of the form to which pictures are decoded."""
    whole = len(size) == 2 and all(isinstance(n, int) and not isinstance(n, bool) and n > 0 for n in size)
    for wrong, what, step in (
            (not whole, "size is {}".format(size), "Use [height, width] in pixels."),
            (whole and size[0] * size[1] > MOST_PIXELS, "size is {}: {:.3g} pixels a picture".format(
                size, float(size[0]) * size[1] if whole else 0), "Use the size of the network's input, such as "
             "[224, 224]; at most {} pixels.".format(MOST_PIXELS)),
            (channels not in (1, 3), "channels is {}".format(channels),
             "Use 1 (grey) or 3 (RGB); `alpha: keep` adds one."),
            (alpha not in (None, "drop", "white", "black", "keep"), "alpha is {!r}".format(alpha),
             "Use one of: drop, white, black, keep."),
            (isinstance(bits, bool) or not 9 <= bits <= 16, "bits is {!r}".format(bits),
             "Use a number from 9 to 16, such as 12 for a camera of 12 bits.")):
        if wrong:
            raise DatasetError(what, path, "It describes how pictures are decoded.", step)
