"""What answers took: intervals that allow for groups, and ratios item against item."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.evaluation.intervals import cluster_error, sum_clusters
from core.evaluation.usage import PARTS, compare_latencies, compare_usage, measure_usage

SECONDS = st.lists(st.floats(0.001, 100), min_size=1, max_size=30)


def stack(seconds):
    values = np.asarray(seconds, dtype=float)
    return np.stack([values, 100 + values, np.full_like(values, 7.0)], axis=1)


@settings(max_examples=40, deadline=None)
@given(SECONDS, st.integers(1, 5))
def test_the_mean_lies_in_its_interval_and_the_covariance_is_that_of_the_intervals(seconds, size):
    clusters = [str(place // size) for place in range(len(seconds))]
    found = measure_usage(stack(seconds), clusters)
    error, freedom = cluster_error(*sum_clusters(np.asarray(seconds), clusters))
    assert found.covariance[0][0] == pytest.approx(error**2, abs=1e-9)
    assert found.freedom == pytest.approx(freedom)
    for part in PARTS:
        amount = found.amounts[part]
        assert (amount.low is None) == (len(set(clusters)) < 2)
        if amount.low is not None:
            assert 0 <= amount.low <= amount.mean + 1e-9 <= amount.high + 2e-9


@settings(max_examples=40, deadline=None)
@given(SECONDS, st.floats(0.1, 10))
def test_a_machine_slower_by_a_factor_has_that_ratio(seconds, factor):
    used = {"base": stack(seconds), "rag": stack(np.asarray(seconds) * factor)}
    (ratio,) = compare_latencies(used, [str(place) for place in range(len(seconds))])
    assert (ratio.a, ratio.b) == ("rag", "base")
    assert ratio.ratio == pytest.approx(factor)
    if ratio.low is not None:
        assert ratio.low - 1e-9 <= ratio.ratio <= ratio.high + 1e-9


def test_a_drift_that_both_share_is_no_difference():
    drift = np.linspace(1, 10, 40)
    (ratio,) = compare_latencies({"base": stack(drift), "rag": stack(drift)}, [str(place) for place in range(40)])
    assert (ratio.low, ratio.ratio, ratio.high) == pytest.approx((1, 1, 1))


def test_no_seconds_give_no_ratio():
    assert compare_latencies({"base": stack([0.0, 0.0]), "rag": stack([1.0, 1.0])}, ["a", "b"]) == []


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10**6))
def test_the_interval_of_a_ratio_holds_the_truth_about_as_often_as_it_says(seed):
    """Over all seeds together; one alone may miss."""
    random = np.random.default_rng(seed)
    hits = 0
    for _ in range(40):
        base = random.lognormal(0, 0.5, 30)
        used = {"base": stack(base), "rag": stack(base * random.lognormal(np.log(2), 0.3, 30))}
        (ratio,) = compare_latencies(used, [str(place) for place in range(30)])
        hits += ratio.low <= 2 <= ratio.high
    assert hits >= 32, "95 % of 40 are 38; fewer than 32 have a chance of 1 in 10,000"


def test_differences_are_those_of_the_means_and_know_what_goes_together():
    used = {"base": stack([1.0, 2.0, 3.0]), "rag": stack([2.0, 3.0, 4.0])}
    (difference,) = compare_usage(used, ["a", "b", "c"])
    assert difference.means == pytest.approx([1, 1, 0])
    assert difference.covariance[0][0] == pytest.approx(0), "every item takes one second more"
