"""The dataset that a job names."""

from pathlib import Path

from octet.datasets.dataset import Dataset, arguments
from octet.job import Job
from octet.resolve import load_attribute


def load(job: Job) -> Dataset:
    """The job's dataset, all parts."""
    section, folder = job.settings["data"], Path(job.recipe_folder)
    function = load_attribute(section["dataset"], "octet.datasets", "load", folder)
    return function(**arguments(section, folder))
