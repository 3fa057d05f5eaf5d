"""The passes that rewrite a float network for uint8, in the order in which they run.

A pass is a function of an EditableGraph. It changes the graph in place, keeps the function that the network computes
(up to float rounding), and returns what it changed.
"""

from typing import Callable, Dict, List, NamedTuple, Tuple

from tasks.quantize.ir.change import Change
from tasks.quantize.ir.editable_graph import EditableGraph
from tasks.quantize.rewrites import (
    activations,
    affine,
    arithmetic,
    clamps,
    cleanup,
    composites,
    data_movement,
    fold_preprocessing,
    reductions,
    resizes,
    stacks,
    transposes,
    wide_depthwise,
)

CLEAN = "clean up"            # removes nodes that hide patterns from later passes
REPLACE = "replace"           # replaces operations without a correct uint8 kernel by operations that have one
FOLD = "fold"                 # folds arithmetic by constants into the layer before it
RANGES = "prepare ranges"     # lets each tensor take the range that its kernel needs
FINISH = "finish"             # gives the rest the form that toco and the kernels accept
PHASES = (CLEAN, REPLACE, FOLD, RANGES, FINISH)
"""The phases in order; all passes of a phase run before those of the next one."""


class Pass(NamedTuple):
    """One rewrite of a network.

    name:    the unique name that users read.
    phase:   one of PHASES.
    run:     changes the graph, and returns the changes.
    leaves:  what holds after the pass.
    answers: the error of toco, or the fault of a 1.14 kernel, that the pass avoids.
    after:   {name of a pass that must run before this one: the reason}.
    """

    name: str
    phase: str
    run: Callable[[EditableGraph], List[Change]]
    leaves: str
    answers: str
    after: Dict[str, str] = {}


PASSES: Tuple[Pass, ...] = (
    Pass("remove identities", CLEAN, cleanup.remove_identities,
         leaves="no node returns its input unchanged",
         answers="tf.contrib.quantize takes an Identity for an activation and gives it a range"),
    Pass("resolve constant branches", CLEAN, cleanup.resolve_constant_branches,
         leaves="no Switch or Merge has a constant condition",
         answers="branches have no uint8 kernel",
         after={"remove identities": "an Identity can stand between the constant and the Switch"}),
    Pass("collapse broadcast constants", CLEAN, cleanup.collapse_broadcast_constants,
         leaves="no constant operand repeats its values along an axis that the other operand has",
         answers="arithmetic by one number is recognized only where the constant is one number",
         after={"remove identities": "an Identity can stand between the constant and its reader",
                "resolve constant branches": "a constant can stand in the branch that is taken"}),

    Pass("recognize softmax", REPLACE, composites.recognize_softmax,
         leaves="a softmax over the last axis is one Softmax",
         answers="toco says `Unimplemented: this graph contains an operator of type Exp`",
         after={"remove identities": "the pattern is a chain of direct readers"}),
    Pass("mark L2 normalization", REPLACE, composites.mark_l2_normalization,
         leaves="the nodes of an L2 normalization are marked as one kernel, and no vector is one code long",
         answers="L2_NORMALIZATION wraps where a vector is one code long",
         after={"remove identities": "the pattern is a chain of direct readers"}),
    Pass("split clip_by_value", REPLACE, clamps.split_clip_by_value,
         leaves="no ClipByValue is left",
         answers="no uint8 kernel is named ClipByValue"),
    Pass("expand LeakyReLU", REPLACE, activations.expand_leaky_relu,
         leaves="no LeakyRelu is left",
         answers="LEAKY_RELU of 1.14 computes with a wrong scale: 106 LSB off"),
    Pass("replace reductions of stacks", REPLACE, stacks.replace_stack_reductions,
         leaves="no reduction over the first axis of a stack is left, and no Unpack takes such a stack apart",
         answers="a stack along a new first axis mixes the samples of a batch"),
    Pass("expand arithmetic", REPLACE, arithmetic.expand_arithmetic,
         leaves="arithmetic has a uint8 kernel, or a later pass replaces it",
         answers="no uint8 kernel computes it, or its operands would have no range",
         after={"recognize softmax": "the maximum in a softmax is part of the pattern",
                "mark L2 normalization": "the square in an L2 normalization is part of the kernel",
                "replace reductions of stacks": "a stack becomes a concatenation here, which can no longer be undone"}),
    Pass("recognize clamps", REPLACE, clamps.recognize_clamps,
         leaves="no Maximum or Minimum has a constant; each chain of them is one Clamp with 0 inside its bounds",
         answers="toco reads the constant of a quantized MAXIMUM as if it were float",
         after={"collapse broadcast constants": "a constant of equal values is a clamp to this value",
                "split clip_by_value": "its two halves become one Clamp",
                "replace reductions of stacks": "the maximum over a stack can have a constant among its tensors"}),
    Pass("replace moves of data", REPLACE, data_movement.replace_moves,
         leaves="moves of data have a uint8 kernel, where they can be composed of moves that have one",
         answers="toco has no such uint8 operator, or refuses its form",
         after={"remove identities": "operands have to be constants"}),
    Pass("merge axes of transposes", REPLACE, transposes.merge_transpose_axes,
         leaves="a Transpose has at most four axes, where merging axes that stay neighbours achieves this",
         answers="TRANSPOSE takes at most four axes"),
    Pass("drop inverse reshapes", REPLACE, data_movement.drop_inverse_reshapes,
         leaves="no reshape undoes the one before it",
         answers="a reshape between two operations prevents their fusion",
         after={"expand arithmetic": "it makes reshapes",
                "replace moves of data": "it puts reshapes around dilated convolutions of sequences",
                "merge axes of transposes": "it makes reshapes"}),
    Pass("replace bilinear resizes", REPLACE, resizes.replace_bilinear_resizes,
         leaves="no ResizeBilinear by 2, 3/2, 2/3, 1/2 or 1/3 is left",
         answers="RESIZE_BILINEAR truncates"),
    Pass("turn reductions into convolutions", REPLACE, reductions.reductions_to_convolutions,
         leaves="no Mean or Sum is left, except over the batch",
         answers="MEAN keeps its input's range and truncates, and SUM wraps",
         after={"recognize softmax": "the sum in a softmax is part of the pattern",
                "mark L2 normalization": "the sum in an L2 normalization is part of the kernel",
                "replace reductions of stacks": "a mean over a stack is a sum of its tensors"}),

    Pass("recognize arithmetic by constants", FOLD, affine.recognize_affine,
         leaves="batch norm, bias and all arithmetic by constants for each channel is one kind of node, Affine",
         answers="toco says `Array FusedBatchNorm_mul_0 ... is lacking min/max data`",
         after={"collapse broadcast constants": "a constant has to be one number for each channel",
                "expand LeakyReLU": "its product by alpha is arithmetic by a constant",
                "expand arithmetic": "it makes products by a constant",
                "recognize clamps": "moving a clamp around 0 makes sums with a constant"}),
    Pass("merge arithmetic by constants", FOLD, affine.merge_affine,
         leaves="no Affine follows another, or a reshape that keeps the channels together",
         answers="each operator rounds once: one operator instead of two",
         after={"recognize arithmetic by constants": "it makes the Affines",
                "drop inverse reshapes": "a pair of reshapes would stand between two Affines"}),
    Pass("fold preprocessing into the first layer", FOLD, fold_preprocessing.fold_preprocessing,
         leaves="no preprocessing of a picture stands before a convolution that does not pad",
         answers="each operator rounds once: the first layer reads the codes of the picture itself",
         after={"merge arithmetic by constants": "batch norm of the picture is folded with its preprocessing"}),
    Pass("fold arithmetic into layers", FOLD, affine.fold_affine,
         leaves="no Affine follows a layer whose output nothing else reads",
         answers="toco says `Array FusedBatchNorm_mul_0 ... is lacking min/max data`",
         after={"merge arithmetic by constants": "a layer takes one Affine",
                "fold preprocessing into the first layer": "it makes Affines after layers",
                "turn reductions into convolutions": "the convolution of a mean takes an Affine too"}),

    Pass("move ReLU before reshapes", RANGES, affine.relu_before_reshape,
         leaves="no reshape stands between a layer and its ReLU",
         answers="toco fuses a ReLU only with the layer directly before it",
         after={"fold arithmetic into layers": "the layer's bias has to stand before the ReLU"}),
    Pass("requantize before a ReLU", RANGES, activations.requantize_before_relu,
         leaves="every ReLU follows a node that toco fuses it with",
         answers="the kernel of a RELU alone says `Only float32 is supported`",
         after={"move ReLU before reshapes": "a ReLU after a reshape could be fused with the layer"}),
    Pass("saturate clamps", RANGES, clamps.saturate_clamps,
         leaves="no Clamp is left; each is a Minimum and a Maximum that the range of their input implements",
         answers="toco reads the constant of a quantized MAXIMUM as if it were float",
         after={"recognize clamps": "it makes the Clamps",
                "fold arithmetic into layers": "the gain of a layer is that of its folded weights",
                "requantize before a ReLU": "a clamp is fused with the layer that a ReLU is fused with"}),
    Pass("requantize before a maximum or minimum", RANGES, activations.requantize_before_extremes,
         leaves="nothing else reads the operands of a Maximum or Minimum, and they can take the range of the result",
         answers="MAXIMUM of operands in different ranges is 128 LSB off",
         after={"fold arithmetic into layers": "max(x, alpha * x) is recognized by its Affine",
                "saturate clamps": "a clamp is a marked Maximum, which has no operand to convert"}),
    Pass("requantize before a sigmoid", RANGES, activations.requantize_before_sigmoid,
         leaves="no Sigmoid or Tanh reads a sum or a large product, and no softmax reads an input of the network",
         answers="LOGISTIC, TANH and SOFTMAX are right only for input scales from 5e-4 to 16; above 16 they abort",
         after={"saturate clamps": "the bounds of a clamp limit how large a product becomes",
                "requantize before a maximum or minimum": "a converted operand is no sum"}),

    Pass("separate outputs", FINISH, cleanup.separate_outputs,
         leaves="each output is a tensor of its own, and none is an input",
         answers="a .tflite file names each output once"),
    Pass("turn arithmetic by constants into convolutions", FINISH, affine.affine_to_depthwise,
         leaves="no Affine is left: each is a depthwise 1x1 convolution with a bias",
         answers="a uint8 MUL and a uint8 ADD would round twice",
         after={name: "it makes Affines that only convert to another range" for name in (
             "requantize before a ReLU", "saturate clamps", "requantize before a maximum or minimum",
             "requantize before a sigmoid", "separate outputs")}),
    Pass("split wide depthwise convolutions", FINISH, wide_depthwise.split_wide_depthwise,
         leaves="no depthwise convolution makes more than 2048 channels",
         answers="DEPTHWISE_CONV_2D of 1.14 never returns with more than 2048 channels",
         after={"turn arithmetic by constants into convolutions": "it makes depthwise convolutions"}),
    Pass("move transposes before reshapes", FINISH, transposes.transpose_before_reshape,
         leaves="no Transpose follows a reshape that only adds or removes axes of one element",
         answers="toco exchanges the two, and aborts with `axis >= 0 (-511763232 vs. 0)`",
         after={name: "it makes reshapes" for name in (
             "turn reductions into convolutions", "merge axes of transposes",
             "turn arithmetic by constants into convolutions", "split wide depthwise convolutions")}),
)


def misplaced(passes: Tuple[Pass, ...]) -> List[str]:
    """The faults in the order of the passes, a sentence for each; empty where it is right."""
    place = {each.name: index for index, each in enumerate(passes)}
    faults = ["two passes are named `{}`".format(each.name) for index, each in enumerate(passes)
              if place[each.name] != index]
    for before, after in zip(passes, passes[1:]):
        if PHASES.index(before.phase) > PHASES.index(after.phase):
            faults.append("`{}` of phase {} follows `{}` of phase {}".format(
                after.name, after.phase, before.name, before.phase))
    for each in passes:
        faults.extend("`{}` has to follow `{}`: {}".format(each.name, name, reason)
                      for name, reason in each.after.items() if place.get(name, len(passes)) >= place[each.name])
    return faults
