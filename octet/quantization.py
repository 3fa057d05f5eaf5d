"""The arithmetic of uint8 quantization: real = (code - zero_point) * scale. It does not import numpy.

A range [low, high] contains 0. Its scale is (high - low) / 255. Its zero point, the code of 0, is a whole number.
"""

import math
import sys
from typing import Any, NamedTuple

STEPS = 255
"""From code 0 to code 255."""
NARROW_STEPS = 254
"""From code 1 to code 255: weights do not use code 0."""
NARROWEST, WIDEST = 1e-30, 1e30  # widths of an input's range; float32 arithmetic on it must not under- or overflow


class Quantization(NamedTuple):
    """The parameters of a uint8 quantization: real = (code - zero_point) * scale.

    scale: the difference between the reals of two consecutive codes, in the tensor's unit; above 0.
    zero_point: the code of the real 0, from 0 to 255."""

    scale: float
    zero_point: int


def to_real(codes: Any, scale: Any, zero_point: Any) -> Any:
    """Dequantizes codes. `codes` is a number, a numpy array or a tf.Tensor; the result has its type."""
    return (codes - zero_point) * scale


def of_range(low: float, high: float, narrow: bool = False) -> Quantization:
    """The quantization of reals in [low, high], where low <= 0 <= high and low < high. As in toco's
    ChooseQuantizationParams, the zero point is rounded to a whole number, halves upwards. narrow: whether code 0 is
    not used, as for weights.
    """
    least, steps = (1, NARROW_STEPS) if narrow else (0, STEPS)
    scale = (high - low) / steps
    return Quantization(scale, min(STEPS, max(least, math.floor(least - low / scale + 0.5))))


def quantization(low: float, high: float) -> Quantization:
    """`of_range` of [low, high], extended to contain 0. Raises ValueError for a range that is empty or not finite, and
    for one that float32 arithmetic cannot represent."""
    if not (-sys.float_info.max <= low < high <= sys.float_info.max):
        raise ValueError("a range needs finite low < high, not [{}, {}]".format(low, high))
    low, high = min(low, 0.0), max(high, 0.0)
    if not NARROWEST <= high - low <= WIDEST:
        raise ValueError("a range is from {:g} to {:g} wide, not [{}, {}]".format(NARROWEST, WIDEST, low, high))
    return of_range(low, high)
