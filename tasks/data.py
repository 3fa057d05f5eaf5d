"""The dataset that a job names."""

from pathlib import Path

from octet.datasets.dataset import Dataset
from octet.job import Job
from octet.resolve import load_attribute


def load(job: Job) -> Dataset:
    """The job's dataset, all parts. A relative `path` argument starts at the recipe's folder."""
    section = job.section("data")
    function = load_attribute(section.dataset, "octet.datasets", "load", Path(job.recipe_folder))
    args = dict(section.args)
    if "path" in args:
        args["path"] = str(Path(job.recipe_folder) / args["path"])
    return function(**args)
