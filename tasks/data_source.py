"""The dataset of a job, read from its source: what PrepareData and the checks of a recipe do."""

import dataclasses
import inspect
from pathlib import Path
from typing import Any, Callable, Dict, Optional

from octet import stamps
from octet.data.check import check
from octet.data.dataset import Dataset, arguments
from octet.errors import DatasetError
from octet.job import Job
from octet.lookup import DATASETS, is_member, load_attribute, source_file
from octet.recipe.signatures import expect
from octet.user_code import translated_errors
from tasks.source_guard import file_guard


def load(job: Job, samples: Optional[int] = None, learnt: Optional[Dataset] = None) -> Dataset:
    """The job's dataset, with the parts that the job names and no others: what a stage reads is what its key holds.

    samples: at most so many of each part, where the dataset can read so few; all where it is None. learnt: what the
    train part was published with; None where it is learnt here. Large arrays lie
    where `reading.into` says so. Raises DatasetError for a dataset that is not
    sound, or is written to meanwhile."""
    dataset = _loaded(job.settings["data"], Path(job.recipe_folder), {
        "parts": tuple(job.parts), "samples": samples, "learnt": learnt})
    changed = stamps.changed(job.stamps, "data")
    if changed:
        raise DatasetError("the data changed while it was read", where=", ".join(changed),
                           why="both contents may be in what was read, so nothing is recorded",
                           next_step="run it again when the data is at rest")
    return dataclasses.replace(dataset, parts={part: dataset.parts[part] for part in job.parts})


def _loaded(section: dict, folder: Path, wanted: Dict[str, Any]) -> Dataset:
    name, args = section["dataset"], arguments(section, folder)
    if is_member(name, DATASETS):
        function = load_attribute(name, DATASETS, "load", folder)
        expect(function, args, "data.args", DatasetError)
        return function(**args, **_taken(function, args, wanted))  # checked where it was read
    with file_guard.loading(args.get("path"), str(folder)):
        return _users(name, args, folder, wanted)


def _taken(function: Callable, args: Dict[str, Any], wanted: Dict[str, Any]) -> Dict[str, Any]:
    """Those of `wanted` that a `load` takes, as octet/data/dataset.py says; none where it takes not both `parts` and
    `samples`, or the recipe gives one of them, which is then the user's own."""
    try:
        takes = inspect.signature(function).parameters
    except (TypeError, ValueError):  # one that is written in C and says nothing
        return {}
    if not {"parts", "samples"} <= set(takes) or {"parts", "samples"} & set(args):
        return {}
    return {name: value for name, value in wanted.items() if name in takes and name not in args}


def _users(name: str, args: dict, folder: Path, wanted: Dict[str, Any]) -> Dataset:
    function = load_attribute(name, DATASETS, "load", folder)
    expect(function, args, "data.args", DatasetError)
    source = source_file(name, DATASETS, folder)
    given = _taken(function, args, wanted)
    with translated_errors("{} could not be loaded".format(name), source, DatasetError, where="data.dataset",
                           next_step="mend the function or data.args"):
        dataset = function(**args, **given)
        if not isinstance(dataset, Dataset):
            raise DatasetError("{} gives {!r}, which is no Dataset".format(name, type(dataset).__name__),
                               where="data.dataset", why="a dataset is a function that returns one",
                               next_step="return octet.data.dataset.Dataset(inputs, targets, parts)")
        _expect_said(dataset, given, name)
        return check(dataset, name, given["parts"]) if given else check(dataset, name)


def _expect_said(dataset: Dataset, given: Dict[str, Any], name: str) -> None:
    """Raises DatasetError where a dataset has not as many samples as it says: nobody would know that some are left
    out."""
    asked = given.get("samples")
    if dataset.samples != asked:
        raise DatasetError("{} says samples: {!r}".format(name, dataset.samples), where="data.dataset",
                           why="its `load` was given samples={!r}".format(asked),
                           next_step="return Dataset(..., samples=samples)")
