"""Adapts networks for large pictures to small ones: they halve the resolution fewer times."""

from typing import List, Optional, Tuple

from models._arguments import expect, is_count

LEAST = 3  # pixels of the last feature map's side, as in MLPerf Tiny's MobileNet for 96x96 pictures


def strides(input_shape: Tuple[int, int, int], halvings: Optional[int], places: int) -> List[int]:
    """The stride, 1 or 2, at each of the `places` at which the published network halves the resolution: 2 at the last
    `halvings` places, 1 before.

    halvings: None for the largest number with which the last feature map is at least 3 pixels high and wide. With five
    places, pictures of 65 pixels or more are halved at all of them. Raises ValueError for more halvings than the
    network or the picture allows.
    """
    side = min(input_shape[:2])
    fit = max(count for count in range(places + 1) if count == 0 or -(-side // 2 ** count) >= LEAST)
    if halvings is None:
        halvings = fit
    most = min(places, side.bit_length() - 1)
    expect(is_count(halvings, 0) and halvings <= most, "halvings",
           "a whole number from 0 to {} for pictures of {}x{}".format(most, *input_shape[:2]), halvings)
    return [1] * (places - halvings) + [2] * halvings
