"""What one inference of a .tflite file costs, by layer and in sum: multiply-accumulates, weights, activations."""

from typing import Any, Dict, List

import numpy as np

from tasks.tflite import activation_memory
from tasks.tflite.model_file import Contents, Operator


def of(contents: Contents) -> Dict[str, Any]:
    """The cost as a dict for JSON:

    multiply_accumulates   products that are added up in convolutions and dense layers; other operators count none
    weight_bytes           of all constants, each once, biases and shapes included
    activation_bytes       the most that is alive at once: no runtime can do with less, unless it computes in place
    arena_bytes            of an arena in which a planner placed the activations; a runtime needs some more of its own
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
    """Of one sample in a layer with weights; 0 of any other operator."""
    def elements(index: int) -> int:
        return int(np.prod(contents.tensors[index].shape, dtype=np.int64))

    if operator.kind == "CONV_2D":  # weights [made, height, width, read]
        return elements(operator.outputs[0]) * int(np.prod(contents.tensors[operator.inputs[1]].shape[1:]))
    if operator.kind == "DEPTHWISE_CONV_2D":  # weights [1, height, width, made]
        return elements(operator.outputs[0]) * int(np.prod(contents.tensors[operator.inputs[1]].shape[1:3]))
    if operator.kind == "FULLY_CONNECTED":  # weights [made, read]
        return elements(operator.outputs[0]) * contents.tensors[operator.inputs[1]].shape[1]
    if operator.kind == "TRANSPOSE_CONV":  # weights [made, height, width, read]; each value read goes everywhere
        return elements(operator.inputs[2]) * int(np.prod(contents.tensors[operator.inputs[1]].shape[:3]))
    return 0


def _constants(contents: Contents, operators: List[Operator]) -> Dict[int, int]:
    """{tensor: its bytes} of the constants that the operators read."""
    values = {index: contents.tensors[index].value for operator in operators for index in operator.inputs if index >= 0}
    return {index: value.nbytes for index, value in values.items() if value is not None}
