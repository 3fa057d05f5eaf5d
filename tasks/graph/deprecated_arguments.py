"""TensorFlow's search for deprecated arguments, which it makes at each call that makes an operation."""

import contextlib
from typing import Iterator

from tensorflow.python.util import deprecation


@contextlib.contextmanager
def not_searched() -> Iterator[None]:
    """Inside the block, TensorFlow does not look for deprecated arguments: it makes operations in seven eighths of the
    time. For Octet's own code only: a user reads the warnings about his own in the log."""
    silenced = deprecation.silence()
    silenced.__enter__()
    try:
        yield
    finally:  # `silence` itself does not end where the block raises
        silenced.__exit__(None, None, None)
