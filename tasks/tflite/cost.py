"""The cost of one inference of a .tflite file, by layer and in total: multiply-accumulates, weights, activations."""

from typing import Any, Dict, List

import numpy as np

from tasks.tflite import activation_memory
from tasks.tflite.model_file import Contents, Operator


def of(contents: Contents) -> Dict[str, Any]:
    """The cost as a dict for JSON:

    multiply_accumulates   those of convolutions and dense layers; other operators count 0
    weight_bytes           size of all constants, each once, with biases and shapes
    activation_bytes       the most that is alive at once: no runtime needs less, unless it computes in place
    arena_bytes            size of an arena with all activations; a runtime needs some memory in addition
    layers                 [{name, kind, multiply_accumulates, weight_bytes, activation_bytes}] by operator, in order
    """
    alive = activation_memory.alive_bytes(contents)
    layers = [{"name": contents.name(operator), "kind": operator.kind,
               "multiply_accumulates": multiply_accumulates(contents, operator),
               "weight_bytes": sum(_constants(contents, [operator]).values()),
               "activation_bytes": alive[operator.number]} for operator in contents.operators]
    return {"multiply_accumulates": sum(layer["multiply_accumulates"] for layer in layers),
            "weight_bytes": sum(_constants(contents, contents.operators).values()),
            "activation_bytes": max(alive, default=0), "arena_bytes": activation_memory.arena_bytes(contents),
            "layers": layers}


def multiply_accumulates(contents: Contents, operator: Operator) -> int:
    """The multiply-accumulates of a layer with weights for one sample; 0 for any other operator."""
    def elements(index: int) -> int:
        return int(np.prod(contents.tensors[index].shape, dtype=np.int64))

    if operator.kind == "CONV_2D":  # weights [out, height, width, in]
        return elements(operator.outputs[0]) * int(np.prod(contents.tensors[operator.inputs[1]].shape[1:]))
    if operator.kind == "DEPTHWISE_CONV_2D":  # weights [1, height, width, out]
        return elements(operator.outputs[0]) * int(np.prod(contents.tensors[operator.inputs[1]].shape[1:3]))
    if operator.kind == "FULLY_CONNECTED":  # weights [out, in]
        return elements(operator.outputs[0]) * contents.tensors[operator.inputs[1]].shape[1]
    if operator.kind == "TRANSPOSE_CONV":  # weights [out, height, width, in]; each input value meets all its weights
        return elements(operator.inputs[2]) * int(np.prod(contents.tensors[operator.inputs[1]].shape[:3]))
    return 0


def _constants(contents: Contents, operators: List[Operator]) -> Dict[int, int]:
    """{tensor: size in bytes} of the constants that the operators read."""
    values = {index: contents.tensors[index].value for operator in operators for index in operator.inputs if index >= 0}
    return {index: value.nbytes for index, value in values.items() if value is not None}
