"""The dataset of a job, as PrepareData has published it."""

from pathlib import Path

from octet.data import prepared
from octet.data.dataset import Dataset
from octet.job import Job

PREPARED = "PrepareData."


def load(job: Job) -> Dataset:
    """The parts of the dataset that the job has among its inputs. Their arrays are read-only and mapped into memory."""
    return prepared.read({stage[len(PREPARED):]: Path(folder) for stage, folder in job.inputs.items()
                          if stage.startswith(PREPARED)})
