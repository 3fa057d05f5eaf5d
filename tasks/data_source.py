"""The dataset of a job, read from its source: what PrepareData and the checks of a recipe do."""

import dataclasses
from pathlib import Path

from octet import stamps
from octet.data.check import check
from octet.data.dataset import Dataset, arguments
from octet.errors import DatasetError
from octet.job import Job
from octet.lookup import DATASETS, is_member, load_attribute, source_file, told
from octet.recipe.signatures import expect
from tasks.source_guard import file_guard


def load(job: Job) -> Dataset:
    """The job's dataset, with the parts that the job names and no others: what a stage reads is what its key
    holds. Raises DatasetError for one that is not sound in all of its parts, or is written to meanwhile."""
    dataset = _whole(job.settings["data"], Path(job.recipe_folder))
    changed = stamps.changed(job.stamps, "data")
    if changed:
        raise DatasetError("the data changed while it was read", where=", ".join(changed),
                           why="both contents may be in what was read, so nothing is recorded",
                           next_step="run it again when the data is at rest")
    return dataclasses.replace(dataset, parts={part: dataset.parts[part] for part in job.parts})


def _whole(section: dict, folder: Path) -> Dataset:
    name, args = section["dataset"], arguments(section, folder)
    if is_member(name, DATASETS):
        function = load_attribute(name, DATASETS, "load", folder)
        expect(function, args, "data.args", DatasetError)
        return function(**args)  # checked where it was read
    with file_guard.loading(args.get("path"), str(folder)):
        return _users(name, args, folder)


def _users(name: str, args: dict, folder: Path) -> Dataset:
    function = load_attribute(name, DATASETS, "load", folder)
    expect(function, args, "data.args", DatasetError)
    source = source_file(name, DATASETS, folder)
    with told("{} could not be loaded".format(name), source, DatasetError, where="data.dataset",
              next_step="mend the function or data.args"):
        dataset = function(**args)
        if not isinstance(dataset, Dataset):
            raise DatasetError("{} gives {!r}, which is no Dataset".format(name, type(dataset).__name__),
                               where="data.dataset", why="a dataset is a function that returns one",
                               next_step="return octet.data.dataset.Dataset(inputs, targets, parts)")
        return check(dataset, name)
