"""Promises about numbers of items: kept, in simulation."""

import numpy as np
import pytest
from statsmodels.stats.power import TTestPower

from core.evaluation.power import find_growth, measure_correlation, smallest_lead


def test_one_rival_is_the_textbooks_t_test():
    lead = smallest_lead(100, rivals=1, spread=0.5)
    assert lead == pytest.approx(TTestPower().solve_power(nobs=100, alpha=0.05, power=0.8) * 0.5, rel=0.03)


def test_more_rivals_and_fewer_items_need_a_larger_lead():
    leads = [smallest_lead(n, rivals=r, spread=0.5) for n, r in ((300, 1), (150, 1), (150, 3), (48, 3))]
    assert leads == sorted(leads)


@pytest.mark.parametrize(("units", "rivals", "spread"), [(5, 1, 0.5), (6, 1, 1.0), (100, 0, 0.5)])
def test_what_nothing_can_show_is_none(units, rivals, spread):
    assert smallest_lead(units, rivals=rivals, spread=spread) is None


def test_growth_keeps_its_promise():
    random = np.random.default_rng(0)
    pilot = random.normal(size=(2, 100)) @ np.eye(100) + random.normal(size=100)  # Two rivals, alike by the best arm.
    errors = pilot.std(axis=1, ddof=1) / 10
    growth = find_growth(errors, measure_correlation(pilot, [str(i) for i in range(100)]), freedom=99, leads=[0.2, 0.2])
    units = round(100 * growth)
    wins = 0
    for _ in range(600):
        again = random.normal(size=(2, units)) + random.normal(size=units) + 0.2
        error = again.std(axis=1, ddof=1) / np.sqrt(units)
        wins += bool((again.mean(axis=1) / error > 1.97).all())
    assert 0.72 < wins / 600 < 0.88


def test_a_hopeless_lead_needs_more_than_can_be_said():
    assert find_growth([0.1], np.eye(1), freedom=99, leads=[1e-6]) is None


@pytest.mark.filterwarnings("error")
def test_a_lead_without_spread_needs_no_more_units_and_warns_of_nothing():
    both = np.full((2, 2), 0.5) + 0.5 * np.eye(2)
    assert find_growth([0.0, 0.0], both, freedom=99, leads=[0.1, 0.2]) < 1
    assert find_growth([0.0, 0.1], both, freedom=99, leads=[0.0, 0.2]) is None
    alone = find_growth([0.1], np.eye(1), freedom=99, leads=[0.2])
    assert find_growth([0.0, 0.1], both, freedom=99, leads=[0.3, 0.2]) == pytest.approx(alone, rel=0.02)
    assert smallest_lead(100, rivals=2, spread=0.0) == 0.0
