"""How TensorFlow 1.14's uint8 kernels, and toco before them, treat the ranges of tensors.

ranges/assign.py assigns ranges by this table. An operation that is not in it has no uint8 form. The facts come from
toco's hardcode_min_max.cc and quantize.cc, and from tests of each kernel in the 1.14 interpreter.
"""

import math
from typing import Dict, NamedTuple, Optional, Tuple

import tensorflow as tf

from tasks.quantize.kernels.layers import LAYERS

LAYER = "layer"        # has weights; its output, after the bias and activation fused with it, has its own range
OWN = "own"            # its output, after the activation fused with it, has its own range
FOLLOWS = "follows"    # moves, averages or compares codes: its output has the range of its input
FIXED = "fixed"        # its output has a range that is hard-coded in the kernel
SHARED = "shared"      # compares codes: its inputs and its output have one range
ACTIVATION = "activation"  # fused with the operation before it

RELUS = ("Relu", "Relu6")
FUSES_BIAS = tuple(op for op, layer in LAYERS.items() if layer.fuses_bias)
FUSES_RELU = ("BiasAdd", *FUSES_BIAS, "Add", "AddV2", "Sub", "Mul")
"""Operations that toco fuses a ReLU with and whose 1.14 kernel then applies it."""

SUMS = ("Add", "AddV2", "Sub")
WITH_CONSTANTS = SUMS + ("Mul", "ConcatV2")
"""Operations that may have a constant among their data."""

Limits = Tuple[float, float]


class Kernel(NamedTuple):
    """The ranges that one operation needs.

    data:     the indices of the inputs that are data; None for all. The others are weights, axes, sizes.
    weights:  the index of a layer's weights.
    limits:   the real values of codes 0 and 255 of a FIXED range.
    scales:   the scales of the input for which the kernel is right, (least, largest); None for any.
    carried:  whether toco passes the range of the input on to the output. If not, or where the kernel rounds, a
              fake-quant states the range again.
    """

    kind: str
    data: Optional[Tuple[int, ...]] = (0,)
    weights: Optional[int] = None
    limits: Optional[Limits] = None
    scales: Optional[Limits] = None
    carried: bool = True

    @property
    def data_input(self) -> int:
        """The index of the first input that is data."""
        return self.data[0] if self.data else 0

    @property
    def weights_input(self) -> int:
        """The index of the weights; only for a LAYER."""
        assert self.weights is not None, self.kind
        return self.weights


# LOGISTIC, TANH and SOFTMAX store 16 / scale in 16 bits: below a scale of 16 / 32767 they are off by up to
# 130 codes (at 2.2e-4; at 7e-4 they are right). Above a scale of 16, the multiplier of the first two overflows.
_SIXTEEN_BITS = (5e-4, 15.9)

_MOVES = Kernel(FOLLOWS)
_RESTATED = Kernel(FOLLOWS, carried=False)

TABLE: Dict[str, Kernel] = {
    **{op: Kernel(LAYER, data=(layer.data,), weights=layer.weights) for op, layer in LAYERS.items()},
    "BiasAdd": Kernel(OWN),
    "Add": Kernel(OWN, data=None),
    "AddV2": Kernel(OWN, data=None),
    "Sub": Kernel(OWN, data=None),
    "Mul": Kernel(OWN, data=None),
    "ConcatV2": Kernel(OWN, data=None),
    "Relu": Kernel(ACTIVATION),
    "Relu6": Kernel(ACTIVATION),
    "Maximum": Kernel(SHARED, data=None),
    "Minimum": Kernel(SHARED, data=None),
    "Sigmoid": Kernel(FIXED, limits=(0.0, 255 / 256), scales=_SIXTEEN_BITS),
    "Softmax": Kernel(FIXED, limits=(0.0, 255 / 256), scales=(5e-4, math.inf)),
    "LogSoftmax": Kernel(FIXED, limits=(-16 * 255 / 256, 0.0), scales=(5e-4, math.inf)),
    "Tanh": Kernel(FIXED, limits=(-1.0, 127 / 128), scales=_SIXTEEN_BITS),
    "l2_normalization": Kernel(FIXED, limits=(-1.0, 127 / 128)),
    # Without a fake-quant after the slice, toco does not merge a dilated convolution that reads it: "SpaceToBatchND has
    # no range". The probable cause: toco iterates over the operators while it removes those of the L2 normalization.
    "without_floor": _RESTATED,
    "Reshape": _MOVES, "Squeeze": _MOVES, "ExpandDims": _MOVES, "Transpose": _MOVES,
    "Slice": _MOVES, "StridedSlice": _MOVES, "Pad": _MOVES, "GatherV2": _MOVES,
    "Split": Kernel(FOLLOWS, data=(1,)),
    "MaxPool": _MOVES, "ResizeNearestNeighbor": _MOVES,
    "AvgPool": _RESTATED, "Mean": _RESTATED, "Max": _MOVES, "Min": _MOVES, "ResizeBilinear": _RESTATED,
    "SpaceToBatchND": _RESTATED, "BatchToSpaceND": _RESTATED,
    "SpaceToDepth": _RESTATED,
    "PadV2": _RESTATED,
}

MOST_AXES = 4
FEW_AXES = ("Pad", "PadV2", "Slice", "StridedSlice", "Transpose", "Mean", "Softmax", "l2_normalization", "Maximum",
            "Minimum")
"""Operations whose kernels support at most MOST_AXES axes. With more, MAXIMUM aborts the interpreter's process,
MEAN is 5 LSB off, and the others refuse to run."""
FEWER_AXES = {
    "": "its kernel takes at most {} axes: reshape the tensor to fewer",
    "Transpose": "its kernel takes at most {} axes, and its axes cannot be merged: use tf.nn.depth_to_space or "
                 "tf.nn.space_to_depth where it is one of them, else two transposes of fewer axes with a reshape "
                 "between them"}
"""{operation: what to do where it has more than MOST_AXES axes}; "" stands for all other operations."""
BROADCASTING = ("Add", "AddV2", "Sub", "Mul")
"""With operands of different shapes, these also support at most MOST_AXES axes."""
ELEMENTWISE = (*BROADCASTING, "Maximum", "Minimum", "RealDiv", "SquaredDifference")

_BATCH_STATISTICS = "batch statistics have no uint8 form: call the layer without training=True"

_RANDOM = "random numbers have no uint8 kernel: call the layer without training=True, or leave it out"

_STEP = ("a step, such as a comparison or ReLU(threshold=...), has no uint8 kernel: use relu(x - threshold), or apply "
         "it outside the network, to its output")

_OTHER_BATCH_SIZE = ("its result must have as many samples as the input: give a constant the batch size of the input, "
                     "and do not tile the first axis")

NO_KERNEL: Dict[str, str] = {
    "Softplus": "use relu, or swish, or `model: {approximate: [softplus]}`",
    "Elu": "use relu or leaky_relu, or `model: {approximate: [elu]}` (`[selu]` where it is Keras' selu)",
    "Selu": "use relu or leaky_relu, or `model: {approximate: [selu]}`",
    "Softsign": "use tanh",
    "Exp": "there is no exponential in uint8: use sigmoid, tanh or softmax",
    "Log": "there is no logarithm in uint8: apply it outside the network, to its output",
    "RealDiv": "there is no division by a tensor in uint8: multiply by sigmoid or a learnt scale",
    "LRN": "use batch normalization, which is folded into the layer before it",
    "Rsqrt": "use batch normalization, or l2_normalize over the last axis with an epsilon of at most 1e-6, whose norm "
             "nothing else reads",
    "Sqrt": "for a norm, use l2_normalize over the last axis; else apply it outside the network",
    "Pow": "only powers with the whole exponents 1 to 4 have a uint8 form, as products: use one of these",
    "BatchMatMul": "a product of two computed tensors has no uint8 kernel: use a dense layer",
    "BatchMatMulV2": "a product of two computed tensors has no uint8 kernel: use a dense layer",
    "Conv3D": "use two-dimensional convolutions",
    "Conv3DBackpropInputV2": "use two-dimensional convolutions",
    "MaxPool3D": "use two-dimensional pooling",
    "AvgPool3D": "use two-dimensional pooling",
    "ArgMax": "let the network end before it, with a target of kind `class` or `class_map`: the largest code of the "
              "output is at the same index",
    "Select": "a choice for each element has no uint8 kernel: use maximum, minimum, relu or leaky_relu",
    "Switch": "a branch that depends on the data has no uint8 form: compute both, and weight them by a sigmoid",
    "Merge": "a branch that depends on the data has no uint8 form: compute both, and weight them by a sigmoid",
    "FusedBatchNorm": _BATCH_STATISTICS, "FusedBatchNormV2": _BATCH_STATISTICS, "FusedBatchNormV3": _BATCH_STATISTICS,
    "RandomUniform": _RANDOM, "RandomUniformInt": _RANDOM, "RandomStandardNormal": _RANDOM,
    "TruncatedNormal": _RANDOM, "RandomShuffle": _RANDOM, "Multinomial": _RANDOM,
    "PyFunc": "a .tflite file cannot call Python: write it in TensorFlow's operations",
    "PyFuncStateless": "a .tflite file cannot call Python: write it in TensorFlow's operations",
    "PartitionedCall": "this tf.function has branches or loops: write it without tf.function",
    "StatefulPartitionedCall": "this tf.function has branches or loops: write it without tf.function",
    "Tile": _OTHER_BATCH_SIZE, "Fill": _OTHER_BATCH_SIZE, "ZerosLike": _OTHER_BATCH_SIZE,
    "OnesLike": _OTHER_BATCH_SIZE,
    "Cast": "a network must compute in float32 only: remove casts to other types",
    "ArgMin": "leave it out: the smallest code of the output is at the same index",
    "TopKV2": "leave it out: the codes of the output can be sorted outside the network",
    "OneHot": "leave it out: it follows from the largest code of the output",
    **dict.fromkeys(("Greater", "GreaterEqual", "Less", "LessEqual", "Equal", "NotEqual", "Sign", "Round", "Floor"),
                    _STEP),
}
"""{operation that has no uint8 kernel: what to do instead}."""

UNSUPPORTED_ATTRIBUTES = {
    ("transpose_a", True): "it mixes the samples of a batch, but the file gets one at a time: transpose the weights "
                           "instead",
    ("data_format", b"NCHW"): "no kernel supports channels first: use data_format='channels_last'",
    ("half_pixel_centers", True): "its kernel does not support half_pixel_centers: use UpSampling2D, or "
                                  "tf.compat.v1.image.resize_bilinear",
}
"""{(attribute, value that no kernel supports): what to do instead}."""


AXES_OPERAND = {"Mean": 1, "Sum": 1, "Max": 1, "Min": 1, "ConcatV2": -1, "GatherV2": 2, "Split": 0, "SplitV": 2,
                "ReverseV2": 1, "Roll": 2}
"""{operation: the index of the operand that holds its axes}."""

_MIXES_SAMPLES = "it mixes the samples of a batch, but the file gets one at a time: use other axes than the first"


def unsupported_use(operation: tf.Operation) -> str:
    """What to do instead where the operation has axes or attributes that its kernel does not support, else ""."""
    if operation.type in AXES_OPERAND:
        axes = tf.get_static_value(operation.inputs[AXES_OPERAND[operation.type] % len(operation.inputs)])
        rank = max((tensor.shape.ndims or 0) for tensor in operation.inputs)
        if axes is not None and rank and 0 in axes.reshape(-1) % rank:
            return _MIXES_SAMPLES
    if operation.type in ("Slice", "StridedSlice") and not _keeps_all_samples(operation):
        return _MIXES_SAMPLES
    attrs = {attr.name for attr in operation.op_def.attr}
    if operation.type.startswith("FusedBatchNorm") and operation.get_attr("data_format") == b"NCHW":
        return "no kernel supports channels first: use BatchNormalization(axis=-1), and channels last"
    advice = next((way for (name, value), way in UNSUPPORTED_ATTRIBUTES.items()
                   if name in attrs and operation.get_attr(name) == value), "")
    if not advice and "ksize" in attrs and any(
            operation.get_attr(name)[axis] != 1 for name in ("ksize", "strides") for axis in (0, 3)):
        return "its kernel pools over height and width only: use the maximum or the mean of slices"
    return advice


def _keeps_all_samples(operation: tf.Operation) -> bool:
    """Whether a slice keeps the first axis unchanged, or this is not known."""
    begin, end = (tf.get_static_value(tensor) for tensor in operation.inputs[1:3])
    if begin is None or end is None:
        return True
    if operation.type == "Slice":
        return begin[0] == 0 and end[0] == -1
    if any(operation.get_attr(name) & 1 for name in ("ellipsis_mask", "new_axis_mask")):
        return True
    return (tf.get_static_value(operation.inputs[3])[0] == 1 and bool(operation.get_attr("end_mask") & 1)
            and (bool(operation.get_attr("begin_mask") & 1) or begin[0] == 0)
            and not operation.get_attr("shrink_axis_mask") & 1)


RECURRENT = ("CudnnRNN", "CudnnRNNV2", "CudnnRNNV3")
LOOPS = ("Enter", "NextIteration", "LoopCond", "While", "StatelessWhile", "TensorArrayV3",
         "TensorListReserve") + RECURRENT
RECURRENT_WAY_OUT = "recurrent layers have no uint8 form in TensorFlow 1.14: use Conv1D over time"


def way_out(op: str) -> str:
    """What to do instead of an operation that is not in the table."""
    return NO_KERNEL.get(op, "replace it by convolution, dense, pooling, addition, multiplication, concatenation, "
                             "relu, sigmoid, tanh or softmax")
