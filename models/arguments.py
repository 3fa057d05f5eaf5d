"""What the models' builders check of their arguments."""

from typing import Any, Tuple


def expect(holds: bool, name: str, expectation: str, value: Any) -> None:
    """Raises ValueError with the argument's name, what was expected and the value, unless it holds."""
    if not holds:
        raise ValueError("{}: expected {}, found {!r}".format(name, expectation, value))


def is_count(value: Any, least: int = 1) -> bool:
    """Whether the value is a whole number of at least `least`; True and False are none."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def expect_image_classifier(input_shape: Tuple[int, ...], classes: int) -> None:
    """Raises ValueError unless these are (height, width, channels) and at least 2 classes."""
    expect(isinstance(input_shape, (tuple, list)) and len(input_shape) == 3
           and all(map(is_count, input_shape)), "input_shape",
           "(height, width, channels), each at least 1", input_shape)
    expect(is_count(classes, 2), "classes", "a whole number of at least 2", classes)
