"""Checks whether the trained ranges fit the values of their tensors, from a histogram of the codes of each tensor.

The graph itself counts the codes, so that a batch returns 258 counts for each range and not the values of its tensors.
A range that does not fit is a warning, because the network can be converted and may be accurate enough. An output
without a fake-quant is an error, because toco would give it a range that nothing trained, and the file would clip it.
"""

from typing import List, NamedTuple, Sequence, Tuple

import numpy as np
import tensorflow as tf

from octet.errors import QuantizeError
from octet.quantization import STEPS
from tasks.graph.io_spec import Network
from tasks.graph.scopes import APPROXIMATED
from tasks.quantize.ir.kernel_groups import FAKE_QUANT, kernel
from tasks.quantize.kernels import uint8_kernels
from tasks.quantize.ranges import coverage, trained_range

BELOW, ABOVE = 0, 257  # indices of the counts of values outside the range; code c is counted at index c + 1
FEWEST_CODES = 64   # of 256; FEW_CODES is reported for a tensor that uses fewer
FEWEST_VALUES = 1024  # FEW_CODES is not reported for a tensor with fewer values
MOST_CLIPPED = 0.01  # share of the values; CLIPS is reported above it

NEVER_MOVED, NO_WIDTH, FEW_CODES, CLIPS = "never_moved", "no_width", "few_codes", "clips"


class Finding(NamedTuple):
    """A range that does not fit.

    what: NEVER_MOVED, NO_WIDTH, FEW_CODES or CLIPS. range: the real numbers of codes 0 and 255. trained: the moving
    average, before it was widened for its kernel. values: how many were counted. codes: how many of the 256 codes they
    use. clipped: the share of the values outside the range.
    """

    tensor: str
    layer: str
    what: str
    range: List[float]
    trained: List[float]
    values: int
    codes: int
    clipped: float

    def __str__(self) -> str:
        return "range of {} (layer {}) {}".format(self.tensor, self.layer, {
            NEVER_MOVED: "never moved: training did not see the tensor",
            NO_WIDTH: "has no width: the tensor is always 0",
            FEW_CODES: "has {} of its 256 codes in use".format(self.codes),
            CLIPS: "clips {:.1%} of the values".format(self.clipped)}[self.what])


def expect_ranged(network: Network, outputs: Sequence[tf.Tensor]) -> None:
    """Raises QuantizeError, which names each output that has no range: it is neither a fake-quant nor an input, nor
    computed from one of these by operations that only move data."""
    bypassed = [end["name"] for end, tensor in zip(network["outputs"], outputs) if not _ranged(tensor)]
    if bypassed:
        raise QuantizeError(
            "{} no fake-quant: {}".format("an output has" if len(bypassed) == 1 else
                                          "{} outputs have".format(len(bypassed)), ", ".join(bypassed)),
            where="model.build", why="without it, the file would clip the output at a range that was not trained",
            next_step="please report the network: no change of the recipe can correct this")


def _ranged(tensor: tf.Tensor) -> bool:
    while tensor.op.type not in (FAKE_QUANT, "Placeholder"):
        found = kernel(tensor.op)
        if found is None or found.kind != uint8_kernels.FOLLOWS or not found.carried:
            return False
        tensor = tensor.op.inputs[found.data_input]
    return True


def observed(trained: Sequence[trained_range.Trained]) -> Tuple[tf.Tensor, tf.Tensor]:
    """(counts, ends) of one run of a training graph.

    counts: [ranges, 258] int32, the numbers of values of a range's tensors that are below code 0, at each code from 0
    to 255, and above code 255. ends: [ranges, 4] float32: low and high of the range, then of its moving average.
    """
    return (tf.stack([_counts(each) for each in trained]),
            tf.stack([tf.stack([*each.range, *each.ends]) for each in trained]))


def _counts(trained: trained_range.Trained) -> tf.Tensor:
    values = tf.concat([tf.reshape(tensor, [-1]) for tensor in trained.observed], 0)
    scale = (trained.range.high - trained.range.low) / STEPS
    zero_point = tf.round(-trained.range.low / scale)
    codes = tf.clip_by_value(tf.round(values / scale) + zero_point, -1.0, 256.0)
    return tf.math.bincount(tf.cast(codes, tf.int32) + 1, minlength=ABOVE + 1, maxlength=ABOVE + 1)


def check_ranges(trained: Sequence[trained_range.Trained], covered: Sequence[coverage.RangeSource], counts: np.ndarray,
                 ends: np.ndarray) -> List[Finding]:
    """The ranges that do not fit, in the order of `trained`. counts, ends: the values of `observed`; the counts are
    summed over batches."""
    layers = {item.tensor: item.layer for item in covered}
    findings: List[Finding] = []
    for each, numbers, limits in zip(trained, counts, ends.tolist()):
        values, codes = int(numbers.sum()), int(np.count_nonzero(numbers[BELOW + 1:ABOVE]))
        clipped = float(numbers[BELOW] + numbers[ABOVE]) / values
        findings.extend(Finding(each.tensor, layers[each.tensor], what, limits[:2], limits[2:], values, codes, clipped)
                        for what in _wrong(limits[2:], values, codes, clipped)
                        if not _is_unused_piece(each.tensor, what))
    return findings


def _is_unused_piece(tensor: str, what: str) -> bool:
    """Whether a piece of an approximated activation is unused. This is not reported, because the pieces cover every
    value that the activation can get, and a user cannot change them."""
    return APPROXIMATED in tensor and what != CLIPS


def _wrong(trained: Sequence[float], values: int, codes: int, clipped: float) -> List[str]:
    if trained[0] == trained[1]:
        # The range has the least width, so a tensor that is always 0 uses one code.
        return [NO_WIDTH if codes <= 1 and not clipped else NEVER_MOVED]
    few = [FEW_CODES] if codes < FEWEST_CODES and values >= FEWEST_VALUES else []
    return few + ([CLIPS] if clipped > MOST_CLIPPED else [])
