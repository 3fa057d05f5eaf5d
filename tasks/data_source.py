"""Reads the dataset of a job from its source, for PrepareData and the checks of a recipe.

PrepareData compares the content that was read with the digest in its key (`stamp`, `load`, `expect_as_in_key`). Octet's
own datasets hash the data while they read it. A user's dataset is asked for its `digest` after its arrays were written;
equal file stamps before and after show that the digest belongs to the data that was read.
"""

import dataclasses
import inspect
import os
from pathlib import Path
from typing import Any, Callable, Dict, Optional, Sequence

from octet import digest, file_stamps
from octet.data import content_digests, crop, dataset_digest
from octet.data.check import check
from octet.data.dataset import Dataset, Read, arguments
from octet.errors import DataChanged, DatasetError
from octet.job import Job
from octet.lookup import DATASETS, is_member, load_attribute, source_file
from octet.recipe.signatures import expect
from octet.user_code import translated_errors
from tasks.source_guard import file_guard

MOST_NAMED = 5  # files in an error


def load(job: Job, samples: Optional[int] = None, learnt: Optional[Dataset] = None) -> Dataset:
    """The job's dataset, with exactly the parts that the job names: the stage's key covers no others.

    With `data.prepared_size`, the pictures are cropped (octet/data/crop.py).

    samples: the most samples of each part, where the dataset can read a subset; None for all. learnt: the published
    description of the train part; None to derive it from the data. Large arrays are allocated by octet.data.reading.
    Raises DatasetError for a dataset that is not sound, or that cannot be kept as `data.keep` says."""
    section = job.settings["data"]
    dataset_digest.expect_kept_as_said(section)
    dataset = _loaded(section, Path(job.recipe_folder), {
        "parts": tuple(job.parts), "samples": samples, "learnt": learnt and crop.uncropped(learnt)})
    dataset = dataclasses.replace(dataset, parts={part: dataset.parts[part] for part in job.parts})
    prepared = section.get("prepared_size")
    if prepared is None:
        return dataset
    size = section["args"]["size"]
    if list(prepared) == list(size):
        return dataset
    note = "pictures are prepared at {}x{}: training takes random crops of {}x{}, everything else the centre".format(
        *prepared, *size)
    return dataclasses.replace(crop.cropped(dataset, (prepared[0], prepared[1]), (size[0], size[1])),
                               notes=[*dataset.notes, note])


def stamp(job: Job) -> str:
    """The stamp of the files below a user's dataset's `path`, for `expect_as_in_key`; '' for Octet's own datasets and
    for a dataset without `path`. Raises DataChanged where a file disappears meanwhile."""
    section, folder = job.settings["data"], Path(job.recipe_folder)
    path = arguments(section, folder).get("path")
    if dataset_digest.is_ours(section["dataset"]) or not isinstance(path, str):
        return ""
    try:
        return file_stamps.of(path)
    except OSError:  # a file was removed after its folder was listed
        raise _changed([], section, folder) from None


def expect_as_in_key(job: Job, dataset: Dataset, before: str) -> None:
    """Raises DataChanged where the digest of the data that was read is not the one in `job.data`.

    dataset: the result of `load`; its arrays must have been read completely. before: the `stamp` before `load`."""
    section, folder = job.settings["data"], Path(job.recipe_folder)
    for part, expected in job.data.items():
        read = _read(dataset, section, folder, part)
        if read.digest != expected:
            raise _changed(digest.forget_others(read.files()), section, folder)
    if stamp(job) != before:
        raise _changed([], section, folder)


def _read(dataset: Dataset, section: Dict[str, Any], folder: Path, part: str) -> Read:
    """The digest and the files of the part that was read. For a user's dataset, its `digest` is computed now."""
    if not dataset_digest.is_ours(section["dataset"]):  # it may wrap one of Octet's, and have its own `digest`
        digest_now = dataset_digest.digest(section, folder, part)
        return dataset.read[part]._replace(digest=digest_now) if part in dataset.read else Read(digest_now)
    if part in dataset.read:
        return dataset.read[part]
    path = str(arguments(section, folder).get("path", ""))
    is_folder = os.path.isdir(path)  # of .npy files
    files = dict.fromkeys([os.path.join(path, name) for name in sorted(os.listdir(path))] if is_folder else [path], "")
    return Read(content_digests.of_part(dataset, part), files.copy if path else dict)


def _changed(files: Sequence[str], section: Dict[str, Any], folder: Path) -> DataChanged:
    """The error. files: the files that are known to differ from the snapshot."""
    where = ", ".join(sorted(files)[:MOST_NAMED]) or arguments(section, folder).get("path") or section["dataset"]
    return DataChanged("the data changed while it was read", where=str(where),
                       why="its content is not that of the snapshot of the data, so nothing is recorded",
                       next_step="run the command again when nothing writes to the data")


def _loaded(section: Dict[str, Any], folder: Path, options: Dict[str, Any]) -> Dataset:
    name, args = section["dataset"], arguments(section, folder)
    if is_member(name, DATASETS):
        function = load_attribute(name, DATASETS, "load", folder)
        expect(function, args, "data.args", DatasetError)
        dataset: Dataset = function(**args, **_accepted(function, args, options))  # Octet's datasets check themselves
        return dataset
    with file_guard.loading(args.get("path"), str(folder)):
        return _of_user(name, args, folder, options)


def _accepted(function: Callable[..., Any], args: Dict[str, Any], options: Dict[str, Any]) -> Dict[str, Any]:
    """The options that a `load` accepts (octet/data/dataset.py). None of them where it does not accept both `parts` and
    `samples`, or where the recipe sets one of the two: then these arguments have a meaning of the dataset's own."""
    try:
        takes = inspect.signature(function).parameters
    except (TypeError, ValueError):  # a function written in C, without a signature
        return {}
    if not {"parts", "samples"} <= set(takes) or {"parts", "samples"} & set(args):
        return {}
    return {name: value for name, value in options.items() if name in takes and name not in args}


def _of_user(name: str, args: Dict[str, Any], folder: Path, options: Dict[str, Any]) -> Dataset:
    """The dataset of a user's `load`, checked."""
    function = load_attribute(name, DATASETS, "load", folder)
    expect(function, args, "data.args", DatasetError)
    source = source_file(name, DATASETS, folder)
    accepted = _accepted(function, args, options)
    with translated_errors("{} could not be loaded".format(name), source, DatasetError, where="data.dataset",
                           next_step="correct the function or data.args"):
        dataset = function(**args, **accepted)
        if not isinstance(dataset, Dataset):
            raise DatasetError("{} returns {!r}, which is no Dataset".format(name, type(dataset).__name__),
                               where="data.dataset", why="data.dataset names a function that returns one",
                               next_step="return octet.data.dataset.Dataset(inputs, targets, parts)")
        _expect_samples(dataset, accepted, name)
        return check(dataset, name, accepted["parts"]) if accepted else check(dataset, name)


def _expect_samples(dataset: Dataset, accepted: Dict[str, Any], name: str) -> None:
    """Raises DatasetError where the dataset does not record the number of samples that was requested: a subset would be
    taken for all samples."""
    requested = accepted.get("samples")
    if dataset.samples != requested:
        raise DatasetError("{} returns a Dataset with samples={!r}".format(name, dataset.samples), where="data.dataset",
                           why="its `load` was given samples={!r}".format(requested),
                           next_step="return Dataset(..., samples=samples)")
