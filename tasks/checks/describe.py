"""Describe: figures of a recipe's data, and a contact sheet of its pictures, as the network gets them.

In:  the recipe's data section; the setting `sheet`, the path of the PNG file to write, or null; the three parts that
     PrepareData published, if they exist. Otherwise, the data is read from its source.
Out: the contact sheet; as metrics, the figures of octet/data/description.py, and whether there is a sheet.
Fails with DatasetError when the data is not valid, with StoreError when the sheet cannot be written.
"""

import os
from contextlib import suppress
from typing import Any, Dict

from octet.data import contact_sheet, description, reading
from octet.data.dataset import Dataset
from octet.errors import StoreError
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
        _save(drawn, job.settings["sheet"])
    return {**description.of(dataset), "left_out": sum(dataset.left_out.values()), "sheet": drawn is not None}


def _save(drawn: Any, path: str) -> None:
    """Writes `drawn`, a PIL.Image.Image, as PNG. An existing file is replaced atomically."""
    beside = "{}.{}.tmp".format(path, os.getpid())
    try:
        drawn.save(beside, "PNG")
        os.replace(beside, path)
    except OSError as error:
        with suppress(OSError):
            os.unlink(beside)
        raise StoreError("the contact sheet cannot be written: {}".format(error.strerror or error), where=path, why="",
                         next_step="choose another path: octet data RECIPE --sheet FILE") from error
