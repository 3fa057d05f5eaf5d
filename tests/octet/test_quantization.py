import math
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octet.quantization import NARROW_STEPS, STEPS, of_range, quantization, to_real

ENDS = st.floats(-1e6, 1e6, allow_nan=False).filter(lambda end: abs(end) > 1e-6)


@given(ENDS, ENDS, st.booleans())
def test_a_range_holds_0_and_its_ends_lie_within_half_a_code_of_codes(one, other, narrow):
    low, high = min(one, other, 0.0), max(one, other, 0.0)
    scale, zero_point = of_range(low, high, narrow)
    least = STEPS - NARROW_STEPS if narrow else 0
    assert least <= zero_point <= STEPS and to_real(zero_point, scale, zero_point) == 0
    for code, end in ((least, low), (STEPS, high)):
        assert abs(to_real(code, scale, zero_point) - end) <= scale * 0.5001


def test_a_zero_point_half_way_between_two_codes_is_the_upper_one():
    assert of_range(-0.5, 254.5).zero_point == 1
    assert of_range(-1.5, 253.5).zero_point == 2


@pytest.mark.parametrize("low, high", [(1.0, 3.0), (-3.0, -1.0)])
def test_a_range_without_0_is_widened_to_hold_it(low, high):
    assert quantization(low, high) == of_range(min(low, 0.0), max(high, 0.0))


@pytest.mark.parametrize("low, high", [(1.0, 1.0), (2.0, 1.0), (0.0, math.inf), (math.nan, 1.0), (0.0, 1e-31),
                                       (-1e31, 1e31)])
def test_an_invalid_range_is_refused(low, high):
    with pytest.raises(ValueError, match="a range"):
        quantization(low, high)


def test_the_arithmetic_imports_no_numpy():
    code = "import sys, octet.quantization; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
