"""The source of each tensor's range in a training graph."""

from typing import Collection, List, NamedTuple, Sequence

INPUT = "input"          # the dataset
CONTRIB = "contrib"      # a moving average, at a fake-quant of tf.contrib.quantize
COMPLETED = "completed"  # a moving average, where tf.contrib.quantize has no fake-quant
MEASURED = "measured"    # the extremes of the training data, if the recipe sets default_ranges
FOLLOWS = "follows"      # the range of the tensor from which it is computed
TIED = "tied"            # one moving average for several tensors
FIXED = "fixed"          # the kernel, whose output range is fixed
FUSED = "fused"          # no range: the tensor is inside a fused kernel


class RangeSource(NamedTuple):
    """The source of one tensor's range. of: the tensor that it follows or is tied to."""

    tensor: str
    op: str
    layer: str
    source: str
    of: str = ""


def measured(found: Sequence[RangeSource], trained: Collection[str]) -> List[RangeSource]:
    """The list with the source MEASURED for each moving average of a tensor that is not in `trained`."""
    return [item._replace(source=MEASURED) if item.source in (CONTRIB, COMPLETED, TIED)
            and (item.of or item.tensor) not in trained else item for item in found]
