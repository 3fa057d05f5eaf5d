"""Describe: what a recipe's data is, as the network is given it.

In:  the recipe's data section; the setting `sheet`, the path of a PNG to write, or null; the three parts as PrepareData
     published them, where they are there: else the data is read from its source.
Out: the contact sheet; as metrics, what octet/data/description.py says, and whether there is a sheet.
Fails with DatasetError when the data is not sound.
"""

from typing import Any, Dict

from octet.data import contact_sheet, description, reading
from octet.data.dataset import Dataset
from octet.job import Job, Progress
from tasks import data_source, prepared_data


def run(job: Job, progress: Progress) -> Dict[str, Any]:
    if job.inputs:
        return _described(job, prepared_data.load(job), progress)
    progress(0.0, "reading the data")
    with reading.into(str(job.out), progress):
        return _described(job, data_source.load(job), progress)


def _described(job: Job, dataset: Dataset, progress: Progress) -> Dict[str, Any]:
    progress(0.99, "comparing the parts")
    drawn = contact_sheet.draw(dataset) if job.settings["sheet"] else None
    if drawn is not None:
        drawn.save(job.settings["sheet"], "PNG")
    return {**description.of(dataset), "sheet": drawn is not None}
