"""What files hold, as what a dataset holds: uint8 codes, int32 labels, float32 values."""

import numpy as np

from octet.datasets.dataset import quantization, scale_of
from octet.errors import DatasetError

ROWS = 4096  # encoded at a time: the float64 copy stays small beside the data


def encode(values: np.ndarray, low: float, high: float, name: str, where: str) -> np.ndarray:
    """Codes [N, ...] uint8 of `values`: uint8 are codes already, floats are reals in [low, high].

    Raises DatasetError for another dtype or fewer than two axes, a NaN or an infinity, a real
    outside [low, high], or a range that is none.
    """
    if values.ndim < 2:
        raise DatasetError("{} has shape {}, not [N, ...]".format(name, list(values.shape)), where,
                           "The first axis counts the samples, the others are a sample's shape.",
                           "Save it as [N, height, width, channels] or [N, features].")
    if values.dtype == np.uint8:
        return values
    if values.dtype.kind != "f":
        raise DatasetError(
            "{} is {}, not uint8 or float".format(name, values.dtype), where,
            "Uint8 values are taken for codes 0..255, floats for reals in [low, high].",
            "Save it with .astype('uint8') or .astype('float32').")
    scale, zero_point = scale_of(low, high, where)
    codes = np.empty(values.shape, np.uint8)
    for start in range(0, len(values), ROWS):
        rows = values[start:start + ROWS]
        # Compared in the file's own dtype: float32(0.1) is a little more than 0.1.
        _refuse(~np.isfinite(rows), rows, start, name, where,
                "A value that is not finite has no code.", "Mend or drop that sample.")
        _refuse((rows < rows.dtype.type(low)) | (rows > rows.dtype.type(high)), rows, start, name, where,
                "It lies outside [{:g}, {:g}], which the codes 0..255 stand for.".format(low, high),
                "Set low and high to the range of the data.")
        exact = np.floor(rows.astype(np.float64) / scale + 0.5) + zero_point
        codes[start:start + ROWS] = np.clip(exact, 0, 255)
    return codes


def reals(codes: np.ndarray, low: float, high: float) -> np.ndarray:
    """The reals [N, ...] float32 that codes stand for: what the network is fed."""
    scale, zero_point = quantization(low, high)
    return ((np.arange(256).astype(np.float32) - zero_point) * scale)[codes]


def labels(values: np.ndarray, name: str, where: str) -> np.ndarray:
    """Labels [N] int32. Raises DatasetError for values that are not whole numbers, one a sample."""
    _expect(values.dtype.kind in "iu" and values.ndim == 1, values, "integers of shape [N]", name, where,
            "A label is the index of a class.",
            "Save {}.astype('int32').reshape(-1), or .argmax(1) if it is one-hot.".format(name))
    return _int32(values, name, where)


def class_map(values: np.ndarray, name: str, where: str) -> np.ndarray:
    """Labels [N, H, W] int32. Raises DatasetError for values that are not whole numbers, one a pixel."""
    if values.ndim == 4 and values.shape[3] == 1:
        values = values[..., 0]
    _expect(values.dtype.kind in "iu" and values.ndim == 3, values, "integers of shape [N, H, W]",
            name, where, "A label is the index of a class, one for each pixel.",
            "Save {}.astype('int32'), or .argmax(3) if it is one-hot.".format(name))
    return _int32(values, name, where)


def values(numbers: np.ndarray, name: str, where: str) -> np.ndarray:
    """Values [N, ...] float32; [N] becomes [N, 1]. Raises DatasetError for what is no number,
    or too large for a float32."""
    _expect(numbers.dtype.kind in "fiu" and numbers.ndim >= 1, numbers, "numbers of shape [N, ...]",
            name, where, "A value is one real or more for each sample.",
            "Save {}.astype('float32').".format(name))
    if numbers.ndim == 1:
        numbers = numbers[:, None]
    largest = np.finfo(np.float32).max
    _refuse(~(np.abs(numbers.astype(np.float64)) <= largest), numbers, 0, name, where,
            "It is no finite float32: a loss over it would be no number.", "Mend or drop that sample.")
    return numbers.astype(np.float32)


def _int32(values: np.ndarray, name: str, where: str) -> np.ndarray:
    limits = np.iinfo(np.int32)
    _refuse((values < limits.min) | (values > limits.max), values, 0, name, where,
            "A label is the index of a class, and fits an int32.", "Mend that label.")
    return values.astype(np.int32)


def _expect(holds: bool, values: np.ndarray, form: str, name: str, where: str, why: str, step: str):
    if not holds:
        raise DatasetError("{} is {} of shape {}, not {}".format(
            name, values.dtype, list(values.shape), form), where, why, step)


def _refuse(bad: np.ndarray, rows: np.ndarray, start: int, name: str, where: str, why: str, step: str):
    if bad.any():
        first = np.unravel_index(int(bad.argmax()), bad.shape)
        index = [int(first[0]) + start] + [int(i) for i in first[1:]]
        raise DatasetError("{}{} is {}".format(name, index, rows[first]), where, why, step)
