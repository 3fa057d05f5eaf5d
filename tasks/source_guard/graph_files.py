"""Finds operations of a built graph that read files when the graph runs."""

from typing import Callable, Iterable, Iterator, List, Optional, Tuple

import numpy as np
import tensorflow as tf
from tensorflow.python.framework import tensor_util

from octet.errors import ModelError
from tasks.graph import io_spec

FILE_INPUT = {
    "ReadFile": 0, "Restore": 0, "RestoreSlice": 0, "RestoreV2": 0, "MatchingFiles": 0, "LoadAndRemapMatrix": 0,
    "InitializeTableFromTextFile": 1, "InitializeTableFromTextFileV2": 1, "TFRecordDataset": 0, "TextLineDataset": 0,
    "FixedLengthRecordDataset": 0, "FixedLengthRecordDatasetV2": 0, "ExperimentalCSVDataset": 0,
    "ExperimentalLMDBDataset": 0, "CacheDataset": 1, "SnapshotDataset": 1}
"""{type of operation: the index of the input that names a file}."""
FILE_ATTRIBUTE = {"ImmutableConst": "memory_region_name", "RecordInput": "file_pattern"}
"""{type of operation: the attribute that names a file}."""
UNNAMED = ("WholeFileReader", "WholeFileReaderV2", "TextLineReader", "TextLineReaderV2", "TFRecordReader",
           "TFRecordReaderV2", "FixedLengthRecordReader", "FixedLengthRecordReaderV2", "LMDBReader",
           "ExperimentalSqlDataset", "SqlDataset")
"""Types of operations that read files whose names another operation computes."""
TABLES = ("InitializeTableFromTextFile", "InitializeTableFromTextFileV2")


def check(outputs: Iterable[tf.Tensor], see: Callable[[str], None]) -> None:
    """Calls `see` with the path of every file that the outputs depend on, or that initializes a lookup table.

    Raises ModelError for an operation whose file is not a constant, and whatever `see` raises."""
    graph = tf.get_default_graph()
    tables = [operation for operation in graph.get_operations() if operation.type in TABLES]
    operations = io_spec.before(outputs) + tables
    for operation in operations:
        for constant in _constants(operation):
            see(constant)
    reads: List[Tuple[str, str, Optional[str]]] = [
        (operation.name, operation.type, None) for operation in operations
        if operation.type in UNNAMED or _is_computed(operation)]
    for name, kind, path in reads + list(_in_functions(graph)):
        if path is not None:
            see(path)
            continue
        raise ModelError(
            "the network reads a file while it runs: {} ({})".format(name, kind), where="model.build",
            why="a .tflite file has no such operation, and the file is in no key",
            next_step="read it in the model's function, and name it in the recipe: model: {files: [...]}")


def _constants(operation: tf.Operation) -> List[str]:
    if operation.type in FILE_ATTRIBUTE:
        return [operation.get_attr(FILE_ATTRIBUTE[operation.type]).decode()]
    value = _file_input(operation)
    return [] if value is None else [name.decode() for name in value.reshape(-1)]


def _is_computed(operation: tf.Operation) -> bool:
    return operation.type in FILE_INPUT and _file_input(operation) is None


def _file_input(operation: tf.Operation) -> Optional[np.ndarray]:
    if operation.type not in FILE_INPUT:
        return None
    return tensor_util.constant_value(operation.inputs[FILE_INPUT[operation.type]])


def _in_functions(graph: tf.Graph) -> Iterator[Tuple[str, str, Optional[str]]]:
    """(function/node, type, path) of each operation in the graph's functions that reads a file; the path is None where
    it is not a constant."""
    if not graph._functions:  # as_graph_def is slow for a large graph
        return
    for function in graph.as_graph_def().library.function:
        constants = {node.name: node.attr["value"].tensor.string_val
                     for node in function.node_def if node.op == "Const"}
        for node in function.node_def:
            name = "{}/{}".format(function.signature.name, node.name)
            if node.op in FILE_ATTRIBUTE:
                yield name, node.op, node.attr[FILE_ATTRIBUTE[node.op]].s.decode()
            elif node.op in UNNAMED:
                yield name, node.op, None
            elif node.op in FILE_INPUT:
                paths = constants.get(node.input[FILE_INPUT[node.op]].split(":")[0])
                for path in paths or [None]:
                    yield name, node.op, None if path is None else path.decode()
