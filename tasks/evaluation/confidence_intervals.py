"""The confidence interval of a share that was measured on a sample."""

import math
from typing import Optional, Tuple

Z_95 = 1.959963984540054
"""The number of standard deviations within which 95 % of a normal distribution lie."""


def wilson(share: Optional[float], count: int) -> Optional[Tuple[float, float]]:
    """The 95 % confidence interval (low, high) of a share of `count` independent samples: the score interval of Wilson
    1927, which stays within 0..1 and has a width also at 0 and 1. None where there is no share."""
    if share is None or not count:
        return None
    spread = Z_95 * Z_95 / count
    middle = (share + spread / 2) / (1 + spread)
    half = Z_95 / (1 + spread) * math.sqrt(share * (1 - share) / count + spread / (4 * count))
    return max(0.0, middle - half), min(1.0, middle + half)
