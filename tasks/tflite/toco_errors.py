"""Translates toco's last message into an error that names the tensor or layer, the cause and the next step.

The first of COMPLAINTS whose pattern matches gives the error. A message that matches none is quoted.
"""

import re
from typing import NamedTuple, Pattern

from octet.errors import ConvertError

REPORT = "please report the network"
LAST_LINES = 5  # of a message that is quoted
TIME = re.compile(r"^[-\d]+ [:.\d]+: (?=[IWEF] )", re.MULTILINE)


class Complaint(NamedTuple):
    """One of toco's messages, and the parts of the error for it. The groups of `pattern` fill `what`. A comment beside
    each names the file of toco's source."""

    pattern: Pattern[str]
    what: str
    why: str
    next_step: str


COMPLAINTS = (
    Complaint(  # tooling_util.cc
        re.compile(r"Array (\S+), which is an input to the (\S+) operator producing the output array (\S+), "
                   r"is lacking min/max data"),
        "tensor {} has no range; it goes into the {} that makes {}",
        "a uint8 kernel needs the range of each of its inputs", REPORT),
    Complaint(  # quantize.cc
        re.compile(r"Array (\S+) does not have MinMax information, and is not a constant array"),
        "tensor {} has no range", "a uint8 kernel needs the range of what it makes", REPORT),
    Complaint(  # quantize.cc
        re.compile(r"Output array named (\S+) lacks minmax"),
        "tensor {} has no range", "its kernel's scale is known, and toco still wants to be told a range", REPORT),
    Complaint(  # quantize.cc
        re.compile(r"graph contains an operator of type \(Unsupported TensorFlow op: (\S+)\) for which the quantized"),
        "TensorFlow Lite has no operator {}", "neither uint8 nor float kernels exist for it",
        "express it with operators that have a uint8 kernel\n" + REPORT),
    Complaint(  # quantize.cc
        re.compile(r"graph contains an operator of type (\S+) for which the quantized form is not yet implemented"),
        "the operator {} has no uint8 kernel", "toco can convert it in float only",
        "express it with operators that have one\n" + REPORT),
    Complaint(  # tflite/export.cc
        re.compile(r"list of operators for which you will need custom implementations: ([^\n]*?)\.?\s*$", re.MULTILINE),
        "the interpreter of this TensorFlow has no operator {}", "it came with a later version of TensorFlow Lite",
        "express it with others: reshape and transpose move elements about as depth_to_space does\n" + REPORT),
    Complaint(  # remove_trivial_quantized_min_max.cc
        re.compile(r"clamp_value_buffer\.Length\(\) == 1 \((\d+) vs\. 1\)"),
        "a maximum or minimum with a constant of {} values cannot be converted",
        "toco takes every such constant for a single limit, and reads even that one wrongly",
        "clip with relu, relu6 or the range of the tensor\n" + REPORT),
    Complaint(  # ensure_uint8_weights_safe_for_fast_int8_kernels.cc
        re.compile(r"Bad value for (\S+) at index"),
        "the weights {} use code 0 twice within 16 bytes",
        "the fast kernels add two products in 16 bits; a fake-quant of weights leaves 0 out (narrow_range)", REPORT),
    Complaint(  # tooling_util.cc
        re.compile(r"The array (\S+) is listed in both --input_arrays and --output_arrays"),
        "an output of the network is its input {}",
        "toco removes what does nothing (x + 0, x * 1, a reshape to the same shape), and nothing is left between them",
        "give the model a layer there"),
    Complaint(  # import_tensorflow.cc
        re.compile(r"Dilation unsupported in TransposeConv. TensorFlow op \"(\S+)\""),
        "the transposed convolution {} is dilated", "TensorFlow Lite has none of that kind",
        "use dilation_rate=1, or upsample and convolve"),
)


def translated(output: str) -> ConvertError:
    """The error for the output of a toco that aborted."""
    for complaint in COMPLAINTS:
        match = complaint.pattern.search(output)
        if match:
            return ConvertError(complaint.what.format(*match.groups()), where="toco", why=complaint.why,
                                next_step=complaint.next_step)
    lines = [line for line in re.sub(TIME, "", output).splitlines() if line.strip()]
    fatal = [line for line in lines if re.search(r"^F |Unimplemented|Check failed|not supported", line)]
    return ConvertError("it refused the graph", where="toco",
                        why="\n".join(fatal[-LAST_LINES:] or lines[-LAST_LINES:]) or "it said nothing",
                        next_step="please report the network with these, its last words")
