"""toco, which TensorFlow runs as a process of its own, and its complaints in words.

`toco_from_protos` is found through PATH: whoever starts a stage's process puts it there.
"""

import re
from pathlib import Path
from typing import Dict

import tensorflow as tf
from tensorflow.lite.python.convert import ConverterError

from octet.errors import ConvertError

LACKS_RANGE = re.compile(r"Array (\S+), which is an input to the (\S+) operator producing the "
                         r"output array (\S+), is lacking min/max data")


def convert(frozen: Path, network: Dict, uint8: bool) -> bytes:
    """The .tflite file of a frozen graph, uint8 throughout or float.

    Raises ConvertError with toco's own complaint, tensor and layer named where it says them.
    """
    inputs = network["inputs"]
    converter = tf.lite.TFLiteConverter.from_frozen_graph(
        str(frozen), [end["node"] for end in inputs], [end["node"] for end in network["outputs"]],
        input_shapes={end["node"]: [1] + end["shape"] for end in inputs})
    if uint8:
        converter.inference_type = tf.uint8
        converter.quantized_input_stats = {
            end["node"]: (float(end["zero_point"]), 1 / end["scale"]) for end in inputs}
    try:
        return converter.convert()
    except ConverterError as error:
        raise _translated(str(error)) from error


def _translated(complaint: str) -> ConvertError:
    lacking = LACKS_RANGE.search(complaint)
    if lacking:
        return ConvertError(
            "tensor {} has no range; it goes into the {} that makes {}".format(*lacking.groups()),
            why="a uint8 kernel needs the range of each of its inputs",
            next_step="this should have been said before training: please report the network")
    lines = [line for line in complaint.splitlines() if line.strip()]
    fatal = [line for line in lines if " F " in line or "Unimplemented" in line or
             "not supported" in line]
    return ConvertError("toco refused the graph", why="\n".join(fatal or lines[-5:]))
