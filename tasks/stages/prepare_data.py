"""PrepareData: decodes and checks one part of the dataset, once. Later stages map its arrays into memory.

In:  the recipe's data section and the data that it names. For the validation and test parts, also spec.json and
     names.json of PrepareData.train, whose ranges and classes are used for them, too.
Out: spec.json, the inputs and targets; names.json, the names of the classes; input_*.npy, codes; target_*.npy, targets;
     extra_*.npy, if the dataset has extras (see octet/data/prepared.py). Decoded files are in shards in place of
     input_0.npy, which are reused from earlier artifacts if possible (octet/data/shards.py). With `keep: encoded`, the
     shards contain the bytes of the files, and later stages decode them when they read them. As metrics, the number of
     samples, the number of decoded files, and notes about reading: files that are left out, samples that are held out.
Fails with DatasetError when the part is not valid, or its inputs, targets or classes differ from those of the train
part; with DataChanged when the data that was read does not fit the key.
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
    # The datasets of a user may compute with their arrays, so these are plain arrays.
    name = job.settings["data"]["dataset"]
    ours = dataset_digest.is_ours(name)
    encoded = job.settings["data"].get("keep") == "encoded"
    shards = ShardWriter(job.out, job.decoder, job.earlier, encoded) if ours else None
    if dataset_digest.unit(name) != "file":  # for files, the first line of the log is the needed disk space
        progress(0.0, "reading the data")
    with reading.into(str(job.out), progress, shards):
        dataset = data_source.load(job, learnt=learnt)
        prepared.write(job.out, dataset, part)
        data_source.expect_as_in_key(job, dataset, before)
    if learnt is not None and not prepared.alike(job.out, job.input(TRAIN)):
        raise DatasetError(
            "the {} part has other inputs, targets or classes than the train part".format(part), where="data",
            why="the data has changed since the train part was read",
            next_step="run the command again when nothing writes to the data" if ours else
            "let digest('train', ...) depend on the classes of all parts. `octet force RECIPE {}` prepares the train "
            "part again".format(TRAIN))
    figures = shards.figures if shards is not None and any(shards.figures.values()) else {}
    notes = list(dataset.notes) + (shards.notes(part) if shards is not None else [])
    return {"samples": len(dataset.parts[part]), "left_out": dataset.left_out.get(part, 0),
            "notes": notes, "of_dataset": list(dataset.notes), **figures}
