"""Where the range of each tensor of a training graph comes from."""

from typing import NamedTuple

INPUT = "input"          # the dataset's
CONTRIB = "contrib"      # a place that tf.contrib.quantize has a fake-quant at
COMPLETED = "completed"  # a moving average in a place that it leaves out
FOLLOWS = "follows"      # that of the tensor it is made from
TIED = "tied"            # one with others
FIXED = "fixed"          # the kernel's own
FUSED = "fused"          # none: inside one kernel


class Range(NamedTuple):
    """Where one tensor's range comes from; `of` is the tensor that it follows or is tied to."""

    tensor: str
    op: str
    layer: str
    source: str
    of: str = ""
