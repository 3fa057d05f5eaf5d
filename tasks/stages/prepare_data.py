"""PrepareData: one part of the dataset, decoded and checked once, as arrays that later stages map into memory.

In:  the recipe's data section and what it names; PrepareData.train's spec.json, for every other part.
Out: spec.json, what there is; input_*.npy, codes; target_*.npy, answers (see octet/data/prepared.py).
Fails with DatasetError when the data is not sound, or is not what the training part was taken from.
"""

from octet.data import prepared
from octet.errors import DatasetError
from octet.job import Job, Progress
from tasks import data_source

TRAIN = "PrepareData.train"


def run(job: Job, progress: Progress) -> dict:
    part, = job.parts
    progress(0.0, "reading the data")
    dataset = data_source.load(job)
    prepared.write(job.out, dataset, part)
    if TRAIN in job.inputs and not prepared.alike(job.out, job.input(TRAIN)):
        raise DatasetError(
            "the {} part has other inputs, targets or classes than the train part".format(part), where="data",
            why="the train part was read from the data as it was before; the data has changed since",
            next_step="run it again when the data is at rest")
    return {"samples": len(dataset.parts[part])}
