"""Intervals: right by the textbook, by a peer, and under simulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from core.evaluation.intervals import MIN_CLUSTERS, Spread, cluster_error, estimate_difference, mean_interval, wilson_interval


def single(count):
    return [str(number) for number in range(count)]


def pairs(more, fewer, n):
    return [1.0] * more + [-1.0] * fewer + [0.0] * (n - more - fewer)


def test_wilson_interval_against_published_values():
    interval = wilson_interval(8, 10)  # Wilson 1927, as in statsmodels' own tests: 0.4902 to 0.9433
    assert (interval.low, interval.high) == pytest.approx((0.4902, 0.9433), abs=1e-4)


@pytest.mark.parametrize(("more", "fewer", "n"), [(24, 8, 100), (0, 0, 30), (4, 0, 10), (0, 10, 10), (1, 1, 10), (150, 3, 300)])
def test_right_or_wrong_marks_have_the_peers_interval_of_tango(more, fewer, n):
    peer = pytest.importorskip("evalstats.core.paired")
    first, second = np.zeros(n), np.zeros(n)
    first[:more] = 1
    second[more : more + fewer] = 1
    found = estimate_difference(pairs(more, fewer, n), single(n))
    assert found.method == "score"
    assert (found.low, found.high) == pytest.approx(peer.tango_scc_paired_ci(first, second, 0.05, c=0.0), abs=1e-6)


def test_equal_right_or_wrong_marks_are_not_certainty():
    found = estimate_difference([0.0] * 6, single(6))
    assert found.p == 1
    assert found.low < -0.3
    assert found.high > 0.3


def test_groups_of_one_size_give_the_t_test_of_their_means():
    values = np.random.default_rng(0).normal(size=60)
    found = estimate_difference(values, [str(number // 10) for number in range(60)])
    peer = stats.ttest_1samp(values.reshape(6, 10).mean(axis=1), 0)
    assert (found.low, found.high) == pytest.approx(tuple(peer.confidence_interval()))
    assert found.p == pytest.approx(peer.pvalue)


def test_unequal_groups_have_fewer_degrees_of_freedom_than_groups():
    _, freedom = cluster_error(np.array([1.0, 2.0, 3.0, 40.0]), np.array([1.0, 1.0, 1.0, 20.0]))
    assert 1 <= freedom < 3


def test_groups_widen_the_interval():
    values = ([1.0] * 5 + [0.0] * 5) * 6
    alone = estimate_difference(np.array(values) - 0.2, single(60))
    grouped = estimate_difference(np.array(values) - 0.2, [str(number // 5) for number in range(60)])
    assert grouped.high - grouped.low > 1.5 * (alone.high - alone.low)


def test_too_few_groups_say_so():
    found = estimate_difference([1.0] * 20, ["one"] * 10 + ["two"] * 10)
    assert (found.low, found.p, found.clusters, found.method) == (None, None, 2, "none")


def test_where_hardly_any_group_differs_their_share_bounds_the_difference():
    found = estimate_difference([0.4, 0.3, 0.0] + [0.0] * 57, single(60))
    assert found.method == "bound"
    assert found.low == pytest.approx(-stats.beta.ppf(0.975, 1, 60))  # None of 60 is worse: Clopper and Pearson.
    assert found.high == pytest.approx(stats.beta.ppf(0.975, 3, 58))
    assert found.p == 0.5


def test_training_anew_widens_the_interval():
    values = np.random.default_rng(1).normal(size=100)
    once = estimate_difference(values, single(100))
    anew = estimate_difference(values, single(100), trainings=Spread(0.01, 2.0))
    assert anew.error == pytest.approx((once.error**2 + 0.01) ** 0.5)
    assert 2 < anew.freedom < once.freedom
    assert anew.high - anew.low > 1.4 * (once.high - once.low)


def test_a_lead_that_is_the_same_everywhere_is_sure_but_not_exact():
    found = estimate_difference([1.0] * 12, [str(number // 2) for number in range(12)])
    assert found.p == pytest.approx(2 / 2**6)  # As of a sign test over six groups.
    assert 0 < found.low < 0.1
    assert found.high == 1


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([-1.0, -0.5, 0.0, 0.0, 0.25, 1.0]), st.integers(0, 12)), min_size=1, max_size=60),
)
def test_laws_of_a_difference(rows):
    values, clusters = [value for value, _ in rows], [str(group) for _, group in rows]
    found = estimate_difference(values, clusters)
    turned = estimate_difference([-value for value in values], clusters)
    backwards = estimate_difference(values[::-1], clusters[::-1])
    if found.clusters < MIN_CLUSTERS:
        assert found.low is None
        return
    assert found.low <= found.mean + 1e-9 <= found.high + 2e-9
    assert (found.p < 0.05) == (found.low > 0 or found.high < 0), "interval and p must not contradict each other"
    assert (turned.low, turned.high) == pytest.approx((-found.high, -found.low), abs=1e-9)
    assert (backwards.low, backwards.high) == pytest.approx((found.low, found.high), abs=1e-9)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([0.0, 0.0, 0.3, 1.0, 1.0]), st.integers(0, 8)), min_size=1, max_size=50))
def test_the_interval_of_a_mark_holds_its_mean_within_0_and_1(rows):
    values, clusters = [value for value, _ in rows], [str(group) for _, group in rows]
    interval = mean_interval(values, clusters)
    assert 0 <= interval.low <= interval.mean + 1e-9
    assert interval.mean <= interval.high + 1e-9
    assert interval.high <= 1 + 1e-12
    assert interval.high - interval.low > 0.01, "no sample of 50 is certainty"


def test_four_equal_groups_are_no_certainty():
    interval = mean_interval([0.5] * 8, ["a", "b", "c", "d"] * 2)
    assert interval.low <= 0.5 <= interval.high
    assert mean_interval([1.0] * 8, ["a", "b", "c", "d"] * 2).low < 0.6
    assert mean_interval([0.2] * 5, ["a"] * 5).high == 1.0
