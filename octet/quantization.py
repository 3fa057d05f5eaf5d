"""The arithmetic of uint8 quantization: real = (code - zero_point) * scale. No numpy is imported.

A range [low, high] holds 0. Its scale is (high - low) / 255, and its zero point, the code of 0, is a whole number.
"""

import math
import sys
from typing import Any, NamedTuple

STEPS = 255
"""From code 0 to code 255."""
NARROW_STEPS = 254
"""From code 1 to code 255: the range of weights leaves code 0 out."""
NARROWEST, WIDEST = 1e-30, 1e30  # of an input's range: with room for what float32 makes of it


class Quantization(NamedTuple):
    """real = (code - zero_point) * scale."""

    scale: float
    zero_point: int


def to_real(codes: Any, scale: Any, zero_point: Any) -> Any:
    """The reals of codes. `codes` is a number, a numpy array or a tf.Tensor, of the type that the result is to have."""
    return (codes - zero_point) * scale


def of_range(low: float, high: float, narrow: bool = False) -> Quantization:
    """The quantization of reals in [low, high], low <= 0 <= high, low < high, as toco's ChooseQuantizationParams nudges
    it: the zero point is rounded to a whole number, halves upwards. narrow: whether code 0 is left out.
    """
    least, steps = (1, NARROW_STEPS) if narrow else (0, STEPS)
    scale = (high - low) / steps
    return Quantization(scale, min(STEPS, max(least, math.floor(least - low / scale + 0.5))))


def quantization(low: float, high: float) -> Quantization:
    """`of_range` of [low, high], widened to hold 0. Raises ValueError for an empty or non-finite range, or one that a
    float32 cannot hold."""
    if not (-sys.float_info.max <= low < high <= sys.float_info.max):
        raise ValueError("a range needs finite low < high, not [{}, {}]".format(low, high))
    low, high = min(low, 0.0), max(high, 0.0)
    if not NARROWEST <= high - low <= WIDEST:
        raise ValueError("a range is from {:g} to {:g} wide, not [{}, {}]".format(NARROWEST, WIDEST, low, high))
    return of_range(low, high)
