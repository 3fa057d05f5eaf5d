"""Lists a folder of pictures: the files of each part, and the files that are not read. It opens no picture.

    path/{train,validation,test}/<class>/*.png      classes
    path/<class>/*.png                              classes, if `split` gives the share of the test part
    path/{train,validation,test}/images/street.jpg  masks
    path/{train,validation,test}/masks/street.png
"""

import os
import stat
import unicodedata
from typing import Dict, Iterable, List, NamedTuple, Sequence

from octet import regular_file
from octet.data.dataset import PARTS
from octet.errors import DatasetError
from octet.suggestions import some

LOSSLESS = (".png", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm")
ENDINGS = (".jpg", ".jpeg", ".jfif", ".webp", ".heic", ".heif") + LOSSLESS
# Formats that cannot be read. A user expects these files to be used, so skipping one loses data.
OTHER_PICTURES = (".avif", ".jp2", ".j2k", ".jxl", ".dng", ".cr2", ".nef", ".arw", ".raw", ".psd",
                  ".svg", ".dcm", ".exr", ".hdr", ".tga", ".ico", ".npy", ".npz")
MOST_COUNTED = 100_000  # files in folders that are not read
MEANT = {"val": "validation", "valid": "validation", "validate": "validation", "dev": "validation",
         "eval": "validation", "training": "train", "testing": "test", "tests": "test"}


def meant(name: str) -> str:
    """The part that people mean by a name, such as validation for Val; the name in lower case for any other name."""
    return MEANT.get(name.lower(), name.lower())


class Picture(NamedTuple):
    """The files of one sample, relative to the dataset's folder. name: its class, or ''. mask: its mask, or ''."""

    file: str
    name: str = ""
    mask: str = ""


class Listing(NamedTuple):
    """parts: {part: its pictures}; if the folders of the classes are in `path` itself, all pictures are in 'train'.
    notes: sentences about files that are not read. left_out: the number of these files, without hidden ones."""

    parts: Dict[str, List[Picture]]
    notes: List[str]
    left_out: int


def of(path: str, masked: bool, split_off: Sequence[str], skip_unreadable: bool) -> Listing:
    """The pictures in `path`. split_off: the parts that may be missing. skip_unreadable: whether there is only a note
    about a class without pictures, a picture in an unsupported format, or a picture that is no regular file. Otherwise,
    each of these raises DatasetError."""
    if not os.path.isdir(path):
        kind = regular_file.kind(path) or ("a file" if regular_file.is_there(path) else "")
        raise DatasetError("it is {}, not a folder".format(kind) if kind else "no such folder", path,
                           "The dataset is read from it.",
                           "Check data.args.path in the recipe.")
    losses = Losses(path, skip_unreadable)
    names = {name: os.path.isdir(os.path.join(path, name)) for name in _names(path)}
    _expect_meant(path, names, losses)
    find = _with_masks if masked else _in_classes
    unsplit = "test" in split_off and not any(names.get(part) for part in PARTS)
    pictures = {"train": find(path, "", losses)} if unsplit else {
        part: find(path, part, losses) for part in PARTS if names.get(part)}
    if not unsplit:
        losses.note_files("", [name for name, folder in names.items() if not folder])
        others = [name for name, folder in names.items() if folder and name not in PARTS and name[0] != "."]
        if others and pictures:
            losses.count += sum(losses.pictures_below(os.path.join(path, name)) for name in others)
            losses.notes.append("not read, because they are no parts: {}".format(
                ", ".join(name + "/" for name in others)))
    for part in PARTS:
        if not pictures.get(part) and not (part in split_off and pictures.get("train") and part not in pictures):
            raise _no_pictures(path, part, masked, [name for name, folder in names.items() if folder])
    return Listing(pictures, losses.notes + losses.others(), losses.count)


class Losses:
    """Collects the files that are not read: as sentences in `notes`, or as a DatasetError for files that a user expects
    to be read. count: the number of these files, without hidden ones."""

    def __init__(self, path: str, skip: bool) -> None:
        self.path, self.skip = path, skip
        self.notes = []  # type: List[str]
        self.count = 0
        self._others = {}  # type: Dict[str, Dict[str, List[str]]]
        self._counted_files = 0

    def lose(self, what: str, why: str, next_step: str, files: int = 1) -> None:
        """Notes a picture or a class that cannot be read, or raises DatasetError. files: the number of lost files."""
        if not self.skip:
            raise DatasetError(what, self.path, why,
                               next_step + ", or write skip_unreadable: true in data.args to continue without it.")
        self.count += files
        self.notes.append("skipped: {}".format(what))

    def note_files(self, folder: str, names: Iterable[str]) -> None:
        """Notes files that are no pictures, by their endings. Pictures in an unsupported format go to `lose`."""
        ending_of = {name: "hidden" if name[0] == "." else os.path.splitext(name)[1].lower() or "no ending"
                     for name in names}
        lost = [name for name, ending in ending_of.items() if ending in OTHER_PICTURES]
        if lost:
            self.lose("{} files in {}/ have a format that is not supported: {}".format(
                len(lost), folder or ".", some(lost)), "Supported formats: {}.".format(" ".join(sorted(ENDINGS))),
                "Save them as PNG or JPEG", len(lost))
        for name, ending in ending_of.items():
            if name not in lost:
                self.count += ending != "hidden"
                self._others.setdefault(folder.split(os.sep)[0], {}).setdefault(ending, []).append(
                    os.path.join(folder, name))

    def pictures_below(self, folder: str) -> int:
        """The number of pictures below a folder that is not read. Counting ends after MOST_COUNTED files of all such
        folders together, because `path` may be the root of a disk."""
        pictures = 0
        for _, _, names in os.walk(folder):
            if self._counted_files > MOST_COUNTED:
                break
            self._counted_files += 1 + len(names)
            pictures += sum(name.lower().endswith(ENDINGS) for name in names)
        return pictures

    def counted(self, folder: str) -> str:
        """`pictures_below` in words. Also adds the pictures to `count`."""
        pictures = self.pictures_below(folder)
        self.count += pictures
        return "{}{}".format("at least " if self._counted_files > MOST_COUNTED else "", pictures)

    def others(self) -> List[str]:
        """A sentence for each part or class with files that are no pictures: the number of each ending, an example."""
        return ["not read in {}/: {}".format(folder or ".", ", ".join("{} {} ({})".format(
            len(files), ending, files[0]) for ending, files in sorted(endings.items())))
            for folder, endings in sorted(self._others.items())]


def _names(folder: str) -> List[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError as error:
        raise DatasetError("the folder cannot be read: {}".format(error.strerror), folder,
                           "Its pictures are part of the dataset.", "Correct its permissions, or remove it.") from None


def _expect_meant(path: str, names: Dict[str, bool], losses: Losses) -> None:
    """Reports a folder whose name is close to that of a missing part, such as `val`."""
    for name, folder in names.items():
        part = meant(name)
        if folder and part in PARTS and name != part and not names.get(part):
            losses.lose("the folder {}/ is not read: did you mean {}/?".format(name, part),
                        "The parts are called {}.".format(", ".join(PARTS)),
                        "Rename it, or move it elsewhere", losses.pictures_below(os.path.join(losses.path, name)))


def _no_pictures(path: str, part: str, masked: bool, folders: List[str]) -> DatasetError:
    here = [name for name in folders if name not in PARTS and name[0] != "."]
    return DatasetError(
        "no pictures in {}/".format(part), path,
        "Pictures are expected in {}/{}/*{}.{}".format(
            part, "images" if masked else "<class>", ", *".join(ENDINGS),
            "" if not here else " The folders there are {}.".format(some(here))),
        "Put the {} pictures there{}.".format(part, "" if masked else ", in one folder for each class") + (
            "" if masked or not here or any(name in PARTS for name in folders) else
            " If those folders are classes, write split: {validation: 0.1, test: 0.1} in data.args."))


def _in_classes(path: str, part: str, losses: Losses) -> List[Picture]:
    pictures: List[Picture] = []
    beside = []
    for name in _names(os.path.join(path, part)):
        folder = os.path.join(part, name)
        if not os.path.isdir(os.path.join(path, folder)):
            beside.append(name)
        elif name[0] != ".":
            files = _pictures(path, folder, losses)
            if not files:
                losses.lose("the class '{}' has no picture in {}/".format(name, folder),
                            "It contains {}.".format(_contents(os.path.join(path, folder))),
                            "Put pictures there, remove the folder", 0)
            pictures.extend(Picture(os.path.join(folder, file), name=name) for file in files)
    lost = [name for name in beside if name.lower().endswith(ENDINGS) and name[0] != "."]
    if lost:
        losses.count += len(lost)
        losses.notes.append("not read in {}/, because they are in no folder of a class: {} pictures ({})".format(
            part or ".", len(lost), some(lost)))
    losses.note_files(part, [name for name in beside if name not in lost])
    return pictures


def _contents(folder: str) -> str:
    names = _names(folder)
    return "nothing" if not names else some(names)


def _pictures(path: str, folder: str, losses: Losses, endings: Sequence[str] = ENDINGS) -> List[str]:
    """The sorted names of the pictures in a folder. Other files go to `losses`."""
    pictures, others = [], []
    try:
        names = sorted(os.listdir(os.path.join(path, folder)))
    except OSError as error:
        losses.lose("{}/ cannot be read: {}".format(folder, error.strerror), "Its pictures are part of the dataset.",
                    "Correct its permissions, remove it", 0)
        names = []
    for name in names:
        file = os.path.join(path, folder, name)
        try:
            mode = os.stat(file).st_mode
        except OSError as error:
            losses.lose("{} cannot be read: {}".format(os.path.join(folder, name), error.strerror),
                        "Every picture of a part is used.", "Correct or remove it")
            continue
        if stat.S_ISDIR(mode):
            if name[0] != ".":
                losses.notes.append("not read: the folder {}/ inside a class, with {} pictures".format(
                    os.path.join(folder, name), losses.counted(file)))
        elif not name.lower().endswith(tuple(endings)) or name[0] == ".":
            others.append(name)
        elif not stat.S_ISREG(mode):
            losses.lose("{} is no regular file but {}".format(os.path.join(folder, name), _file_type(mode)),
                        "Opening it could wait forever.", "Remove it")
        else:
            pictures.append(name)
    losses.note_files(folder, others)
    return pictures


def _file_type(mode: int) -> str:
    return ("a named pipe" if stat.S_ISFIFO(mode) else "a socket" if stat.S_ISSOCK(mode) else "a device")


def _with_masks(path: str, part: str, losses: Losses) -> List[Picture]:
    folders = {name: os.path.join(part, name) for name in ("images", "masks")}
    files = {name: _pictures(path, folder, losses) if os.path.isdir(os.path.join(path, folder)) else []
             for name, folder in folders.items()}
    losses.note_files(part, [name for name in _names(os.path.join(path, part)) if name not in folders])
    lossy = [name for name in files["masks"] if not name.lower().endswith(LOSSLESS)]
    if lossy:
        raise DatasetError("{} is a mask in a lossy format".format(os.path.join(folders["masks"], lossy[0])), path,
                           "Lossy compression changes the indices in its pixels.", "Save masks as 8-bit PNG.")
    masks = {}  # type: Dict[str, str]
    for file in files["masks"]:
        stem = os.path.splitext(file)[0]
        if stem in masks:
            raise DatasetError("{} and {} are two masks with the same name in {}/".format(
                masks[stem], file, folders["masks"]), path, "A picture has one mask.", "Remove one of them.")
        masks[stem] = file
    stems = {os.path.splitext(file)[0] for file in files["images"]}
    for mine, other, alone in (
            ("images", "masks", [file for file in files["images"] if os.path.splitext(file)[0] not in masks]),
            ("masks", "images", [file for stem, file in masks.items() if stem not in stems])):
        if alone:
            raise DatasetError(
                "{} has no file with its name in {}/".format(os.path.join(folders[mine], alone[0]), folders[other]),
                path, "A picture and its mask have the same name: street.jpg and street.png.",
                "Add that file, or remove this one{}.".format(
                    "" if len(alone) == 1 else "; {} more files are alone".format(len(alone) - 1)))
    return [Picture(os.path.join(folders["images"], file),
                    mask=os.path.join(folders["masks"], masks[os.path.splitext(file)[0]]))
            for file in files["images"]]


def alike(names: Iterable[str]) -> List[str]:
    """A sentence for each group of class names that differ only in case, spaces, Unicode form or the notation of a
    number."""
    same = {}  # type: Dict[str, List[str]]
    for name in sorted(set(names)):
        plain = unicodedata.normalize("NFKC", name).casefold().strip()
        try:
            plain = repr(float(plain))
        except ValueError:
            pass
        same.setdefault(plain, []).append(name)
    return ["{} are different classes with almost the same name".format(" and ".join(map(repr, group)))
            for group in same.values() if len(group) > 1]
