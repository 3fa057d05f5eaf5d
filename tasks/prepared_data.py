"""Loads the dataset of a job from the artifacts of PrepareData."""

from pathlib import Path

from octet.data import prepared
from octet.data.dataset import PARTS, Dataset
from octet.job import Job

PREPARED = "PrepareData."


def load(job: Job) -> Dataset:
    """The dataset, with the parts that are inputs of the job. Its arrays are read-only and memory-mapped. Its classes
    have names only where the names are in the stage's key; else their numbers serve as names."""
    return prepared.read({part: Path(job.inputs[PREPARED + part]) for part in PARTS if PREPARED + part in job.inputs},
                         job.names)
