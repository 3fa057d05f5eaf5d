"""Checks that a .tflite file is fully uint8 and has the trained ranges."""

import re
from typing import Dict, Iterator

import tensorflow as tf

from octet.errors import AuditError
from octet.quantization import Quantization
from tasks.graph.io_spec import Network
from tasks.tflite import fake_quants
from tasks.tflite.model_file import Contents, Tensor

SCALE_TOLERANCE = 1e-5  # relative; toco computes scales in float64 from float32 limits, and stores float32
FORBIDDEN = ("DEQUANTIZE", "QUANTIZE", "FAKE_QUANT", "CAST", "CUSTOM", "DELEGATE")
BIASED = {"CONV_2D": 2, "DEPTHWISE_CONV_2D": 2, "FULLY_CONNECTED": 2}
WEIGHTED = {"CONV_2D": 1, "DEPTHWISE_CONV_2D": 1, "FULLY_CONNECTED": 1, "TRANSPOSE_CONV": 1}
TRANSPOSED = re.compile(r"(/transpose|_transposed)(_\d+)?$")  # a suffix that toco gives to transposed weights

HARD_CODED = ("SOFTMAX", "LOGISTIC", "TANH", "LOG_SOFTMAX", "L2_NORMALIZATION")
"""Kernels whose output scale is fixed and does not depend on the trained range."""


def fully_uint8(contents: Contents, network: Network, graph_def: tf.GraphDef) -> Dict[str, int]:
    """{type: number of tensors}: uint8, and int32 for biases and shapes.

    Raises AuditError, which lists every problem: a tensor of another type; an operator that converts to or from uint8;
    an input, activation or weights whose scale and zero point differ from the trained ones (graph_def: the frozen
    graph, with its fake-quants); a bias whose scale is not the scale of its input times that of its weights.
    """
    problems = (list(_types(contents)) + list(_operators(contents)) + list(_ends(contents, network))
                + list(_trained(contents, fake_quants.of(graph_def))) + list(_biases(contents)))
    if problems:
        raise AuditError("the .tflite file is not fully uint8, or differs from the trained graph", where="model.tflite",
                         why="\n".join(problems),
                         next_step="a uint8-only accelerator would refuse the file, or its accuracy would differ from "
                                   "the fake-quantized graph's: please report the network")
    counts: Dict[str, int] = {}
    for tensor in contents.tensors:
        counts[tensor.dtype] = counts.get(tensor.dtype, 0) + 1
    return counts


def _types(contents: Contents) -> Iterator[str]:
    for tensor in contents.tensors:
        if tensor.dtype != "uint8" and (tensor.value is None or tensor.dtype != "int32"):
            yield "{} is {}".format(tensor.name, tensor.dtype)
        elif tensor.dtype == "uint8" and not tensor.scale:
            yield "{} is uint8 and has no scale".format(tensor.name)


def _operators(contents: Contents) -> Iterator[str]:
    for operator in contents.operators:
        if operator.kind in FORBIDDEN:
            yield "{} is computed by {}".format(contents.name(operator), operator.kind)


def _ends(contents: Contents, network: Network) -> Iterator[str]:
    for side, indices, count in (("inputs", contents.inputs, len(network["inputs"])),
                                 ("outputs", contents.outputs, len(network["outputs"]))):
        if len(indices) != count:
            yield "it has {} {}, the network has {}".format(len(indices), side, count)
    for index, end in zip(contents.inputs, network["inputs"]):
        yield from _differs(contents.tensors[index], Quantization(end["scale"], end["zero_point"]))


def _trained(contents: Contents, trained: Dict[str, Quantization]) -> Iterator[str]:
    hard_coded = {index for operator in contents.operators if operator.kind in HARD_CODED for index in operator.outputs}
    for tensor in contents.tensors:
        if tensor.dtype == "uint8" and tensor.name in trained and tensor.index not in hard_coded:
            yield from _differs(tensor, trained[tensor.name])
    for operator in contents.operators:
        if operator.kind in WEIGHTED:
            weights = contents.tensors[operator.inputs[WEIGHTED[operator.kind]]]
            known = trained.get(weights.name) or trained.get(TRANSPOSED.sub("", weights.name))
            if weights.dtype != "uint8":
                continue
            if known is None:
                yield "{}, weights, have no fake-quant in the frozen graph".format(weights.name)
            else:
                yield from _differs(weights, known)


def _biases(contents: Contents) -> Iterator[str]:
    for operator in contents.operators:
        place = BIASED.get(operator.kind)
        if place is None or len(operator.inputs) <= place or operator.inputs[place] < 0:
            continue
        inputs, weights, bias = (contents.tensors[index] for index in operator.inputs[:3])
        if bias.dtype != "int32":
            yield "{}, a bias, is {}".format(bias.name, bias.dtype)
        yield from _differs(bias, Quantization(inputs.scale * weights.scale, 0))


def _differs(tensor: Tensor, expected: Quantization) -> Iterator[str]:
    if (tensor.zero_point != expected.zero_point
            or abs(tensor.scale - expected.scale) > SCALE_TOLERANCE * expected.scale):
        yield "{} has scale {:.8g} and zero point {}, training used {:.8g} and {}".format(
            tensor.name, tensor.scale, tensor.zero_point, expected.scale, expected.zero_point)
