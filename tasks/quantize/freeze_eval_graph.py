"""Freezes an evaluation graph: the frozen graph has constants and operations only."""

from typing import Mapping, Optional, Sequence

import numpy as np
import tensorflow as tf

from octet.errors import ConvertError
from tasks.graph import constants
from tasks.quantize.weights import keep_codes

FORBIDDEN = ("Variable", "VarHandle", "Assign", "Apply", "ReadVariable", "Save", "Restore")
OURS = "_octet"  # prefix of the attributes that the passes use; the frozen graph has none


def freeze(session: tf.Session, outputs: Sequence[str],
           given: Optional[Mapping[tf.Tensor, np.ndarray]] = None) -> tf.GraphDef:
    """The frozen graph of the nodes `outputs` of the session's evaluation graph: each variable is a constant with its
    value in the session, each range two constants.

    given: {tensor: a value that replaces it}. A training graph is frozen like the evaluation graph where values are
    given for its `Trained.moved`.

    Raises ConvertError where an operation is left that a .tflite file cannot hold.
    """
    # Computes the arithmetic of the ranges (those of weights, those widened to a kernel's limits).
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
