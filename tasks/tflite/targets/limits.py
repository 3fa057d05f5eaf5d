"""Limits of targets on operators that they support. The targets' lists name them: see target_list.py.

Each is a function (contents, operator, parameters) -> a text that says what exceeds the limit and what to do; '' where
the operator is within the limit.
"""

from typing import Any, Callable, Dict, List, Mapping, Tuple

import numpy as np

from tasks.tflite.model_file import Contents, Operator, Tensor

VALID = 1  # a value of the option `padding`
CHANNELS = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 0, "TRANSPOSE_CONV": 0}
"""{layer: the axis of output channels in its weights}."""
REDUCTIONS = ("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN")
PADS = ("PAD", "PADV2", "SPACE_TO_BATCH_ND")

Parameters = Mapping[str, Any]


def _data(contents: Contents, operator: Operator) -> Tensor:
    """The first computed input; the first input where all are constants."""
    return next(iter(contents.variable_inputs(operator)), contents.tensors[operator.inputs[0]])


def _output(contents: Contents, operator: Operator) -> Tensor:
    return contents.tensors[operator.outputs[0]]


def _option(operator: Operator, name: str) -> int:
    value = operator.options.get(name, 0)
    assert isinstance(value, int), (operator.kind, name)
    return value


def _sides(tensor: Tensor) -> Tuple[int, ...]:
    """The shape without the batch."""
    return tensor.shape[1:]


def _quantization(tensor: Tensor) -> Tuple[float, int]:
    return tensor.scale, tensor.zero_point


def _axes(contents: Contents, operator: Operator) -> List[int]:
    """The axes along which an operator works, counted from 0."""
    rank = len(_data(contents, operator).shape)
    if operator.kind in REDUCTIONS or operator.kind == "SPLIT":
        value = contents.tensors[operator.inputs[0 if operator.kind == "SPLIT" else 1]].value
        return [] if value is None else [int(axis) % rank for axis in np.reshape(value, -1)]
    if operator.kind in PADS:
        value = contents.tensors[operator.inputs[1]].value
        return [] if value is None else [axis for axis, pads in enumerate(np.asarray(value)) if np.any(pads)]
    return [_option(operator, "axis") % (rank + (operator.kind == "PACK"))]


def no_activation(contents: Contents, operator: Operator, parameters: Parameters) -> str:
    if not _option(operator, "fused_activation_function"):
        return ""
    return "a ReLU is fused with it: move the ReLU to the layer before it"


def batch_untouched(contents: Contents, operator: Operator, parameters: Parameters) -> str:
    return "it works along the batch: use other axes than the first" if 0 in _axes(contents, operator) else ""


def depth_multiple(contents: Contents, operator: Operator, parameters: Parameters) -> str:
    shape = _data(contents, operator).shape
    if len(shape) - 1 not in _axes(contents, operator) or shape[-1] % parameters["of"] == 0:
        return ""
    return "it works along {} channels: the number must be a multiple of {}".format(shape[-1], parameters["of"])


def constants_zero(contents: Contents, operator: Operator, parameters: Parameters) -> str:
    constants = [contents.tensors[index] for index in operator.inputs if contents.tensors[index].value is not None]
    if not constants or len(operator.inputs) == 2 and all(np.all(each.value == each.zero_point) for each in constants):
        return ""
    return "one of its inputs is a constant: only zeros may be concatenated, and to one tensor"


def equal_dilation(contents: Contents, operator: Operator, parameters: Parameters) -> str:
    height, width = (_option(operator, "dilation_{}_factor".format(side)) for side in "hw")
    return "" if height == width else "it is dilated {} x {}: use one dilation for both".format(height, width)


def vector(contents: Contents, operator: Operator, parameters: Parameters) -> str:
    shape = _output(contents, operator).shape
    most = parameters.get("most")
    if int(np.prod(shape)) != shape[-1]:
        return "its output is {}: it must be one vector".format(" x ".join(map(str, shape)))
    if most is not None and shape[-1] > most:
        return "its output has {} elements: at most {} are supported".format(shape[-1], most)
    return ""


def large_axes(contents: Contents, operator: Operator, parameters: Parameters) -> str:
    for tensor in (_data(contents, operator), _output(contents, operator)):
        if any(side > 1 for side in tensor.shape[:-parameters["most"]]):
            return "`{}` is {}: only the {} innermost axes may be longer than 1".format(
                tensor.name, " x ".join(map(str, tensor.shape)), parameters["most"])
    return ""


def axes(contents: Contents, operator: Operator, parameters: Parameters) -> str:
    rank = max(len(contents.tensors[index].shape) for index in operator.inputs)
    return "" if rank <= parameters["most"] else "its input has {} axes: at most {} are supported".format(
        rank, parameters["most"])


def strides_one(contents: Contents, operator: Operator, parameters: Parameters) -> str:
    strides = contents.tensors[operator.inputs[3]].value
    if strides is None or np.any(np.asarray(strides) != 1):
        return "it has a step other than 1: only slices with a step of 1 are supported"
    if _option(operator, "ellipsis_mask") or _option(operator, "new_axis_mask"):
        return "it has an ellipsis or a new axis: slice first, reshape afterwards"
    return ""


def strides_forward(contents: Contents, operator: Operator, parameters: Parameters) -> str:
    """A slice may have no negative step, and steps above 1 only along height and width."""
    strides = contents.tensors[operator.inputs[3]].value
    if strides is None or np.any(np.asarray(strides) < 1):
        return "it reverses the order of elements: only positive steps are supported"
    rank = len(strides)
    if any(step > 1 and axis not in (rank - 3, rank - 2) for axis, step in enumerate(strides)):
        return "it has a step above 1 along channels: steps are supported along height and width only"
    return ""


def stride(contents: Contents, operator: Operator, parameters: Parameters) -> str:
    most = max(_option(operator, "stride_h"), _option(operator, "stride_w"))
    dilated = any(_option(operator, name) > 1 for name in ("dilation_h_factor", "dilation_w_factor"))
    if most <= parameters["most"] or parameters["any_if_valid"] and not dilated and _option(
            operator, "padding") == VALID:
        return ""
    return "its stride is {}: use at most {}{}".format(
        most, parameters["most"], ", or padding='valid'" if parameters["any_if_valid"] else "")


def window(contents: Contents, operator: Operator, parameters: Parameters) -> str:
    height, width = _option(operator, "filter_height"), _option(operator, "filter_width")
    mode = "valid" if _option(operator, "padding") == VALID else "same"
    beyond = [(max(height, width), parameters.get(mode), "side"), (height, parameters.get(mode + "_height"), "height"),
              (height * width, parameters.get(mode + "_area"), "area")]
    return next(("its window is {} x {}: with padding='{}' its {} may be at most {}".format(
        height, width, mode, side, most) for size, most, side in beyond if most is not None and size > most), "")


def weight_sum(contents: Contents, operator: Operator, parameters: Parameters) -> str:
    weights = contents.tensors[operator.inputs[1]]
    if weights.value is None:
        return "its weights are computed"
    zero = weights.zero_point if weights.scale else 0  # weights with a scale for each channel are symmetric
    others = tuple(axis for axis in range(weights.value.ndim) if axis != CHANNELS[operator.kind])
    most = int(np.abs(weights.value.astype(np.int64) - zero).sum(others).max())
    return "" if most <= parameters["most"] else "the absolute codes of a channel's weights add up to {}: at most {} " \
        "is supported".format(most, parameters["most"])


def one_quantization(contents: Contents, operator: Operator, parameters: Parameters) -> str:
    made = _quantization(_output(contents, operator))
    unlike = [each for each in contents.variable_inputs(operator) if _quantization(each) != made]
    return "`{}` and its output have different scales".format(unlike[0].name) if unlike else ""


def mean_axes(contents: Contents, operator: Operator, parameters: Parameters) -> str:
    data, along = _data(contents, operator), _axes(contents, operator)
    lengths = [data.shape[axis] for axis in along]
    if lengths and max(lengths) > parameters["length"]:
        return "it is over {} elements of one axis: at most {} are supported".format(
            max(lengths), parameters["length"])
    if int(np.prod(lengths)) > parameters[data.dtype]:
        return "it is over {} elements: at most {} are supported".format(
            int(np.prod(lengths)), parameters[data.dtype])
    if len(data.shape) - 1 in along and len(data.shape) > 3 and 1 not in _sides(data):
        return "it is over channels: supported only where height or width is 1"
    return batch_untouched(contents, operator, parameters)


def resize_factor(contents: Contents, operator: Operator, parameters: Parameters) -> str:
    before, after = (tensor.shape[1:3] for tensor in (_data(contents, operator), _output(contents, operator)))
    corners = _option(operator, "align_corners")
    ratios = {(to - corners) / max(of - corners, 1) for of, to in zip(before, after)}
    if before == (1, 1) or before == after or len(ratios) == 1 and ratios <= set(parameters["factors"]):
        return ""
    return "it resizes {} x {} to {} x {}: use the same factor for both sides, one of {}".format(
        *before, *after, ", ".join(map(str, parameters["factors"])))


def resize_corners(contents: Contents, operator: Operator, parameters: Parameters) -> str:
    return "it has align_corners=True, which needs Android API level {}".format(parameters["level"]) if _option(
        operator, "align_corners") else ""


def rows(contents: Contents, operator: Operator, parameters: Parameters) -> str:
    count = int(np.prod(_data(contents, operator).shape[:-1]))
    return "" if count <= parameters["most"] else "it is over {} rows: at most {} are supported".format(
        count, parameters["most"])


def transposed_stride(contents: Contents, operator: Operator, parameters: Parameters) -> str:
    strides = _option(operator, "stride_h"), _option(operator, "stride_w")
    height, width = contents.tensors[operator.inputs[2]].shape[1:3]
    tall, wide = contents.tensors[operator.inputs[1]].shape[1:3]
    if strides in ((1, 1), (2, 2)) or strides == (1, 2) and height == tall == 1 or strides == (
            2, 1) and width == wide == 1:
        return ""
    return "its stride is {} x {}: use 1 x 1 or 2 x 2".format(*strides)


def no_crops(contents: Contents, operator: Operator, parameters: Parameters) -> str:
    crops = contents.tensors[operator.inputs[2]].value
    return "" if crops is not None and np.size(crops) == 4 and not np.any(crops) else \
        "it crops: use a height and width that are multiples of the dilation"


def biased(contents: Contents, operator: Operator, parameters: Parameters) -> str:
    return "" if len(operator.inputs) > 2 and operator.inputs[2] >= 0 else "it has no bias: use_bias=True"


def not_last_axis(contents: Contents, operator: Operator, parameters: Parameters) -> str:
    axis, rank = _option(operator, "axis"), len(_data(contents, operator).shape)
    return "it stacks along a new last axis: use another axis" if axis in (-1, rank) else ""


def only(contents: Contents, operator: Operator, parameters: Parameters) -> str:
    """The operator is supported in one type only."""
    return "" if _output(contents, operator).dtype == parameters["dtype"] else parameters["words"]


LIMITS: Dict[str, Callable[[Contents, Operator, Parameters], str]] = {function.__name__: function for function in (
    no_activation, batch_untouched, depth_multiple, constants_zero, equal_dilation, vector, large_axes, axes,
    strides_one, strides_forward, stride, window, weight_sum, one_quantization, mean_axes, resize_factor,
    resize_corners, rows, transposed_stride, no_crops, biased, not_last_axis, only)}

PERHAPS, LEVEL = "perhaps", "level"
"""Two entries of a list that exclude nothing. PERHAPS, {words}: a condition that only the target's compiler can check.
LEVEL, {uint8, int8}: the lowest Android API level that supports the operator."""
