"""Runs toco, TensorFlow's converter, in a separate process (`toco_worker.py`), because toco aborts its process when it
refuses a graph."""

import json
import os
import subprocess
import sys
import tempfile
from typing import List

import numpy as np
import tensorflow as tf
from tensorflow.lite.toco import model_flags_pb2, toco_flags_pb2, types_pb2

from octet.errors import ConvertError
from tasks.graph.io_spec import Network
from tasks.tflite import fake_quants, toco_errors, toco_worker

# By path: Python does not cache the byte code of a script, so no outdated byte code can run.
WORKER = (sys.executable, "-I", toco_worker.__file__)


def convert(frozen: tf.GraphDef, network: Network, uint8: bool) -> bytes:
    """The .tflite file of a frozen graph. uint8: True for a fully-uint8 file, False for a float file.

    Raises ConvertError where toco refuses the graph (see `toco_errors.py`), and for invalid ranges.
    """
    if uint8:
        _check_ranges(frozen)
    kind = types_pb2.QUANTIZED_UINT8 if uint8 else types_pb2.FLOAT
    toco_flags = toco_flags_pb2.TocoFlags(
        input_format=toco_flags_pb2.TENSORFLOW_GRAPHDEF, output_format=toco_flags_pb2.TFLITE, inference_type=kind,
        inference_input_type=kind, drop_control_dependency=True)
    model_flags = model_flags_pb2.ModelFlags(  # by default, toco would change trained ranges
        output_arrays=[end["node"] for end in network["outputs"]], change_concat_input_ranges=False)
    for end in network["inputs"]:
        array = model_flags.input_arrays.add(name=end["node"], data_type=types_pb2.FLOAT)
        array.shape.dims.extend([1] + end["shape"])
        if uint8:
            array.mean_value, array.std_value = float(end["zero_point"]), 1 / end["scale"]
    return _run([message.SerializeToString() for message in (model_flags, toco_flags, frozen)])


def _run(messages: List[bytes]) -> bytes:
    """The .tflite file. messages: the serialized model flags, toco flags and graph."""
    with tempfile.TemporaryFile() as orders, tempfile.TemporaryFile() as converted, tempfile.TemporaryFile() as log:
        line = {"parent": os.getpid(), "sizes": [len(message) for message in messages], "file": converted.fileno()}
        orders.write(json.dumps(line).encode("utf-8") + b"\n")
        orders.writelines(messages)
        orders.seek(0)
        # No preexec_fn: a process that has run a Session must not run Python code between fork and exec.
        status = subprocess.call(WORKER, stdin=orders, stdout=log, stderr=log, pass_fds=[converted.fileno()])
        if status == 0:
            converted.seek(0)
            return converted.read()
        log.seek(0)
        raise toco_errors.translated(log.read().decode("utf-8", "replace"))


def _check_ranges(graph_def: tf.GraphDef) -> None:
    """Raises ConvertError for ranges for which toco aborts without a message (NaN), or writes a wrong file."""
    invalid = {name: ends for name, ends in fake_quants.ranges(graph_def).items()
               if not (np.all(np.isfinite(ends)) and ends[0] <= 0 <= ends[1] and ends[0] < ends[1])}
    if invalid:
        raise ConvertError(
            "{} range(s) in the frozen graph are invalid".format(len(invalid)),
            where=next(iter(invalid)),
            why="\n".join("{}: [{}, {}]".format(name, *ends) for name, ends in invalid.items()),
            next_step="a range must be finite, contain 0, and not be empty: look for the values of this tensor that "
                      "overflow in training")
