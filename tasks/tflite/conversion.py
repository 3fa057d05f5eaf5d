"""Converts a frozen graph to a .tflite file, and checks that the file is fully uint8 with the trained ranges."""

from typing import Dict, NamedTuple

import tensorflow as tf

from octet import model_identifier
from tasks.graph.io_spec import Network
from tasks.tflite import audit, input_output_names, model_file, toco
from tasks.tflite.model_file import Contents


class Converted(NamedTuple):
    """A .tflite file and its contents. tensors: {type: number of tensors}."""

    content: bytes
    contents: Contents
    tensors: Dict[str, int]


def to_uint8(frozen: tf.GraphDef, network: Network) -> Converted:
    """The fully-uint8 file. Its inputs and outputs have the dataset's names. Raises ConvertError when toco refuses the
    graph, and AuditError when the file is not fully uint8 or its ranges are not the trained ones."""
    converted = toco.convert(frozen, network, uint8=True)
    tensors = audit.fully_uint8(model_file.read(converted), network, frozen)  # before renaming: it needs graph names
    content = model_identifier.with_identifier(input_output_names.named(converted, network))
    return Converted(content, model_file.read(content), tensors)
