"""Finds values in a column of numbers that are far from all others and occur often, such as -999 for a missing value.

They widen the range of the column, so that the others share a few of its codes, and they are learnt as measurements.
"""

from typing import Iterator, List, NamedTuple, Optional, Sequence

import numpy as np

MOST = 3  # different values are far from the others: people write one, or one for each reason
FEWEST_OTHERS = 8  # different values: a column of fewer, such as 0 and 1, holds kinds and no measurements
LEAST_GAP = 3.0  # spans of the others, between them and the nearest far value
LEAST_SHARE, MOST_SHARE = 0.0005, 0.2  # of the samples; octet/data/summary.py notes rarer ones, by their codes
MOST_ROWS = 1 << 16  # are sorted
MOST_COLUMNS = 64  # of an array of features; the columns of a longer one are those of a signal


class FarValues(NamedTuple):
    """values: those that are far from the others, in order. share: of the samples that have one of them. low, high:
    the least and the largest of the others."""

    values: List[float]
    share: float
    low: float
    high: float

    @property
    def codes(self) -> int:
        """The number of codes that the others use, if the 256 codes span the whole column."""
        ends = (self.low, self.high, *self.values)
        return max(1, int(round(255 * (self.high - self.low) / (max(ends) - min(ends)))))


def of_column(numbers: np.ndarray) -> Optional[FarValues]:
    """The far values of numbers [N], or None. A value that occurs once is none: the largest of skewed numbers is far
    from the others too. If there are very many numbers, an evenly spaced selection is judged."""
    values, counts = np.unique(numbers[::1 + len(numbers) // MOST_ROWS], return_counts=True)
    for number in range(min(MOST, len(values) - FEWEST_OTHERS), 0, -1):  # -99 is near the others only beside -999
        for below in range(number, -1, -1):
            end = len(values) - (number - below)
            found, of_found = (np.concatenate([each[:below], each[end:]]) for each in (values, counts))
            low, high = float(values[below]), float(values[end - 1])
            gaps = [low - float(each) for each in found[:below]] + [float(each) - high for each in found[below:]]
            share = of_found.sum() / counts.sum()
            if min(gaps) > LEAST_GAP * (high - low) and of_found.min() > 1 and LEAST_SHARE <= share <= MOST_SHARE:
                return FarValues([float(value) for value in found], float(share), low, high)
    return None


def notes(numbers: np.ndarray, columns: Sequence[str]) -> Iterator[str]:
    """A sentence about each column of training values [N, columns] that has far values. columns: their names, such as
    "the column 'rpm'"."""
    for name, column in zip(columns, numbers.T):
        found = of_column(column)
        if found is not None:
            yield "{} is {} in {:.2g} % of the training samples, and in [{:g}, {:g}] in all others: a range that " \
                  "contains both leaves {} of 256 codes for the others. If it stands for a missing value, leave out " \
                  "these samples, or write a value of that range".format(
                      name, " or ".join("{:g}".format(value) for value in found.values), 100 * found.share, found.low,
                      found.high, found.codes)


def of_features(values: np.ndarray, name: str) -> List[str]:
    """The notes about training features [N, columns]. None about arrays of another shape, and about uint8 values,
    which are codes. name: of the array."""
    if values.ndim != 2 or values.shape[1] > MOST_COLUMNS or values.dtype == np.uint8:
        return []
    return list(notes(values, ["column {} of {}".format(column, name) for column in range(values.shape[1])]))
