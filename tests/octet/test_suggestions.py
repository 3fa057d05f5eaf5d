"""The suggestion for an unknown name."""

import pytest

from octet.suggestions import suggest
from pipeline.stage_specs import STAGES


@pytest.mark.parametrize("typed, meant", [("Freez", "Freeze"), ("freeze", "Freeze"), ("trainqat", "TrainQAT"),
                                          ("PREPAREDATA.TRAIN", "PrepareData.train"), ("Mesure", "Measure")])
def test_the_nearest_name_is_suggested_in_upper_or_lower_case(typed, meant):
    assert suggest(typed, STAGES).startswith("did you mean '{}'?  There are: ConvertUint8, ".format(meant))


def test_nothing_is_suggested_where_no_name_is_near():
    assert suggest("banana", STAGES).startswith("There are: ")
