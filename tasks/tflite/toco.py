"""toco, which TensorFlow runs as a process of its own.

`toco_from_protos` is found through PATH: whoever starts a stage's process puts it there.
"""

from pathlib import Path
from typing import Dict

import numpy as np
import tensorflow as tf
from tensorflow.lite.python.convert import ConverterError

from octet.errors import ConvertError
from tasks import network as net
from tasks.tflite import complaints, fake_quants


def convert(frozen: Path, network: Dict, uint8: bool) -> bytes:
    """The .tflite file of a frozen graph, uint8 throughout or float.

    Raises ConvertError for what toco complains of (see `complaints.py`) and for impossible ranges.
    """
    inputs = network["inputs"]
    converter = tf.lite.TFLiteConverter.from_frozen_graph(
        str(frozen), [end["node"] for end in inputs], [end["node"] for end in network["outputs"]],
        input_shapes={end["node"]: [1] + end["shape"] for end in inputs})
    if uint8:
        _check_ranges(net.read_graph(frozen))
        converter.inference_type = tf.uint8
        converter.quantized_input_stats = {
            end["node"]: (float(end["zero_point"]), 1 / end["scale"]) for end in inputs}
    try:
        return converter.convert()
    except ConverterError as error:
        raise complaints.translated(str(error)) from error


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
