"""Learning rates over the steps of a phase."""

import math

CURVES = {
    "constant": lambda done: 1.0,
    "cosine": lambda done: 0.5 * (1 + math.cos(math.pi * done)),
}


def rate(curve: str, start: float, step: int, steps: int) -> float:
    """The learning rate of step 0 <= step < steps."""
    return start * CURVES[curve](step / steps)
