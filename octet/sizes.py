"""Formats numbers of bytes."""

UNITS = (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3))


def size(size_bytes: int) -> str:
    """A number of bytes with a decimal unit: '12.3 kB'."""
    for unit, length in UNITS:
        if size_bytes >= length:
            return "{:.1f} {}".format(size_bytes / length, unit)
    return "{} B".format(size_bytes)
