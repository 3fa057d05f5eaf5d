"""Byte strings of different lengths, stored in one array of uint8.

    starts   [n + 1] little-endian int64: where each string starts in the array, and where the last one ends
    strings  the strings, one after another
"""

from typing import Any, Callable, Iterator, Sequence

import numpy as np

START, START_BYTES = np.dtype("<i8"), 8


class PackedBytes:
    """The strings of an array: `packed[2]` is one string, `packed[[0, 2]]` a list of strings. Strings of the same
    lengths can be assigned to both."""

    def __init__(self, array: np.ndarray) -> None:
        """array: [M] uint8. Raises ValueError if it does not begin with the starts."""
        self.array = array
        table_bytes = int(array[:START_BYTES].view(START)[0]) if len(array) >= START_BYTES else 0
        if not START_BYTES <= table_bytes <= len(array):
            raise ValueError("it does not begin with the starts of its strings")
        self._starts = array[:table_bytes].view(START)

    def __len__(self) -> int:
        return len(self._starts) - 1

    def __iter__(self) -> Iterator[bytes]:
        return (self[row] for row in range(len(self)))

    def __getitem__(self, row: Any) -> Any:
        if isinstance(row, Sequence):
            return [self[index] for index in row]
        return self.array[self._starts[row]:self._starts[row + 1]].tobytes()

    def __setitem__(self, row: Any, value: Any) -> None:
        if isinstance(row, Sequence):
            for index, string in zip(row, value):
                self[index] = string
        else:
            self.array[self._starts[row]:self._starts[row + 1]] = np.frombuffer(value, np.uint8)


def allocated(sizes: Sequence[int], allocate: Callable[[int], np.ndarray]) -> PackedBytes:
    """New strings of these lengths, to be assigned. allocate: (count) -> an array [count] uint8."""
    starts = np.cumsum([START_BYTES * (len(sizes) + 1), *sizes], dtype=START)
    array = allocate(int(starts[-1]))
    array[:int(starts[0])].view(START)[:] = starts
    return PackedBytes(array)
