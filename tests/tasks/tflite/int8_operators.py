"""Each operator of an int8 file, alone in tflite-runtime's built-in kernels, against the same arithmetic in float."""

from typing import Any, Dict, Iterable, List, NamedTuple

import numpy as np

from tasks.tflite import int8_run, int8_twin, model_file
from tasks.tflite.interpreter import processes
from tasks.tflite.model_file import Contents, Tensor
from tasks.tflite.parity import operators
from tasks.tflite.parity.reference import kernels

RUNTIME = "tflite_runtime"
AT_ONCE = 16  # operators; so many results are in memory


class Found(NamedTuple):
    """An operator's largest difference over codes of their whole range. died: what the interpreter said instead."""

    name: str
    kind: str
    lsb: int
    died: str


def of(uint8: bytes) -> List[Found]:
    """What was found of each operator of the int8 twin of a uint8 file, in the twin's order."""
    content = int8_twin.of(uint8)
    contents = model_file.read(content)
    in_uint8 = _in_uint8(contents, int8_twin._layers(model_file.read(uint8))[0])
    found = []
    for start in range(0, len(contents.operators), AT_ONCE):
        some = contents.operators[start:start + AT_ONCE]
        driven = [operators.driven(content, in_uint8, operator) for operator in some]
        outcomes = processes.run(content, [each._replace(
            inputs={index: int8_run.to_int8(codes) for index, codes in each.inputs.items()},
            outputs=[contents.tensors[tensor.index] for tensor in each.outputs]) for each in driven], runtime=RUNTIME)
        for operator, given, outcome in zip(some, driven, outcomes):
            name = contents.name(operator)
            if isinstance(outcome, processes.Failure):
                found.append(Found(name, operator.kind, 0, outcome.words))
                continue
            lsb = first = 0
            same = operator._replace(kind="RESHAPE") if operator.kind == "QUANTIZE" else operator  # the same reals
            for wanted in kernels.expected(in_uint8, same, given.inputs):
                for index, codes in zip(operator.outputs, wanted):
                    made = int8_run.to_uint8(outcome[index][first:first + len(codes)])
                    lsb = max(lsb, int(np.abs(made.astype(int) - codes).max(initial=0)))
                first += len(wanted[0])
            found.append(Found(name, operator.kind, lsb, ""))
    return found


def worst(found: Iterable[Found]) -> Dict[str, Any]:
    """{lsb, kernel: of the operator that is farthest off, died: the kinds that could not be run}."""
    found = list(found)
    farthest = max(found, key=lambda each: each.lsb)
    return {"lsb": farthest.lsb, "kernel": farthest.kind, "died": sorted({each.kind for each in found if each.died})}


def _in_uint8(contents: Contents, weights: Dict[int, int8_twin.Requantized]) -> Contents:
    """The int8 file for the float arithmetic, which has kernels of uint8 codes: the codes are 128 higher, and so are
    the zero points; the weights of layers, which have a scale for each channel, and their biases are reals."""
    biases = {}
    for operator in contents.operators:
        layer = int8_twin.LAYERS.get(operator.kind)
        if layer is not None and len(operator.inputs) > layer.bias:
            biases[operator.inputs[layer.bias]] = operator.inputs[layer.data], operator.inputs[layer.weights]
    made = []
    for tensor in contents.tensors:
        if tensor.index in weights:
            codes, scales, axis = weights[tensor.index]
            shape = [-1 if place == axis else 1 for place in range(codes.ndim)]
            made.append(_real(tensor, codes * scales.astype(np.float64).reshape(shape if len(scales) > 1 else -1)))
        elif tensor.index in biases:
            data, of_layer = biases[tensor.index]
            made.append(_real(tensor, tensor.value * contents.tensors[data].scale
                              * weights[of_layer].scales.astype(np.float64)))
        elif tensor.dtype == "int8":
            made.append(tensor._replace(
                dtype="uint8", zero_point=tensor.zero_point + int8_twin.SHIFT,
                value=None if tensor.value is None else int8_run.to_uint8(tensor.value)))
        else:
            made.append(tensor)
    return contents._replace(tensors=made)


def _real(tensor: Tensor, values: np.ndarray) -> Tensor:
    return tensor._replace(dtype="float64", scale=0.0, zero_point=0, value=values)
