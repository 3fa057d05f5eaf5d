"""toco, TensorFlow's converter, in a process of its own (`toco_worker.py`): where it refuses a graph, it aborts."""

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

# By its path: Python never takes a script from its cache, which may hold an older one of the same size and time.
WORKER = (sys.executable, "-I", toco_worker.__file__)


def convert(frozen: tf.GraphDef, network: Network, uint8: bool) -> bytes:
    """The .tflite file of a frozen graph, uint8 throughout or float.

    Raises ConvertError for what toco complains of (see `toco_errors.py`) and for impossible ranges.
    """
    if uint8:
        _check_ranges(frozen)
    kind = types_pb2.QUANTIZED_UINT8 if uint8 else types_pb2.FLOAT
    toco_flags = toco_flags_pb2.TocoFlags(
        input_format=toco_flags_pb2.TENSORFLOW_GRAPHDEF, output_format=toco_flags_pb2.TFLITE, inference_type=kind,
        inference_input_type=kind, drop_control_dependency=True)
    model_flags = model_flags_pb2.ModelFlags(  # toco's own default is to change the ranges that were trained
        output_arrays=[end["node"] for end in network["outputs"]], change_concat_input_ranges=False)
    for end in network["inputs"]:
        array = model_flags.input_arrays.add(name=end["node"], data_type=types_pb2.FLOAT)
        array.shape.dims.extend([1] + end["shape"])
        if uint8:
            array.mean_value, array.std_value = float(end["zero_point"]), 1 / end["scale"]
    return _run([message.SerializeToString() for message in (model_flags, toco_flags, frozen)])


def _run(messages: List[bytes]) -> bytes:
    with tempfile.TemporaryFile() as orders, tempfile.TemporaryFile() as made, tempfile.TemporaryFile() as log:
        line = {"parent": os.getpid(), "sizes": [len(message) for message in messages], "file": made.fileno()}
        orders.write(json.dumps(line).encode("utf-8") + b"\n")
        orders.writelines(messages)
        orders.seek(0)
        # No preexec_fn: whoever has run a Session must not run anything between fork and exec.
        status = subprocess.call(WORKER, stdin=orders, stdout=log, stderr=log, pass_fds=[made.fileno()])
        if status == 0:
            made.seek(0)
            return made.read()
        log.seek(0)
        raise toco_errors.translated(log.read().decode("utf-8", "replace"))


def _check_ranges(graph_def: tf.GraphDef) -> None:
    """Raises ConvertError for ranges that toco dies of without a word (NaN), or takes and makes nonsense of."""
    impossible = {name: ends for name, ends in fake_quants.ranges(graph_def).items()
                  if not (np.all(np.isfinite(ends)) and ends[0] <= 0 <= ends[1] and ends[0] < ends[1])}
    if impossible:
        raise ConvertError(
            "{} range(s) in the frozen graph are impossible".format(len(impossible)),
            where=next(iter(impossible)),
            why="\n".join("{}: [{}, {}]".format(name, *ends) for name, ends in impossible.items()),
            next_step="a range is finite, has a width, and 0 in it: look at what training did to this tensor")
