"""A small part of the simulations of `benchmarks/verdict_truth.py`: verdicts are as rarely wrong as they say."""

import pytest

from benchmarks.verdict_truth import LIMITS, Cell, find_faults, measure_advice, measure_coverage, measure_verdicts
from core.evaluation.verdict import DEFAULT_MARGIN

pytestmark = pytest.mark.slow
DRAWS = 200


def allow(rate):
    """Return what so many draws of a rate stay below in 999 of 1000 cases."""
    return rate + 3.1 * (rate * (1 - rate) / DRAWS) ** 0.5


@pytest.mark.parametrize("cell", [Cell("binary", 2, 60), Cell("continuous", 4, 60, 6), Cell("zeros", 2, 60)])
def test_identical_arms_rarely_have_a_winner(cell):
    assert measure_verdicts(cell, DRAWS)["false_better"] <= allow(0.05)


@pytest.mark.parametrize("kind", ["binary", "zeros"])
@pytest.mark.parametrize("items", [10, 30, 150])
def test_a_lead_of_the_margin_is_rarely_called_equal(kind, items):
    rates = measure_verdicts(Cell(kind, 2, items, lead=DEFAULT_MARGIN), DRAWS)
    assert rates["pair_equivalent"] <= allow(0.025)


@pytest.mark.parametrize("cell", [Cell("continuous", 2, 60, 10, lead=0.1), Cell("binary", 2, 60, lead=0.1)])
def test_intervals_cover_what_they_say_and_never_contradict_their_p(cell):
    rates = measure_coverage(cell, DRAWS)
    assert 1 - allow(0.05) <= rates["coverage"]
    assert rates["contradictions"] == 0


def test_a_lead_of_a_tenth_is_found_among_four_arms():
    rates = measure_verdicts(Cell("binary", 4, 150, lead=0.1), DRAWS)
    assert rates["better_right"] >= LIMITS["power_150_4_arms"] - 0.09  # Three standard errors of so few draws.


def test_the_advised_number_of_items_keeps_its_promise():
    rates = measure_advice(Cell("binary", 2, 60), 400)  # A quarter of them are pilots, most of them inconclusive.
    assert 0.64 <= rates["power_0.1"] <= 0.96  # Some 75 pilots: 0.80 within three and a half standard errors.
    assert rates["advised_0.05"] > 3 * rates["advised_0.1"], "half the lead needs four times the items"


def test_what_is_beyond_its_limit_is_named():
    row = {"groups": 0, "items": 60, "arms": 4, "better_right": 0.1, "false_better": 0.07, "power_0.1": 0.6, "pilots_0.1": 200}
    assert list(find_faults("power", row)) == [
        "false_better 0.070",
        "power 0.100",
        "power_0.1 0.600 at the advised number of items",
    ]
    few = {"groups": 6, "items": 60, "coverage": 0.5, "informative": 6, "contradictions": 0}
    assert list(find_faults("coverage", few)) == [], "below ten groups no coverage is promised"
    assert list(find_faults("coverage", {**few, "groups": 10})) != []
