"""Makes the int8 twin of a uint8 .tflite file: the same network, for runtimes that support int8 only.

    activations, other constants   code - 128 and zero point - 128: exactly the same real values
    weights                        symmetric, codes -127..127; one scale for each output channel (CONV_2D,
                                   DEPTHWISE_CONV_2D, TRANSPOSE_CONV), or one for the tensor (FULLY_CONNECTED);
                                   exactly the same real values where code - zero point is within -127..127; else
                                   rounded so that the errors of an output channel sum to zero
    biases                         int32, with the scale of the input times that of the weights

    CONCATENATION                  a QUANTIZE is inserted before each input whose scale is not the output's: the uint8
                                   kernel rescales such inputs, the int8 kernel refuses them

This is the form of TensorFlow Lite's "8-bit quantization specification". The file is edited, not written anew:
operators and their options are unchanged (see `flatbuffer_edit.py`).
"""

import struct
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

import numpy as np
from tflite.tflite.BuiltinOperator import BuiltinOperator
from tflite.tflite.Model import Model
from tflite.tflite.TensorType import TensorType

from octet import model_identifier
from octet.errors import ConvertError
from tasks.tflite import model_file
from tasks.tflite.flatbuffer_edit import FIELDS, EditedFile, bytes_of, field
from tasks.tflite.model_file import Contents, Operator, Tensor

SHIFT = 128
MOST = 127  # weights use the codes -127..127, as the specification says
LARGEST_BIAS = 1 << 30  # half of the int32 range, because the sum of products is added to a bias


class Layer(NamedTuple):
    """data, weights, bias: the indices of a layer's inputs. axis: the axis of the output channels in the weights; None
    where the weights have one scale."""

    data: int
    weights: int
    bias: int
    axis: Optional[int]


LAYERS = {"CONV_2D": Layer(0, 1, 2, 0), "DEPTHWISE_CONV_2D": Layer(0, 1, 2, 3), "FULLY_CONNECTED": Layer(0, 1, 2, None),
          "TRANSPOSE_CONV": Layer(2, 1, 3, 0)}

VERSIONS = {
    "CONV_2D": 3, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 4,
    **dict.fromkeys((
        "ADD", "AVERAGE_POOL_2D", "BATCH_TO_SPACE_ND", "CONCATENATION", "GATHER", "L2_NORMALIZATION",
        "LEAKY_RELU", "LOGISTIC", "LOG_SOFTMAX", "MAXIMUM", "MAX_POOL_2D", "MEAN", "MINIMUM", "MUL", "PACK", "PAD",
        "PADV2", "QUANTIZE", "REDUCE_MAX", "REDUCE_MIN", "RELU", "RELU6", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR",
        "SLICE", "SOFTMAX", "SPACE_TO_BATCH_ND", "SPACE_TO_DEPTH", "SPLIT", "SPLIT_V", "STRIDED_SLICE", "SUB", "SUM",
        "TANH", "TRANSPOSE", "TRANSPOSE_CONV", "UNPACK"), 2),
    **dict.fromkeys(("EXPAND_DIMS", "RESHAPE", "SQUEEZE"), 1)}
"""{operator: its first version that supports int8} (tensorflow/lite/tools/versioning/op_version.cc)."""


class Requantized(NamedTuple):
    """A layer's weights in int8. scales: float32, one for each output channel, or one. axis: the quantized
    dimension."""

    codes: np.ndarray
    scales: np.ndarray
    axis: int


def of(content: bytes) -> bytes:
    """The int8 twin of a fully-uint8 file, with its own identifier. Equal files give equal twins.

    Raises ConvertError for an operator without an int8 form, and for a constant that two operators need in different
    forms."""
    contents = model_file.read(content)
    unknown = sorted({operator.kind for operator in contents.operators if operator.kind not in VERSIONS})
    if unknown:
        raise _refused("no int8 form of {} is known".format(", ".join(unknown)))
    weights, biases = _layers(contents)
    content = model_identifier.without_identifier(content)
    file, model = EditedFile(content), Model.GetRootAsModel(content, 0)
    graph = model.Subgraphs(0)
    buffers = [graph.Tensors(tensor.index).Buffer() for tensor in contents.tensors if tensor.value is not None]
    if len(set(buffers)) != len(buffers):
        raise _refused("two of its tensors share a buffer")
    for tensor in contents.tensors:
        table = graph.Tensors(tensor.index)
        data = bytes_of(model.Buffers(table.Buffer()))
        if tensor.index in biases:
            codes, scales = biases[tensor.index]
            file.overwrite(data, codes.astype("<i4").tobytes())
            file.point(field(table, "Quantization"), file.quantization(scales, [0] * len(scales), 0))
        elif tensor.dtype == "uint8":
            file.overwrite(field(table, "Type"), bytes([TensorType.INT8]))
            if tensor.index in weights:
                codes, scales, axis = weights[tensor.index]
                file.overwrite(data, codes.tobytes())
                file.point(field(table, "Quantization"), file.quantization(scales, [0] * len(scales), axis))
            else:
                if tensor.value is not None:
                    file.overwrite(data, _shifted(tensor.value).tobytes())
                file.point(field(table, "Quantization"),
                           file.quantization([tensor.scale], [tensor.zero_point - SHIFT], 0))
    versions = {getattr(BuiltinOperator, kind): version for kind, version in VERSIONS.items()}
    for number in range(model.OperatorCodesLength()):
        code = model.OperatorCodes(number)
        version = max(code.Version(), versions.get(code.BuiltinCode(), 1))
        file.codes[number] = file.operator_code(code.BuiltinCode(), version)
    _rescale_concatenations(file, contents, graph)
    return model_identifier.with_identifier(file.finished())


def _rescale_concatenations(file: EditedFile, contents: Contents, graph: Any) -> None:
    """Inserts a QUANTIZE before each input of a CONCATENATION whose scale is not that of the output."""
    unlike = [(operator, place) for operator in contents.operators if operator.kind == "CONCATENATION"
              for place, index in enumerate(operator.inputs)
              if _quantization(contents, index) != _quantization(contents, operator.outputs[0])]
    if not unlike:
        return
    file.codes.append(file.operator_code(BuiltinOperator.QUANTIZE, VERSIONS["QUANTIZE"]))
    for operator, place in unlike:
        output, index = contents.tensors[operator.outputs[0]], operator.inputs[place]
        file.tensors.append(file.tensor("{}/input_{}".format(output.name, place), contents.tensors[index].shape,
                                        TensorType.INT8, output.scale, output.zero_point - SHIFT))
        inputs = graph.Operators(operator.number)._tab
        start = inputs.Vector(inputs.Offset(FIELDS["Operator"]["Inputs"]))
        file.overwrite(start + 4 * place, struct.pack("<i", len(file.tensors) - 1))
        at = file.operators.index(inputs.Pos)
        file.operators.insert(at, file.operator(len(file.codes) - 1, [index], [len(file.tensors) - 1]))


def _quantization(contents: Contents, index: int) -> Tuple[float, int]:
    return contents.tensors[index].scale, contents.tensors[index].zero_point


def _shifted(codes: np.ndarray) -> np.ndarray:
    """The int8 codes of the same real values."""
    return (codes.astype(np.int16) - SHIFT).astype(np.int8)


def _layers(contents: Contents) -> Tuple[Dict[int, Requantized], Dict[int, Tuple[np.ndarray, np.ndarray]]]:
    """({index of a weights tensor: its int8 form}, {index of a bias: (int32 codes, scales)}) of all layers."""
    users: Dict[int, List[Operator]] = {}
    for operator in contents.operators:
        if operator.kind in LAYERS:
            users.setdefault(operator.inputs[LAYERS[operator.kind].weights], []).append(operator)
    weights: Dict[int, Requantized] = {}
    biases: Dict[int, Tuple[np.ndarray, np.ndarray]] = {}
    for index, operators in users.items():
        _expect_one_form(contents, index, operators)
        weights[index] = _requantized(contents, contents.tensors[index], operators)
        for operator in operators:
            bias = _bias(contents, operator)
            if bias is None:
                continue
            scales = (contents.tensors[operator.inputs[LAYERS[operator.kind].data]].scale
                      * weights[index].scales.astype(np.float64)).astype(np.float32)
            codes = np.rint(_real(bias) / scales.astype(np.float64))
            if bias.index in biases and not np.array_equal(codes, biases[bias.index][0]):
                raise _refused("two layers share the bias {}, but need it with different scales".format(bias.name))
            biases[bias.index] = codes, scales
    return weights, biases


def _expect_one_form(contents: Contents, index: int, operators: List[Operator]) -> None:
    tensor = contents.tensors[index]
    if tensor.value is None:
        raise _refused("the weights {} are computed".format(tensor.name))
    used = sum(operator.inputs.count(index) for operator in contents.operators)
    if len({LAYERS[operator.kind].axis for operator in operators}) > 1 or used != len(operators):
        raise _refused("{} is used as weights of one form and also in another way".format(tensor.name))


def _bias(contents: Contents, operator: Operator) -> Optional[Tensor]:
    place = LAYERS[operator.kind].bias
    if len(operator.inputs) <= place or operator.inputs[place] < 0:
        return None
    return contents.tensors[operator.inputs[place]]


def _real(tensor: Tensor) -> np.ndarray:
    assert tensor.value is not None, tensor.name
    return (tensor.value.astype(np.float64) - tensor.zero_point) * tensor.scale


def _requantized(contents: Contents, tensor: Tensor, operators: List[Operator]) -> Requantized:
    """int8 weights. A channel whose uint8 codes lie within 127 of the zero point keeps the scale of the uint8 weights,
    and so its exact values; any other channel gets the smallest scale that holds its weights, and is rounded by
    `_rounded`. A large bias may need a larger scale than the weights."""
    real, axis = _real(tensor), LAYERS[operators[0].kind].axis
    others = tuple(place for place in range(real.ndim) if place != axis)
    widest = np.abs(real).max(axis=others if axis is not None else None).reshape(-1)
    scales = np.maximum(widest / MOST, tensor.scale)
    for operator in operators:
        bias = _bias(contents, operator)
        if bias is not None:
            needed = np.abs(_real(bias)) / LARGEST_BIAS / contents.tensors[
                operator.inputs[LAYERS[operator.kind].data]].scale
            scales = np.maximum(scales, needed if axis is not None else needed.max())
    scales = scales.astype(np.float32)
    shape = [-1 if place == axis else 1 for place in range(real.ndim)]
    exact = np.moveaxis(real / scales.astype(np.float64).reshape(shape if axis is not None else -1), axis or 0, 0)
    codes = np.moveaxis(_rounded(exact.reshape(len(exact), -1)).reshape(exact.shape), 0, axis or 0)
    return Requantized(np.ascontiguousarray(codes.astype(np.int8)), scales, axis or 0)


def _rounded(exact: np.ndarray) -> np.ndarray:
    """Integers of -127..127, at most 1 from `exact` [output channels, weights], whose rounding errors sum to between
    -0.5 and 0.5 in each channel.

    The inputs of a layer are mostly of one sign, because they come from a ReLU. The sum of a channel's rounding errors
    times the mean input is therefore a shift of the channel's output that is the same for all samples. It is removed by
    rounding the weights that are nearest to the middle between two integers the other way."""
    codes = np.clip(np.rint(exact), -MOST, MOST)
    errors = codes - exact
    for channel, error in zip(codes, errors):
        step = -np.sign(error.sum())
        cost = np.where(np.abs(channel + step) <= MOST, error * step, np.inf)  # of the squared error, but for constants
        channel[np.argsort(cost, kind="stable")[:int(np.rint(abs(error.sum())))]] += step
    return codes


def _refused(why: str) -> ConvertError:
    return ConvertError("the uint8 file has no int8 twin", where="model_int8.tflite", why=why,
                        next_step="use the uint8 file; please report the network where you need the twin")
