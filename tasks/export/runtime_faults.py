"""Known faults in int8 kernels of other runtimes, and which operators of a file they concern.

Each was found by comparing single operators with the uint8 file on small networks (those of
tests/tasks/tflite/test_int8_twin.py). Another version of the runtime may be right.
"""

from typing import Callable, List, NamedTuple

import numpy as np

from tasks.tflite.model_file import Contents, Operator


class KernelFault(NamedTuple):
    """kind: of operator. runtime: with its version. applies: whether an operator of this kind meets the fault. words:
    what the kernel does."""

    kind: str
    runtime: str
    applies: Callable[[Contents, Operator], bool]
    words: str


def _always(contents: Contents, operator: Operator) -> bool:
    return True


def _padded(contents: Contents, operator: Operator) -> bool:
    paddings = contents.tensors[operator.inputs[2]].value
    return (paddings is None or bool(np.any(paddings))) and contents.tensors[operator.inputs[0]].zero_point != 0


FAULTS = (
    KernelFault("SUM", "the reference kernels of LiteRT 2.3.0 (BUILTIN_REF)", _always,
                "their int8 SUM was up to 195 codes off; the kernels that LiteRT takes by default are right"),
    KernelFault("SPACE_TO_BATCH_ND", "TensorFlow Lite for Microcontrollers 0.dev20261023", _padded,
                "its int8 SPACE_TO_BATCH_ND pads with code 0 and not with the zero point: what it pads is wrong by as "
                "many codes as the zero point says; LiteRT 2.3.0 is right"))


def found(int8: Contents) -> List[str]:
    """A sentence for each known fault that concerns the int8 file: the runtime, what its kernel does, the operators."""
    said = []
    for fault in FAULTS:
        names = [int8.name(operator) for operator in int8.operators
                 if operator.kind == fault.kind and fault.applies(int8, operator)]
        if names:
            said.append("{}: {} (here: {})".format(fault.runtime, fault.words, ", ".join(names)))
    return said
