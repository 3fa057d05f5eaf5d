"""PrepareData: decodes and checks one part of the dataset, once; later stages map its arrays into memory.

In:  the recipe's data section and what it names; PrepareData.train's spec.json and names.json, for every other part:
     what is learnt from the train part (ranges, classes) is not learnt again.
Out: spec.json, what there is; names.json, what the classes are called; input_*.npy, codes; target_*.npy, answers;
     extra_*.npy, of a dataset that has extras (see octet/data/prepared.py). Decoded files lie in shards, in place of
     input_0.npy: those that earlier artifacts have are taken from there (octet/data/shards.py). With `keep: encoded`
     the shards hold the bytes of the files, which later stages decode when they read them. As metrics, how many
     samples, how many of them were decoded, and what the dataset says that a person should know of its reading: files
     that are left out, samples that are held out.
Fails with DatasetError when the part is not sound, or is not what the training part was taken from; with DataChanged
when what was read is not what the key says.
"""

from typing import Any, Dict

from octet.data import dataset_digest, prepared, reading
from octet.data.shard_writer import ShardWriter
from octet.errors import DatasetError
from octet.job import Job, Progress
from tasks import data_source

TRAIN = "PrepareData.train"


def run(job: Job, progress: Progress) -> Dict[str, Any]:
    part, = job.parts
    learnt = prepared.learnt(job.input(TRAIN)) if TRAIN in job.inputs else None
    before = data_source.stamp(job)
    # A user's dataset may compute with its arrays, so they are plain ones.
    name = job.settings["data"]["dataset"]
    ours = dataset_digest.is_ours(name)
    encoded = job.settings["data"].get("keep") == "encoded"
    shards = ShardWriter(job.out, job.decoder, job.earlier, encoded) if ours else None
    if dataset_digest.unit(name) != "file":  # else the first line of a log says how much disk the decoded files need
        progress(0.0, "reading the data")
    with reading.into(str(job.out), progress, shards):
        dataset = data_source.load(job, learnt=learnt)
        prepared.write(job.out, dataset, part)
        data_source.expect_as_in_key(job, dataset, before)
    if learnt is not None and not prepared.alike(job.out, job.input(TRAIN)):
        raise DatasetError(
            "the {} part has other inputs, targets or classes than the train part".format(part), where="data",
            why="the train part was read from the data as it was before; the data has changed since",
            next_step="run it again when the data is at rest" if ours else
            "let digest('train', ...) change with the classes of every part, too. `octet force RECIPE {}` prepares the "
            "train part again at once".format(TRAIN))
    figures = shards.figures if shards is not None and any(shards.figures.values()) else {}
    notes = list(dataset.notes) + (shards.notes(part) if shards is not None else [])
    return {"samples": len(dataset.parts[part]), "left_out": dataset.left_out.get(part, 0),
            "notes": notes, "of_dataset": list(dataset.notes), **figures}
