"""Values that stand for a missing number are noted, and ordinary columns are not."""

import numpy as np
import pytest

from octet.data import far_values

RANDOM = np.random.RandomState(5)
COUNT = 2000
UNIFORM = RANDOM.uniform(0, 1, COUNT)


def marked(numbers, share, *values):
    """The numbers with these values in a share of the rows."""
    made = np.array(numbers, float)
    rows = RANDOM.permutation(len(made))[:int(share * len(made))]
    made[rows] = np.resize(values, len(rows))
    return made


@pytest.mark.parametrize("share", [0.001, 0.01, 0.03, 0.1, 0.2])
@pytest.mark.parametrize("values", [(-999,), (9999,), (-1e6,), (-999, -99), (-999, 9999), (-999, -99, 1e5)])
def test_a_few_values_far_from_the_others_are_found(share, values):
    found = far_values.of_column(marked(UNIFORM, max(share, 0.001 * len(values)), *values))
    assert found is not None and found.values == sorted(values)
    assert found.share == pytest.approx(share, abs=0.003) and 0 <= found.low <= found.high <= 1


@pytest.mark.parametrize("numbers", [
    UNIFORM, RANDOM.normal(0, 1, COUNT), RANDOM.exponential(3, COUNT), RANDOM.lognormal(0, 2, COUNT),
    RANDOM.standard_cauchy(COUNT), RANDOM.pareto(1, COUNT), np.round(RANDOM.pareto(1.5, COUNT)),
    RANDOM.poisson(0.3, COUNT), RANDOM.poisson(40, COUNT), RANDOM.geometric(0.2, COUNT), RANDOM.zipf(2, COUNT),
    RANDOM.negative_binomial(1, 0.02, COUNT), np.round(RANDOM.lognormal(10, 1, COUNT), -3),
    np.arange(COUNT) % 50 == 0, np.where(np.arange(COUNT) % 50, 0.0, 1000.0), np.resize([1, 2, 3, 500], COUNT),
    marked(UNIFORM, 0.1, 0.0), marked(RANDOM.exponential(3, COUNT), 0.15, 0.0), marked(UNIFORM, 0.1, -1.0, 2.0),
    marked(UNIFORM, 0.4, -999.0), UNIFORM[:1], UNIFORM[:0], np.zeros(COUNT)])
def test_skewed_numbers_counts_and_kinds_have_none(numbers):
    assert far_values.of_column(numbers) is None


def test_columns_are_named_and_uint8_values_are_not_judged():
    both = np.stack([UNIFORM, marked(UNIFORM, 0.05, -999, -99)], 1)
    assert [note.split(",")[0] for note in far_values.of_features(both, "x")] == [
        "column 1 of x is -999 or -99 in 5 % of the training samples"]
    assert far_values.of_features(both.astype(np.uint8), "x") == []
