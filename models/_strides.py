"""Networks that were made for large pictures, on small ones: fewer halvings of the resolution."""

from typing import List, Optional, Tuple

from models._arguments import expect, is_count

LEAST = 3  # what MobileNet on 96x96 ends in, MLPerf Tiny's visual wake words


def strides(input_shape: Tuple[int, int, int], halvings: Optional[int], places: int) -> List[int]:
    """The stride, 1 or 2, at each of the `places` where the published network halves the resolution:
    2 at the last `halvings` of them.

    None is as many as leave the last feature map 3 pixels high and wide, so that pictures from 65 pixels
    on have them all where there are five. Raises ValueError for more than the network or the picture has.
    """
    side = min(input_shape[:2])
    fit = max(count for count in range(places + 1) if count == 0 or -(-side // 2 ** count) >= LEAST)
    if halvings is None:
        halvings = fit
    most = min(places, side.bit_length() - 1)
    expect(is_count(halvings, 0) and halvings <= most, "halvings",
           "a whole number from 0 to {} for pictures of {}x{}".format(most, *input_shape[:2]), halvings)
    return [1] * (places - halvings) + [2] * halvings
