import math


def half(fraction):
    return 0.5 * (1 + math.cos(math.pi * fraction))
