"""The difference between actual and expected codes, accumulated over samples."""

from typing import NamedTuple, Optional, Sequence, Tuple

import numpy as np


class Difference(NamedTuple):
    """The difference between actual and expected codes. lsb: the largest absolute difference. share: the share of codes
    that differ. codes: (smallest, largest) expected code."""

    lsb: int
    share: float
    codes: Tuple[int, int]


class Tally:
    """Accumulates the difference of all codes that are added."""

    def __init__(self) -> None:
        self._lsb, self._off, self._count = 0, 0, 0
        self._codes: Optional[Tuple[int, int]] = None

    def add(self, actual: Sequence[np.ndarray], expected: Sequence[np.ndarray]) -> None:
        """Adds integer codes: for each output, an array of actual and an array of expected ones of equal size."""
        for one, other in zip(actual, expected):
            wide = np.int16 if one.dtype == other.dtype == np.uint8 else np.int64
            off = np.abs(one.ravel().astype(wide) - other.ravel().astype(wide))
            self._lsb = max(self._lsb, int(off.max()))
            self._off += int(np.count_nonzero(off))
            self._count += off.size
            least, greatest = int(other.min()), int(other.max())
            if self._codes is not None:
                least, greatest = min(least, self._codes[0]), max(greatest, self._codes[1])
            self._codes = (least, greatest)

    def difference(self) -> Difference:
        """The difference of all codes. Raises ValueError where none were added."""
        if self._codes is None:
            raise ValueError("there are no codes to compare")
        return Difference(self._lsb, self._off / self._count, self._codes)
