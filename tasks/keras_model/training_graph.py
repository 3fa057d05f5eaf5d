"""A model's training graph in a file: batch norm live, dropout, regularisers, and no optimizer yet."""

from pathlib import Path
from typing import List, NamedTuple

import tensorflow as tf

from tasks.graph import contrib
from tasks.keras_model.build import Built

FILE = "training.meta"


class TrainingGraph(NamedTuple):
    """The tensors and variables of a graph to be trained; inputs and outputs in the model's order."""

    inputs: List[tf.Tensor]
    outputs: List[tf.Tensor]
    losses: List[tf.Tensor]
    updates: List[tf.Operation]


COLLECTIONS = ["octet_" + field for field in TrainingGraph._fields]


def write(folder: Path, built: Built) -> None:
    """Writes the current graph, which holds only the model; equal graphs give equal bytes."""
    for key, members in zip(COLLECTIONS, (built.model.inputs, built.outputs, built.losses, built.updates)):
        for member in members:
            tf.add_to_collection(key, member)
    meta = tf.train.export_meta_graph(clear_devices=True)
    (folder / FILE).write_bytes(meta.SerializeToString(deterministic=True))


def read(folder: Path) -> TrainingGraph:
    """Imports the graph into the current graph. Its variables have no values yet."""
    meta = tf.MetaGraphDef.FromString((folder / FILE).read_bytes())
    contrib.expect_operations(meta.graph_def)
    tf.train.import_meta_graph(meta)
    return TrainingGraph(*(tf.get_collection(key) for key in COLLECTIONS))
