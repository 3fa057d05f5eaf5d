"""Layers that loop, which no .tflite file of TensorFlow 1.14 holds as uint8, said before they are frozen."""

from typing import Iterable

import tensorflow as tf

from octet.errors import QuantizeError
from tasks.quantize.kernels import RECURRENT, RECURRENT_WAY_OUT
from tasks.quantize.net import LayerNames


def refuse(graph: tf.Graph, layers: Iterable[str]) -> None:
    """Raises QuantizeError naming the layers whose operations loop. layers: names of the model's."""
    layer_of = LayerNames(layers)
    loops = list(dict.fromkeys(layer_of(operation.name) for operation in graph.get_operations()
                               if operation.type in RECURRENT))
    if loops:
        raise QuantizeError(
            "{} layer{} cannot be uint8".format(len(loops), "s" if len(loops) > 1 else ""), where="model.build",
            why="\n".join("layer {}: it loops over time".format(name) for name in loops),
            next_step=RECURRENT_WAY_OUT)
