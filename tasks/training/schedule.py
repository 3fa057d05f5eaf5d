"""Learning rates over the steps of a phase."""

import math

CURVES = {
    "constant": lambda done: 1.0,
    "cosine": lambda done: 0.5 * (1 + math.cos(math.pi * done)),
}


def rate(curve: str, start: float, done: float) -> float:
    """The learning rate when 0 <= done < 1 of the phase is behind."""
    return start * CURVES[curve](done)
