import math
from types import SimpleNamespace

import pytest

from tasks.training import learning_rate_schedule

STEPS = 1000


def rates(name, **settings):
    complete = SimpleNamespace(**{**dict(
        schedule=name, learning_rate=0.4, warm_up=0.1, milestones=[0.5, 0.75], step_factor=0.1, final_factor=0.01),
        **settings})
    return [learning_rate_schedule.rate(complete, step, STEPS) for step in range(STEPS)]


@pytest.mark.parametrize("name", ["constant", "cosine", "step", "exponential", "one_cycle"])
def test_each_schedule_rises_in_a_straight_line_to_the_rate_and_never_rises_after_it(name):
    found = rates(name)
    assert found[0] == pytest.approx(0.4 / 100) and found[49] == pytest.approx(0.2) and found[100] == 0.4
    assert max(found) == 0.4 and min(found) > 0
    assert all(later <= earlier for earlier, later in zip(found[100:], found[101:]))


def test_schedules_end_where_they_say():
    assert rates("constant")[-1] == 0.4
    assert rates("cosine")[550] == pytest.approx(0.2) and rates("cosine")[-1] < 1e-5
    assert rates("one_cycle")[550] == pytest.approx(0.2) and rates("one_cycle")[-1] == pytest.approx(0.4 / 900)
    stairs = rates("step")
    assert [stairs[step] for step in (499, 500, 749, 750)] == pytest.approx([0.4, 0.04, 0.04, 0.004])
    falling = rates("exponential")
    assert falling[-1] == pytest.approx(0.004, rel=0.01)
    assert falling[550] / falling[549] == pytest.approx(falling[900] / falling[899])


def test_the_default_warm_up_is_a_twentieth_and_for_one_cycle_three_tenths():
    for name, warm_up in (("constant", 50), ("one_cycle", 300)):
        found = rates(name, warm_up=None)
        assert found[warm_up - 2] < 0.4 and found[warm_up] == 0.4
    assert rates("constant", warm_up=0)[0] == 0.4
    assert rates("cosine", warm_up=0)[500] == pytest.approx(0.4 * 0.5 * (1 + math.cos(math.pi / 2)))
