"""A small sample of what `make faults` does hundreds of times."""

import pytest

from tests.pipeline import faults
from tests.pipeline.checkout import Checkout


def test_kills_and_damage_at_random_moments_lose_nothing(tmp_path):
    said = list(faults.loop(Checkout(tmp_path), kills=6, seed=7))
    assert len(said) == 6


def test_a_disk_that_fills_up_anywhere_loses_nothing(tmp_path):
    checkout = Checkout(tmp_path)
    reference = faults.reference_of(checkout)
    for pages in (3, 40, 110):
        if faults.fill_up(checkout, reference, pages * 4096) is None:
            pytest.skip("mounting is not allowed here: no small file system to be had")
