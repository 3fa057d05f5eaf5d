"""Converts the numbers of an input to uint8 codes."""

import math
from typing import List, NamedTuple, Tuple

import numpy as np

from octet.data import reading
from octet.data.dataset import scale_of
from octet.errors import DatasetError
from octet.quantization import quantization, to_real

ROWS = 4096  # samples encoded at a time: the float64 copy stays small
MOST_VALUES = 1 << 25  # used for a percentile
BULK = 99.9  # percent of the values that do not count as outliers


class Range(NamedTuple):
    """The range of real numbers for the codes 0..255. clip: whether values outside are clipped; otherwise they are an
    error."""

    low: float
    high: float
    clip: bool = False


def encode(values: np.ndarray, reals: Range, name: str, where: str) -> Tuple[np.ndarray, List[str]]:
    """(codes [N, ...] uint8 of `values`, a note if some were clipped). uint8 values are codes already; bool, other
    integers and floats are real numbers.

    Raises DatasetError for another dtype, fewer than two axes, a NaN or an infinity, a value outside the range without
    `clip`, or an invalid range.
    """
    expect_numbers(values, name, where)
    if values.dtype == np.uint8:
        return values, []
    low, high, clip = reals
    scale, zero_point = scale_of(low, high, where)
    codes, outside = reading.empty(values.shape, np.uint8), 0
    for start in range(0, len(values), ROWS):
        rows = values[start:start + ROWS]
        if rows.dtype.kind == "f":
            refuse(~np.isfinite(rows), rows, start, name, where,
                    "A value that is not finite has no code.", "Correct or remove that sample.")
        else:
            rows = rows.astype(np.float64)
        # Compared in the file's own dtype: float32(0.1) is a little more than 0.1.
        bad = (rows < rows.dtype.type(low)) | (rows > rows.dtype.type(high))
        if bad.any():
            if not clip:
                raise _outside(values, start, bad, low, high, name, where)
            outside += int(bad.sum())
            rows = np.clip(rows, low, high)
        exact = np.floor(rows.astype(np.float64) / scale + 0.5) + zero_point
        codes[start:start + ROWS] = np.clip(exact, 0, 255)
    return codes, [] if not outside else ["{} of {} values of {} lie outside [{:g}, {:g}] and are clipped".format(
        outside, values.size, name, low, high)]


def expect_numbers(values: np.ndarray, name: str, where: str) -> None:
    """Raises DatasetError unless `values` is an array of numbers [N, ...]."""
    if values.ndim < 2:
        raise DatasetError("{} has shape {}, not [N, ...]".format(name, list(values.shape)), where,
                           "The first axis is that of the samples, the others are the shape of a sample.",
                           "Save it as [N, height, width, channels] or [N, features].")
    if values.dtype.kind not in "biuf":
        raise DatasetError(
            "{} is {}, not numbers".format(name, values.dtype), where,
            "Uint8 values are codes 0..255; bool, other integers and floats are real numbers in [low, high].",
            "Save the numbers that are the input of the network.")


def percentiles(values: np.ndarray, share: float, name: str, where: str) -> Range:
    """The range that contains `share` percent of the values, with equal shares below and above it; values outside are
    clipped. Raises DatasetError for uint8 values, which are codes, and for values that are not finite."""
    expect_numbers(values, name, where)
    if values.dtype == np.uint8:
        raise DatasetError("{} is uint8, but there is a percentile".format(name), where,
                           "Uint8 values are the codes themselves, so that no range is computed from them.",
                           "Leave out percentile, or save the real numbers as float32.")
    if values.dtype.kind == "f":
        refuse(~np.isfinite(values), values, 0, name, where, "A value that is not finite has no code.",
                "Correct or remove that sample.")
    low, high = _percentiles(values, share)
    if low == high:
        raise DatasetError("{} percent of {} are {:g}".format(share, name, low), where,
                           "The two ends of a range must differ.", "Write low and high instead of percentile.")
    return Range(low, high, clip=True)


def _percentiles(values: np.ndarray, share: float) -> Tuple[float, float]:
    some = values[::max(1, values.size // MOST_VALUES)]  # evenly spaced samples of a large array
    low, high = np.percentile(some.astype(np.float64), [(100 - share) / 2, 100 - (100 - share) / 2])
    return float(low), float(high)


def _outside(values: np.ndarray, start: int, bad: np.ndarray, low: float, high: float, name: str,
             where: str) -> DatasetError:
    first = np.unravel_index(int(bad.argmax()), bad.shape)
    index = [int(first[0]) + start] + [int(i) for i in first[1:]]
    value = values[tuple(index)]
    finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    least, most = float(finite.min()), float(finite.max())
    share = BULK if finite.size >= 10000 else 99.0
    bulk, whole = _percentiles(finite, share), _natural(least, most)
    count = int(((values < low) | (values > high)).sum())
    why = "The codes 0..255 stand for real numbers in that range. All values lie in [{:g}, {:g}], {} % of them in " \
          "[{:g}, {:g}].".format(least, most, share, *bulk)
    step = "Write low: {} and high: {}{}".format(
        *whole, "" if whole in NATURAL else ", with clip: true if other samples may lie outside")
    if most - least > 8 * (bulk[1] - bulk[0]):
        step = "Write percentile: {}, or low and high with clip: true: from {:g} to {:g}, nearly all values would " \
               "share {} of the 256 codes".format(share, least, most, max(1, int(round(
                   255 * (bulk[1] - bulk[0]) / (most - least)))))
    if values.dtype.kind in "iu" and least >= 0 and most <= 255:
        step += ". Or, if the values are the codes 0..255 of that range, save {}.astype('uint8')".format(name)
    elif values.dtype.kind in "iu":
        step += ". Or scale them before you save them: {}.astype('float32') / {}".format(
            name, max(abs(whole[0]), abs(whole[1])))
    return DatasetError("{}{} is {}: {} of {} values lie outside [{:g}, {:g}]".format(
        name, index, value, count, values.size, low, high), where, why, step + ".")


NATURAL = ((0, 1), (-1, 1), (0, 255), (-128, 127), (0, 1023), (0, 4095), (0, 65535), (-32768, 32767))
"""Common ranges of sensor values and stored samples."""


def _natural(least: float, most: float) -> Tuple[float, float]:
    """The common range that fits these extremes, or else the extremes, rounded outwards."""
    for low, high in NATURAL:
        if low <= least and most <= high and max(most, -least) > high / 2:
            return low, high
    return _outward(least, up=False), _outward(most, up=True)


def likely(values: np.ndarray) -> Tuple[float, float, bool]:
    """(low, high, whether there are outliers). The range contains all values. If there are outliers, most values share
    a few of its codes."""
    finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    least, most = float(finite.min()), float(finite.max())
    bulk = _percentiles(finite, BULK if finite.size >= 10000 else 99.0)
    return (*_natural(least, most), most - least > 8 * (bulk[1] - bulk[0]))


def _outward(number: float, up: bool) -> float:
    """The number rounded up or down to four digits."""
    if number == 0:
        return 0.0
    digit = 10.0 ** (math.floor(math.log10(abs(number))) - 3)
    return float("{:.6g}".format((math.ceil if up else math.floor)(number / digit) * digit))


def reals(codes: np.ndarray, low: float, high: float) -> np.ndarray:
    """Dequantizes codes to real numbers [N, ...] float32, the input of the network."""
    scale, zero_point = quantization(low, high)
    real_of = to_real(np.arange(256).astype(np.float32), scale, zero_point)
    dequantized = reading.empty(codes.shape, np.float32)
    for start in range(0, len(codes), ROWS):
        dequantized[start:start + ROWS] = real_of[codes[start:start + ROWS]]
    return dequantized


def refuse(bad: np.ndarray, rows: np.ndarray, start: int, name: str, where: str, why: str, step: str) -> None:
    """Raises DatasetError for the first bad value, if there is one. bad: a mask of `rows`. start: the number of rows
    before these."""
    if bad.any():
        first = np.unravel_index(int(bad.argmax()), bad.shape)
        index = [int(first[0]) + start] + [int(i) for i in first[1:]]
        raise DatasetError("{}{} is {}".format(name, index, rows[first]), where, why, step)
