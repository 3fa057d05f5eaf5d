"""Whether a .tflite file is what it should be: uint8 throughout."""

from typing import Dict

import numpy as np

from octet.errors import AuditError
from tasks.tflite import interpreter

SCALE_TOLERANCE = 1e-6  # relative: toco computes in double and stores float32


def fully_uint8(model: interpreter.Model, network: Dict) -> Dict[str, int]:
    """How many tensors the file has of each type: uint8, and int32 for biases and shapes.

    Raises AuditError for any other type, and for an input whose scale or zero point is not the one
    used in training.
    """
    counts: Dict[str, int] = {}
    problems = []
    for tensor in model.tensors:
        kind = np.dtype(tensor["dtype"]).name
        counts[kind] = counts.get(kind, 0) + 1
        if kind not in ("uint8", "int32"):
            problems.append("{} is {}".format(tensor["name"], kind))
    for end in model.inputs + model.outputs:
        if end["dtype"] != np.uint8:
            problems.append("{} is not uint8".format(end["name"]))
    for side, found in (("inputs", model.inputs), ("outputs", model.outputs)):
        if len(found) != len(network[side]):
            problems.append("it has {} {}, the network has {}".format(
                len(found), side, len(network[side])))
    for tensor, expected in zip(model.inputs, network["inputs"]):
        scale, zero_point = interpreter.quantization(tensor)
        if (zero_point != expected["zero_point"]
                or abs(scale - expected["scale"]) > SCALE_TOLERANCE * expected["scale"]):
            problems.append("{} has scale {} and zero point {}, training used {} and {}".format(
                expected["name"], scale, zero_point, expected["scale"], expected["zero_point"]))
    if problems:
        raise AuditError("the .tflite file is not fully uint8", why="\n".join(problems),
                         next_step="accelerators that take uint8 only would refuse it")
    return counts
