"""Translates toco's last message into an error that names the tensor or layer, the cause and the next step.

The first entry of COMPLAINTS whose pattern matches gives the error. A message that matches none is quoted.
"""

import re
from typing import NamedTuple, Pattern

from octet.errors import ConvertError

REPORT = "please report the network"
LAST_LINES = 5  # of a quoted message
TIME = re.compile(r"^[-\d]+ [:.\d]+: (?=[IWEF] )", re.MULTILINE)


class Complaint(NamedTuple):
    """One of toco's messages, and the parts of the error for it. The groups of `pattern` fill `what`. A comment names
    the file of toco's source that has the message."""

    pattern: Pattern[str]
    what: str
    why: str
    next_step: str


COMPLAINTS = (
    Complaint(  # tooling_util.cc
        re.compile(r"Array (\S+), which is an input to the (\S+) operator producing the output array (\S+), "
                   r"is lacking min/max data"),
        "tensor {} has no range; it is an input of the {} that computes {}",
        "a uint8 kernel needs the range of each of its inputs", REPORT),
    Complaint(  # quantize.cc
        re.compile(r"Array (\S+) does not have MinMax information, and is not a constant array"),
        "tensor {} has no range", "a uint8 kernel needs the range of its output", REPORT),
    Complaint(  # quantize.cc
        re.compile(r"Output array named (\S+) lacks minmax"),
        "tensor {} has no range", "toco requires a range, although the scale of the kernel's output is fixed", REPORT),
    Complaint(  # quantize.cc
        re.compile(r"graph contains an operator of type \(Unsupported TensorFlow op: (\S+)\) for which the quantized"),
        "TensorFlow Lite has no operator {}", "neither uint8 nor float kernels exist for it",
        "express it with operators that have a uint8 kernel\n" + REPORT),
    Complaint(  # quantize.cc
        re.compile(r"graph contains an operator of type (\S+) for which the quantized form is not yet implemented"),
        "the operator {} has no uint8 kernel", "toco can convert it only to a float file",
        "express it with operators that have one\n" + REPORT),
    Complaint(  # tflite/export.cc
        re.compile(r"list of operators for which you will need custom implementations: ([^\n]*?)\.?\s*$", re.MULTILINE),
        "the interpreter of TensorFlow 1.14 has no operator {}", "a later version of TensorFlow Lite introduced it",
        "express it with other operators; for example, reshape and transpose can replace depth_to_space\n" + REPORT),
    Complaint(  # remove_trivial_quantized_min_max.cc
        re.compile(r"clamp_value_buffer\.Length\(\) == 1 \((\d+) vs\. 1\)"),
        "a maximum or minimum with a constant of {} values cannot be converted",
        "toco assumes that such a constant is a single limit, and reads even that one wrongly",
        "clip with relu, relu6 or the range of the tensor\n" + REPORT),
    Complaint(  # ensure_uint8_weights_safe_for_fast_int8_kernels.cc
        re.compile(r"Bad value for (\S+) at index"),
        "the weights {} use code 0 twice within 16 bytes",
        "fast kernels add two products in 16 bits, so a fake-quant of weights must not use code 0 (narrow_range)",
        REPORT),
    Complaint(  # tooling_util.cc
        re.compile(r"The array (\S+) is listed in both --input_arrays and --output_arrays"),
        "an output of the network is its input {}",
        "toco removes operations without effect (x + 0, x * 1, a reshape to the same shape), and none is left between "
        "the input and the output",
        "add a layer there"),
    Complaint(  # import_tensorflow.cc
        re.compile(r"Dilation unsupported in TransposeConv. TensorFlow op \"(\S+)\""),
        "the transposed convolution {} is dilated", "TensorFlow Lite has no dilated transposed convolution",
        "use dilation_rate=1, or upsample and convolve"),
)


def translated(output: str) -> ConvertError:
    """The error for the output of toco after it aborted."""
    for complaint in COMPLAINTS:
        match = complaint.pattern.search(output)
        if match:
            return ConvertError(complaint.what.format(*match.groups()), where="toco", why=complaint.why,
                                next_step=complaint.next_step)
    lines = [line for line in re.sub(TIME, "", output).splitlines() if line.strip()]
    fatal = [line for line in lines if re.search(r"^F |Unimplemented|Check failed|not supported", line)]
    return ConvertError("toco refused the graph", where="toco",
                        why="\n".join(fatal[-LAST_LINES:] or lines[-LAST_LINES:]) or "toco printed no message",
                        next_step="please report the network, with this message")
