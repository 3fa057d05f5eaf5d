"""How far a share that was measured on some samples may be from that of all samples."""

import math
from typing import Optional, Tuple

Z_95 = 1.959963984540054
"""Of the normal distribution: 95 % lie within so many standard deviations."""


def wilson(share: Optional[float], count: int) -> Optional[Tuple[float, float]]:
    """The 95 % confidence interval of a share of `count` independent samples (Wilson 1927: the score interval, which
    stays within 0..1 and is no point at 0 or 1). None where there is no share."""
    if share is None or not count:
        return None
    spread = Z_95 * Z_95 / count
    middle = (share + spread / 2) / (1 + spread)
    half = Z_95 / (1 + spread) * math.sqrt(share * (1 - share) / count + spread / (4 * count))
    return max(0.0, middle - half), min(1.0, middle + half)
