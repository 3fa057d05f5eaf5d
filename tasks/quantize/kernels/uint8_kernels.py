"""What TensorFlow 1.14's uint8 kernels, and toco before them, do with the range of each tensor.

The table is the policy of `complete`: an operation that is not in it has no uint8 form. Facts are from
toco's hardcode_min_max.cc and quantize.cc, and from each kernel alone through the 1.14 interpreter.
"""

import math
from typing import Dict, NamedTuple, Optional, Tuple

import tensorflow as tf

from tasks.quantize.kernels.layers import LAYERS

LAYER = "layer"        # weights; a range of its own, behind the bias and activation fused with it
OWN = "own"            # a range of its own, behind the activation fused with it
FOLLOWS = "follows"    # its kernel moves, averages or compares codes: the range of its input
FIXED = "fixed"        # the kernel's own, hard-coded
SHARED = "shared"      # inputs and output in one range: the kernel compares codes
ACTIVATION = "activation"  # part of the operation before it

RELUS = ("Relu", "Relu6")
FUSES_BIAS = tuple(op for op, layer in LAYERS.items() if layer.fuses_bias)
FUSES_RELU = ("BiasAdd", *FUSES_BIAS, "Add", "AddV2", "Sub", "Mul")
"""What toco fuses a ReLU with, and the 1.14 kernel then honours it."""

SUMS = ("Add", "AddV2", "Sub")
WITH_CONSTANTS = SUMS + ("Mul", "ConcatV2")
"""What may have a constant among its data."""

Limits = Tuple[float, float]


class Kernel(NamedTuple):
    """How one operation takes and gives ranges.

    data:     which inputs are data; None is all of them. The others are weights, axes, sizes.
    weights:  which input is a layer's weights.
    limits:   the real values of codes 0 and 255 where they are FIXED.
    scales:   between which scales of its input the kernel is right; None is any.
    carried:  whether toco hands its input's range on: if not, or where the kernel rounds, it is said
              again by a fake-quant.
    """

    kind: str
    data: Optional[Tuple[int, ...]] = (0,)
    weights: Optional[int] = None
    limits: Optional[Limits] = None
    scales: Optional[Limits] = None
    carried: bool = True

    @property
    def data_input(self) -> int:
        """The number of the first input that is data."""
        return self.data[0] if self.data else 0

    @property
    def weights_input(self) -> int:
        """The number of the input that is the weights, of a layer's kernel."""
        assert self.weights is not None, self.kind
        return self.weights


# LOGISTIC, TANH and SOFTMAX hold 16 / scale in 16 bits: below a scale of 16 / 32767 they are off by up to
# 130 codes (at 2.2e-4; at 7e-4 they are right). Above 16 the multiplier of the first two overflows.
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
    # Without a fake-quant behind it toco leaves a dilated convolution, that reads the slice, in pieces: "SpaceToBatchND
    # has no range". Its pass goes astray, it seems, by the operators that it takes away at the L2 normalization.
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
"""Kernels that take no tensor of more axes: MAXIMUM aborts the interpreter's process, the others refuse to run, MEAN is
5 LSB off."""
FEWER_AXES = {
    "": "its kernel takes at most {} axes: reshape the tensor to fewer",
    "Transpose": "its kernel takes at most {} axes, and no two of these stay neighbours: use tf.nn.depth_to_space or "
                 "tf.nn.space_to_depth where it is one of them, else two transposes of fewer axes, reshaped between"}
"""By operation what to do where there are more than MOST_AXES; "" is any other."""
BROADCASTING = ("Add", "AddV2", "Sub", "Mul")
"""With operands of unlike shapes these take no more axes either."""
ELEMENTWISE = (*BROADCASTING, "Maximum", "Minimum", "RealDiv", "SquaredDifference")

_AT_REST = "batch statistics have no uint8 form: call the layer without training=True"

_AT_RANDOM = "a network in use draws no random numbers: call the layer without training=True, or leave it out"

_STEP = ("a step, such as a comparison or ReLU(threshold=...), jumps between two codes: use relu(x - threshold), or "
         "leave it to whoever reads the output")

_PER_SAMPLE = ("it gives another number of samples than comes in: a constant has as many as the input, and a tile "
               "leaves the first axis alone")

NO_KERNEL: Dict[str, str] = {
    "Softplus": "use relu, or swish, or `model: {approximate: [softplus]}`",
    "Elu": "use relu or leaky_relu, or `model: {approximate: [elu]}` (`[selu]` where it is Keras' selu)",
    "Selu": "use relu or leaky_relu, or `model: {approximate: [selu]}`",
    "Softsign": "use tanh",
    "Exp": "there is no exponential in uint8: use sigmoid, tanh or softmax",
    "Log": "there is no logarithm in uint8: leave it out of the network, and apply it to its output",
    "RealDiv": "there is no division by a tensor in uint8: multiply by sigmoid or a learnt scale",
    "LRN": "use batch normalization, which disappears into the layer before it",
    "Rsqrt": "use batch normalization, or l2_normalize over the last axis with an epsilon of at most 1e-6, whose norm "
             "nothing else reads",
    "Sqrt": "a length: use l2_normalize over the last axis. Else apply it outside the network",
    "Pow": "whole powers from 1 to 4 are products, others have no kernel: use one of these",
    "BatchMatMul": "a product of two computed tensors has no uint8 kernel: use a dense layer",
    "BatchMatMulV2": "a product of two computed tensors has no uint8 kernel: use a dense layer",
    "Conv3D": "use two-dimensional convolutions",
    "Conv3DBackpropInputV2": "use two-dimensional convolutions",
    "MaxPool3D": "use two-dimensional pooling",
    "AvgPool3D": "use two-dimensional pooling",
    "ArgMax": "leave it to whoever reads the output, whose largest code is the same one: let the network end before "
              "it, and the target be of kind `class` or `class_map`",
    "Select": "a choice for each element has no uint8 kernel: use maximum, minimum, relu or leaky_relu",
    "Switch": "a branch that the data decides has no uint8 form: compute both, and weigh them by a sigmoid",
    "Merge": "a branch that the data decides has no uint8 form: compute both, and weigh them by a sigmoid",
    "FusedBatchNorm": _AT_REST, "FusedBatchNormV2": _AT_REST, "FusedBatchNormV3": _AT_REST,
    "RandomUniform": _AT_RANDOM, "RandomUniformInt": _AT_RANDOM, "RandomStandardNormal": _AT_RANDOM,
    "TruncatedNormal": _AT_RANDOM, "RandomShuffle": _AT_RANDOM, "Multinomial": _AT_RANDOM,
    "PyFunc": "Python does not travel with the file: write it in TensorFlow's operations",
    "PyFuncStateless": "Python does not travel with the file: write it in TensorFlow's operations",
    "PartitionedCall": "this tf.function branches, or loops: write it without tf.function",
    "StatefulPartitionedCall": "this tf.function branches, or loops: write it without tf.function",
    "Tile": _PER_SAMPLE, "Fill": _PER_SAMPLE, "ZerosLike": _PER_SAMPLE, "OnesLike": _PER_SAMPLE,
    "Cast": "a network computes with float32 alone: leave casts to other types out of it",
    "ArgMin": "leave it out: the smallest of the output's codes is the same one",
    "TopKV2": "leave it out: whoever reads the output's codes can sort them",
    "OneHot": "the largest of a layer's codes is the same one: leave it to whoever reads the output",
    **dict.fromkeys(("Greater", "GreaterEqual", "Less", "LessEqual", "Equal", "NotEqual", "Sign", "Round", "Floor"),
                    _STEP),
}
"""Operations that people use and uint8 has no kernel for: the way out."""

UNSUPPORTED_ATTRIBUTES = {
    ("transpose_a", True): "it mixes the samples of a batch, of which the file is given one: turn the weights instead",
    ("data_format", b"NCHW"): "no kernel has the channels first: use data_format='channels_last'",
    ("half_pixel_centers", True): "its kernel takes pixels by their corners: use UpSampling2D, or "
                                  "tf.compat.v1.image.resize_bilinear",
}
"""What an operation may be told to do that its kernel does not: the way out."""


AXES_OPERAND = {"Mean": 1, "Sum": 1, "Max": 1, "Min": 1, "ConcatV2": -1, "GatherV2": 2, "Split": 0, "SplitV": 2,
                "ReverseV2": 1, "Roll": 2}
"""The index of the operand that holds the axes which an operation works along."""

_MIXES = "it mixes the samples of a batch, of which the file is given one: leave the first axis alone"


def unsupported_use(operation: tf.Operation) -> str:
    """The way out where the operation is told to do what its kernel does not, else ""."""
    if operation.type in AXES_OPERAND:
        axes = tf.get_static_value(operation.inputs[AXES_OPERAND[operation.type] % len(operation.inputs)])
        rank = max((tensor.shape.ndims or 0) for tensor in operation.inputs)
        if axes is not None and rank and 0 in axes.reshape(-1) % rank:
            return _MIXES
    if operation.type in ("Slice", "StridedSlice") and not _all_samples(operation):
        return _MIXES
    attrs = {attr.name for attr in operation.op_def.attr}
    if operation.type.startswith("FusedBatchNorm") and operation.get_attr("data_format") == b"NCHW":
        return "no kernel has the channels first: use BatchNormalization(axis=-1), and channels last"
    found = next((way for (name, value), way in UNSUPPORTED_ATTRIBUTES.items()
                  if name in attrs and operation.get_attr(name) == value), "")
    if not found and "ksize" in attrs and any(
            operation.get_attr(name)[axis] != 1 for name in ("ksize", "strides") for axis in (0, 3)):
        return "its kernel has its window over height and width alone: use maximum, or the mean, of slices"
    return found


def _all_samples(operation: tf.Operation) -> bool:
    """Whether a slice takes the first axis whole and as it is, as far as it says."""
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
    """What to do about an operation that is not in the table."""
    return NO_KERNEL.get(op, "replace it by convolution, dense, pooling, addition, multiplication, concatenation, "
                             "relu, sigmoid, tanh or softmax")
