"""Whether the ranges fit what goes through them: in which codes of its range does each tensor lie?

Codes are counted inside the graph, so that one number for each code comes out of a batch and not its tensors.
A range that does not fit is a warning, for the network converts and may be good enough. An output that
nothing quantizes is an error: toco would take a range from elsewhere, which clips.
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

BELOW, ABOVE = 0, 257  # where values outside are counted; code c is counted at c + 1
FEWEST_CODES = 64   # of 256, below which most of them are unused
FEWEST_VALUES = 1024  # with less data the number of its codes says nothing of the range
MOST_CLIPPED = 0.01  # of the values

NEVER_MOVED, NO_WIDTH, FEW_CODES, CLIPS = "never_moved", "no_width", "few_codes", "clips"


class Finding(NamedTuple):
    """A range that does not fit.

    range: the reals of codes 0 and 255; trained: the moving average before it was widened for its kernel.
    values: how many were looked at; codes: how many of the 256 they used; clipped: the share outside.
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
    """Raises QuantizeError naming each output that lies behind no range: neither a fake-quant nor an input,
    nor what only moves their codes."""
    bypassed = [end["name"] for end, tensor in zip(network["outputs"], outputs) if not _ranged(tensor)]
    if bypassed:
        raise QuantizeError(
            "the range of {} is passed by: {}".format(
                "an output" if len(bypassed) == 1 else "{} outputs".format(len(bypassed)), ", ".join(bypassed)),
            where="model.build", why="the fake-quant of an output has to be what the loss and toco see, or the "
                                     "file clips at a range that nothing trained",
            next_step="report it with the network: no recipe can mend this")


def _ranged(tensor: tf.Tensor) -> bool:
    while tensor.op.type not in (FAKE_QUANT, "Placeholder"):
        found = kernel(tensor.op)
        if found is None or found.kind != uint8_kernels.FOLLOWS or not found.carried:
            return False
        tensor = tensor.op.inputs[found.data_input]
    return True


def observed(trained: Sequence[trained_range.Trained]) -> Tuple[tf.Tensor, tf.Tensor]:
    """(counts, ends) of one run of a training graph.

    counts: [ranges, 258] int32, how many values of the tensors that a range is for lie below code 0, in each
    code from 0 to 255, and above code 255. ends: [ranges, 4] float32, of each Range and as it was trained.
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
    """What is wrong with the ranges, in the order of the data. `counts` and `ends` are what `observed` gave,
    the counts added up over batches."""
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
    """Whether the finding is that an approximation does not use one of its pieces: it has as many as cover every value
    that its activation may get, and nobody can change that."""
    return APPROXIMATED in tensor and what != CLIPS


def _wrong(trained: Sequence[float], values: int, codes: int, clipped: float) -> List[str]:
    if trained[0] == trained[1]:
        # Widened to the least width there is, it holds what is always 0 in one code.
        return [NO_WIDTH if codes <= 1 and not clipped else NEVER_MOVED]
    few = [FEW_CODES] if codes < FEWEST_CODES and values >= FEWEST_VALUES else []
    return few + ([CLIPS] if clipped > MOST_CLIPPED else [])
