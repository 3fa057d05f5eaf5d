"""Recognizes data that are stored in a way that Octet does not read, and says how to store them instead."""

import collections
import itertools
import os
import re
from typing import Iterator, List, Tuple

from octet.data import listing, table_file
from octet.data.dataset import PARTS
from octet.errors import DatasetError
from octet.suggestions import some

MOST_FILES = 20_000  # that are looked at below a folder
MOST_FOLDERS = 2_000  # likewise
IMAGES = {"images", "image", "img", "imgs", "jpegimages"}
MASKS = {"masks", "mask", "labels", "annotations"}
BOXES = (".txt", ".xml", ".json")
SOUNDS = (".wav", ".flac", ".mp3", ".ogg", ".m4a")
NOT_SAMPLES = {"__MACOSX"}  # the folder in which macOS puts attributes of files into archives

AS_ARRAYS = "numpy.savez('data.npz', x=inputs, y=labels)"
SPECTROGRAMS = "Compute a spectrogram of each sound, and save them [N, time, frequency, 1] with {}.".format(AS_ARRAYS)
OF_ENDING = [
    ((".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar"), "an archive",
     "Unpack it, and give the path of the folder."),
    ((".h5", ".hdf5"), "an HDF5 file",
     "Save its arrays: f = h5py.File(path, 'r'); numpy.savez('data.npz', x=f['x'][:], y=f['y'][:])."),
    ((".pkl", ".pickle"), "a pickle, which could run any code",
     "If you trust it and it holds a dict of arrays, save them: "
     "numpy.savez('data.npz', **numpy.load(path, allow_pickle=True))."),
    ((".mat",), "a MATLAB file",
     "Save its arrays: m = scipy.io.loadmat(path); numpy.savez('data.npz', x=m['x'], y=m['y'])."),
    ((".xlsx", ".xls", ".ods"), "a spreadsheet", "Save the sheet as CSV in UTF-8."),
    ((".txt", ".data", ".dat"), "a text of unknown form",
     "Save it as CSV, whose first line has the names of the columns."),
    ((".json", ".jsonl", ".xml"), "a file of annotations",
     "Write the labels into a .csv table, with a column of picture files and a column named label. Boxes need a "
     "dataset of your own: docs/data.md."),
    (SOUNDS, "a sound", SPECTROGRAMS),
    ((".npy",), "one array", "Give the path of the folder with the inputs, x.npy, and the targets, y.npy."),
    (listing.ENDINGS, "one picture", "Give the path of the folder with all pictures."),
]
"""[(endings, what such a file is, the next step)]."""


def expect_known_file(path: str) -> None:
    """Raises DatasetError for an existing file of a known kind that Octet does not read."""
    for endings, what, next_step in OF_ENDING if os.path.isfile(path) else ():
        if path.lower().endswith(endings):
            raise DatasetError("it is {}".format(what), path, "Octet reads pictures in folders, .npz, .npy, TFRecord, "
                               ".csv, .tsv and .parquet.", next_step)


def expect_known_folder(path: str) -> None:
    """Raises DatasetError for a folder that has no masks in train/masks/ and no pictures in folders of classes."""
    folders, files = _content(path)
    if not folders and not files:
        raise DatasetError("the folder is empty", path, "It should contain the data.",
                           "Put pictures there, in a folder for each class.")
    base = next((part for part in PARTS if part in folders), "")
    for place in dict.fromkeys((base, "")):
        _expect_no_pair(os.path.join(path, place))
    for name in folders:
        part = listing.meant(name)
        if part in PARTS and part not in folders and (base or "train" in map(listing.meant, folders)):
            raise DatasetError("the folder {}/ would not be read".format(name), path,
                               "The parts are called {}.".format(", ".join(PARTS)), "Rename it to {}.".format(part))
    place = os.path.join(path, base)
    classes, files_there = _content(place)
    pictures = [name for name in files_there if name.lower().endswith(listing.ENDINGS)]
    with_pictures = [name for name in classes[:2] if _has_pictures(os.path.join(place, name))] or [
        name for name in classes if _has_pictures(os.path.join(place, name))]
    if len(with_pictures) < 2:
        _expect_no_table(path, files, pictures or with_pictures)
    if not classes and pictures:
        raise _flat(place, pictures)
    if not with_pictures:
        _expect_pictures_below(path, place, classes)
    elif len(classes) == 1:
        raise DatasetError("there is one class, {}".format(classes[0]), place, "A classifier tells two or more apart.",
                           "Put the pictures of another class into a folder beside {}/.".format(classes[0]))


def _content(folder: str) -> Tuple[List[str], List[str]]:
    """(the folders, the other files) in a folder, sorted, without hidden ones."""
    try:
        entries = sorted((entry.name, entry.is_dir()) for entry in os.scandir(folder)
                         if entry.name[0] != "." and entry.name not in NOT_SAMPLES)
    except OSError as error:
        raise DatasetError("the folder cannot be read: {}".format(error.strerror), folder,
                           "The dataset is read from it.", "Correct its permissions.") from None
    return [name for name, is_folder in entries if is_folder], [name for name, is_folder in entries if not is_folder]


def _files_below(folder: str) -> Iterator[Tuple[str, str]]:
    """(the folder relative to `folder`, the name) of files, without hidden ones; of large folders, the first ones."""
    walked = itertools.islice(os.walk(folder), MOST_FOLDERS)
    return itertools.islice(((os.path.relpath(below, folder), name) for below, _, names in walked
                             for name in sorted(names) if name[0] != "."), MOST_FILES)


def _has_pictures(folder: str) -> bool:
    try:
        return any(entry.name.lower().endswith(listing.ENDINGS) and entry.name[0] != "."
                   for entry in os.scandir(folder))
    except OSError:
        return False


def _expect_no_pair(folder: str) -> None:
    """Raises DatasetError for folders of pictures and of masks or boxes, which would be read as classes."""
    names = _content(folder)[0]
    images = next((name for name in names if name.lower() in IMAGES), None)
    for other in (name for name in names if name.lower() in MASKS):
        below = list(_files_below(os.path.join(folder, other)))
        masks = next((place for place, name in below if name.lower().endswith(listing.ENDINGS)), None)
        if masks is None and any(name.lower().endswith(BOXES) for _, name in below):
            raise DatasetError(
                "{}/ has {} files, as of boxes, and no pictures".format(other, next(
                    os.path.splitext(name)[1] for _, name in below if name.lower().endswith(BOXES))), folder,
                "Boxes are not read from files.",
                "Write a dataset of your own, as docs/data.md describes, whose extras are the boxes.")
        if images and (masks is not None or not below):
            raise DatasetError("it has folders of pictures, {}/, and of masks, {}/".format(
                images, os.path.normpath(os.path.join(other, masks or "."))), folder,
                "They are no classes. Pictures are read from train/images/, and masks from train/masks/.",
                "Move them there; the other parts can be held out of train/.")


def _expect_no_table(path: str, files: List[str], pictures: List[str]) -> None:
    tables = [name for name in files if name.lower().endswith(table_file.ENDINGS)]
    likely = [name for name in tables if "label" in name.lower() or "train" in name.lower()] or tables
    if tables:
        raise DatasetError("its pictures are in no folders of classes" if pictures else "it has no pictures", path,
                           "It has {}, which may hold the labels.".format(some(likely)),
                           "Give the path of the table: octet new {}".format(os.path.join(path, likely[0])))


def _flat(folder: str, pictures: List[str]) -> DatasetError:
    """The error for pictures in no folder of a class."""
    numbered = [re.fullmatch(r"(.*?[^\W\d].*?)[\s._-]*\(?\d+\)?", os.path.splitext(name)[0]) for name in pictures]
    prefixes = sorted({match.group(1) for match in numbered if match})
    if all(numbered) and 2 <= len(prefixes) <= len(pictures) // 2:
        return DatasetError("its {} pictures are in no folders of classes".format(len(pictures)), folder,
                            "Their names begin with {}.".format(some(prefixes)),
                            "If these are the classes, move each picture into a folder of its class: {}.".format(
                                "{}/{}".format(numbered[0].group(1), pictures[0]) if numbered[0] else ""))
    return DatasetError("its {} pictures are in no folders of classes".format(len(pictures)), folder,
                        "The class of a picture is the name of its folder.",
                        "Move them into a folder for each class, or write a .csv table with the columns file and "
                        "label.")


def _expect_pictures_below(path: str, place: str, classes: List[str]) -> None:
    """Raises DatasetError if no picture is below the folder, or if it is deeper than in a folder of a class."""
    below = list(_files_below(place))
    deep = [folder for folder, name in below if name.lower().endswith(listing.ENDINGS)]
    inside = [name for name in classes if len(_content(os.path.join(place, name))[0]) >= 2]
    if deep and len(classes) == 1 and inside:
        raise DatasetError("its only folder is {}/, which contains folders".format(classes[0]), path,
                           "They may be the classes or the parts.",
                           "Give its path: octet new {}".format(os.path.join(place, classes[0])))
    if deep or not below:
        return
    counts = collections.Counter(os.path.splitext(name)[1].lower() for _, name in below)
    found = ", ".join("{} {}".format(count, ending) if ending else "{} without an ending".format(count)
                      for ending, count in counts.most_common(5))
    sounds = any(counts[ending] for ending in SOUNDS)
    raise DatasetError("it has no pictures", path, "It has {}: {}.".format(
        found, some([name for _, name in below])), SPECTROGRAMS if sounds
                       else "Save the samples as pictures, in a folder for each class, or with {}.".format(AS_ARRAYS))
