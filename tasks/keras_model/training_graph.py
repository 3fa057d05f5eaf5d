"""Writes and reads a model's training graph (training.meta): with live batch norm and dropout, without an optimizer."""

from pathlib import Path
from typing import List, NamedTuple

import tensorflow as tf

from tasks.graph import contrib
from tasks.keras_model.build import Built

FILE = "training.meta"


class TrainingGraph(NamedTuple):
    """The inputs and outputs of a training graph in the model's order, its regularization losses and its updates."""

    inputs: List[tf.Tensor]
    outputs: List[tf.Tensor]
    losses: List[tf.Tensor]
    updates: List[tf.Operation]


COLLECTIONS = ["octet_" + field for field in TrainingGraph._fields]


def write(folder: Path, built: Built) -> None:
    """Writes the current graph, which must hold nothing but the model. Equal graphs give equal bytes."""
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
