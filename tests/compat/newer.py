"""Compares a file on tflite-runtime 2.11 with TensorFlow 1.14's interpreter."""

from typing import Dict, Iterable, List, Sequence

import numpy as np

from octet.errors import OctetError
from tasks.tflite.interpreter import patch, processes
from tasks.tflite.model_file import Contents, Operator
from tasks.tflite.parity import operators

RUNTIME = "tflite_runtime"


def operators_alone(content: bytes, contents: Contents, known: Dict[int, np.ndarray]) -> List[str]:
    """For each operator, the difference of its outputs, in words, if it gets the same codes as in the 1.14 interpreter;
    '' for none. known: the codes of all tensors in 1.14, from `parity.inside`."""
    samples = len(known[contents.inputs[0]])
    outcomes = processes.run(content, [processes.Pass(
        samples, {tensor.index: known[tensor.index] for tensor in contents.variable_inputs(operator)},
        [contents.tensors[index] for index in operator.outputs],
        patch.alone(content, contents, operator.number)) for operator in contents.operators], runtime=RUNTIME)
    return [_unlike(operator, outcome, known) for operator, outcome in zip(contents.operators, outcomes)]


def _unlike(operator: Operator, outcome: processes.Outcome, known: Dict[int, np.ndarray]) -> str:
    if isinstance(outcome, processes.Failure):
        return "{}: {}".format(operator.kind, outcome.words.splitlines()[0])
    lsb = max(largest(outcome[index], known[index]) for index in operator.outputs)
    return "{} by {}".format(operator.kind, lsb) if lsb else ""


def largest(one: np.ndarray, other: np.ndarray) -> int:
    """The largest difference between two arrays of codes."""
    return int(np.max(np.abs(one.astype(int) - other.astype(int)), initial=0))


def compared(content: bytes, contents: Contents, codes: Sequence[np.ndarray], known: Dict[int, np.ndarray],
             outputs: Iterable[int]) -> Dict:
    """{outputs_lsb: the largest difference of each output's codes, or None; unlike: the differences of single
    operators}."""
    unlike = operators_alone(content, contents, known)
    try:
        found = processes.over(content, contents, codes, lambda done: None, RUNTIME)
    except OctetError as error:
        return {"outputs_lsb": None, "died": str(error).splitlines()[0], "unlike": unlike}
    return {"outputs_lsb": [largest(values, known[index][:, 0]) for values, index in zip(found, outputs)],
            "died": "", "unlike": unlike}


def of_file(content: bytes, contents: Contents, codes: Sequence[np.ndarray]) -> Dict:
    """`compared` for a file and real samples, uint8 [N, ...] for each input."""
    return compared(content, contents, codes, operators.inside(content, contents, codes), contents.outputs)
