"""An evaluation graph becomes a frozen one: constants, operations between them, and nothing else."""

from typing import Mapping, Optional, Sequence

import numpy as np
import tensorflow as tf

from octet.errors import ConvertError
from tasks.graph import constants
from tasks.quantize.weights import keep_codes

FORBIDDEN = ("Variable", "VarHandle", "Assign", "Apply", "ReadVariable", "Save", "Restore")
OURS = "_octet"  # how the attributes begin that a graph carries from pass to pass


def freeze(session: tf.Session, outputs: Sequence[str],
           given: Optional[Mapping[tf.Tensor, np.ndarray]] = None) -> tf.GraphDef:
    """What the nodes `outputs` of the session's evaluation graph depend on; each weight is a constant with the value
    that its variable has in the session, each range two numbers.

    given: {tensor: the value that it has instead}. A training graph whose `Trained.moved` are given is the same as the
    evaluation graph.

    Raises ConvertError where something is left that no .tflite file can hold.
    """
    # The arithmetic of the ranges (of weights, of what a kernel's limits widen) becomes numbers.
    frozen = keep_codes.keep_codes(constants.fold_session(session, outputs, given=given))
    for node in frozen.node:
        for key in [key for key in node.attr if key.startswith(OURS)]:
            del node.attr[key]
    left = sorted(node.name for node in frozen.node if node.op.startswith(FORBIDDEN))
    if left:
        raise ConvertError("the frozen graph still holds {}".format(", ".join(left)),
                           where="frozen.pb", why="a .tflite file can hold neither variables nor training ops",
                           next_step="please report the network")
    return frozen
