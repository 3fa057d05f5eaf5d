"""A model's training graph in a file: batch norm live, dropout, regularisers, and no optimizer yet."""

from pathlib import Path
from typing import List, NamedTuple

import tensorflow as tf

from tasks.keras_model.build import Built

FILE = "training.meta"


class TrainingGraph(NamedTuple):
    """What there is to train in the current graph; inputs and outputs in the model's order."""

    inputs: List[tf.Tensor]
    outputs: List[tf.Tensor]
    losses: List[tf.Tensor]
    updates: List[tf.Operation]


COLLECTIONS = ["octet_" + field for field in TrainingGraph._fields]


def write(folder: Path, built: Built) -> None:
    """The current graph, which is the model's and nothing else's; always the same bytes for the same graph."""
    for key, members in zip(COLLECTIONS, (built.model.inputs, built.outputs, built.losses, built.updates)):
        for member in members:
            tf.add_to_collection(key, member)
    meta = tf.train.export_meta_graph(clear_devices=True)
    (folder / FILE).write_bytes(meta.SerializeToString(deterministic=True))


def read(folder: Path) -> TrainingGraph:
    """The graph is in the current one, its variables without values."""
    tf.train.import_meta_graph(tf.MetaGraphDef.FromString((folder / FILE).read_bytes()))
    return TrainingGraph(*(tf.get_collection(key) for key in COLLECTIONS))
