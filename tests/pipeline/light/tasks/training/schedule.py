"""How the learning rate falls."""

from tasks.training.curves import half


def cosine(fraction):
    """From 1 to 0."""
    return half(fraction)
