"""Where the range of each tensor of a training graph comes from."""

from typing import Collection, List, NamedTuple, Sequence

INPUT = "input"          # the dataset's
CONTRIB = "contrib"      # a place that tf.contrib.quantize has a fake-quant at
COMPLETED = "completed"  # a moving average in a place where tf.contrib.quantize has none
MEASURED = "measured"    # the extremes of the training data, where a recipe asks for such default ranges
FOLLOWS = "follows"      # that of the tensor it is made from
TIED = "tied"            # one with others
FIXED = "fixed"          # the kernel's own
FUSED = "fused"          # none: inside one kernel


class RangeSource(NamedTuple):
    """Where one tensor's range comes from; `of` is the tensor that it follows or is tied to."""

    tensor: str
    op: str
    layer: str
    source: str
    of: str = ""


def measured(found: Sequence[RangeSource], trained: Collection[str]) -> List[RangeSource]:
    """The same list; a moving average of a tensor that `trained` does not name has the source MEASURED."""
    return [item._replace(source=MEASURED) if item.source in (CONTRIB, COMPLETED, TIED)
            and (item.of or item.tensor) not in trained else item for item in found]
