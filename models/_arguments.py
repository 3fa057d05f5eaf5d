"""Checks of the arguments of the models' builders."""

import math
from typing import Any, Tuple


def expect(holds: bool, name: str, expectation: str, value: Any) -> None:
    """Raises ValueError with the argument's name, the expectation and the value, unless `holds`."""
    if not holds:
        raise ValueError("{}: expected {}, found {!r}".format(name, expectation, value))


def is_count(value: Any, least: int = 1) -> bool:
    """Whether the value is a whole number of at least `least`. False for True and False."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def is_number(value: Any) -> bool:
    """Whether the value is a finite number. False for True and False."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def is_shape(value: Any) -> bool:
    """Whether the value is a non-empty sequence of whole numbers of at least 1."""
    return isinstance(value, (tuple, list)) and len(value) > 0 and all(map(is_count, value))


def expect_count(name: str, value: Any) -> None:
    """Raises ValueError unless the value is a whole number of at least 1."""
    expect(is_count(value), name, "a whole number of at least 1", value)


def expect_counts(name: str, value: Any) -> None:
    """Raises ValueError unless the value is a non-empty sequence of whole numbers of at least 1."""
    expect(is_shape(value), name, "a list of whole numbers of at least 1", value)


def expect_flag(name: str, value: Any) -> None:
    """Raises ValueError unless the value is True or False."""
    expect(isinstance(value, bool), name, "true or false", value)


def expect_share(name: str, value: Any) -> None:
    """Raises ValueError unless the value is at least 0 and below 1, such as a dropout rate."""
    expect(is_number(value) and 0 <= value < 1, name, "a number of at least 0 and below 1", value)


def expect_factor(name: str, value: Any) -> None:
    """Raises ValueError unless the value is a number above 0, such as a factor for widths."""
    expect(is_number(value) and value > 0, name, "a number above 0", value)


def expect_penalty(name: str, value: Any) -> None:
    """Raises ValueError unless the value is finite and at least 0, as the weight of a loss must be."""
    expect(is_number(value) and value >= 0, name, "a finite number of at least 0", value)


def expect_image_classifier(input_shape: Tuple[int, ...], classes: int) -> None:
    """Raises ValueError unless `input_shape` is (height, width, channels) and `classes` at least 2."""
    expect(is_shape(input_shape) and len(input_shape) == 3, "input_shape",
           "(height, width, channels), each at least 1", input_shape)
    expect(is_count(classes, 2), "classes", "a whole number of at least 2", classes)
