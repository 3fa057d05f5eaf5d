"""The numbers of a measurement, as text for the page."""

from typing import Any, Optional, Sequence, Tuple

from octet import sizes
from tasks.evaluation.metric_names import NAMES

NONE = "–"
"""Shown in the place of a figure that is None."""
MINUS = "−"

SIDES = {"float": "float", "fake_quantized": "fake-quantized", "uint8": "uint8", "int8": "int8"}
"""{side of a measurement: its name on the page}, in the order of the page."""
ALWAYS = ("float", "fake_quantized", "uint8")
"""The sides that every measurement has."""

ERRORS = ("mse", "mae")
"""Metrics for which a lower value is better."""
SHARES = tuple(name for name in NAMES if name not in ERRORS + ("snr_db",))


def metric(name: str, value: Optional[float]) -> str:
    """A metric's value with its unit."""
    if value is None:
        return NONE
    if name in SHARES:
        return percent(value)
    return signed("{:.2f} dB", value) if name == "snr_db" else real(value)


def change(name: str, before: Optional[float], after: Optional[float]) -> str:
    """The difference of two values of a metric, with its sign: in points for shares, in dB for ratios, in percent of
    the first value for errors."""
    if before is None or after is None:
        return NONE
    if name in SHARES:
        return signed("{:+.2f} points", 100 * (after - before))
    if name == "snr_db":
        return signed("{:+.2f} dB", after - before)
    return signed("{:+.2f} %", 100 * (after - before) / before) if before else NONE


def signed(form: str, value: float) -> str:
    return form.format(value + 0.0).replace("-", MINUS)


def percent(share: Optional[float]) -> str:
    return NONE if share is None else "{:.2f} %".format(100 * share)


def interval(ends: Optional[Tuple[float, float]]) -> str:
    return "" if ends is None else "{:.1f}–{:.1f} %".format(100 * ends[0], 100 * ends[1])


def size(count: Optional[int]) -> str:
    """A number of bytes with a unit."""
    return NONE if count is None else sizes.size(count)


def shape(numbers: Sequence[int]) -> str:
    return " × ".join(map(str, numbers)) or "one number"


def figure(value: Any) -> str:
    """A number in the table of layers."""
    return NONE if value is None else "{:g}".format(value).replace("-", MINUS)


def real(value: float) -> str:
    """A number with four significant digits."""
    return "{:.4g}".format(value).replace("-", MINUS)
