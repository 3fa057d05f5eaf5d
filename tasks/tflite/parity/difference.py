"""How far codes are from those that are expected, summed up sample by sample."""

from typing import NamedTuple, Optional, Sequence, Tuple

import numpy as np


class Difference(NamedTuple):
    """How far codes are from those expected. lsb: the most; share: of the codes that are off at all;
    codes: the least and the greatest that were expected."""

    lsb: int
    share: float
    codes: Tuple[int, int]


class Tally:
    """The difference of all codes that were added, however many at a time."""

    def __init__(self) -> None:
        self._lsb, self._off, self._count = 0, 0, 0
        self._codes: Optional[Tuple[int, int]] = None

    def add(self, actual: Sequence[np.ndarray], wanted: Sequence[np.ndarray]) -> None:
        """Some samples of each output, and what they ought to be; integers, as many of the one as of the other."""
        for one, other in zip(actual, wanted):
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
        """Raises ValueError where nothing was added."""
        if self._codes is None:
            raise ValueError("there are no codes to compare")
        return Difference(self._lsb, self._off / self._count, self._codes)
