"""Paired differences: their sign, their units, several trainings, what is left of a lucky lead."""

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from core.evaluation.statistics import Sample, contrast, correct_holm, measure_draws


def single(count):
    return [str(number) for number in range(count)]


def compare(a, b, clusters=None):
    a, b = (Sample(name, values) if not isinstance(values, Sample) else values for name, values in (("a", a), ("b", b)))
    return contrast(a, b, metric="m", slice_name="all", clusters=clusters or single(len(a.marks)))


def test_a_real_difference_is_seen_with_its_sign():
    item = compare([1.0] * 28 + [0.0] * 2, [0.0] * 30)
    assert item.difference == pytest.approx(28 / 30)
    assert item.ci_low > 0
    assert item.p < 0.001
    turned = item.turn()
    assert (turned.a, turned.b, turned.ci_low, turned.ci_high) == ("b", "a", -item.ci_high, -item.ci_low)


def test_equal_arms_differ_by_nothing_and_six_items_do_not_show_it():
    item = compare([1, 0, 1] * 2, [1, 0, 1] * 2)
    assert (item.difference, item.p) == (0, 1)
    assert not item.is_equivalent(0.05), "0 of 6 against 0 of 6 is no equivalence"
    assert compare([1, 0] * 200, [1, 0] * 200).is_equivalent(0.05)


def test_copies_of_an_item_are_one_item():
    random = np.random.default_rng(3)
    a, b = random.random(12), random.random(12)
    once, copied = compare(a, b), compare(np.repeat(a, 5), np.repeat(b, 5), [str(number // 5) for number in range(60)])
    assert (copied.ci_low, copied.ci_high) == pytest.approx((once.ci_low, once.ci_high))


def test_identical_arms_are_rarely_told_apart():
    random = np.random.default_rng(7)
    hits = sum(compare(random.random(40), random.random(40)).p < 0.05 for _ in range(200))
    assert hits <= 20  # Binomial at 5 %: more than 20 of 200 in one of a thousand cases.


def test_one_training_hides_what_three_show():
    random = np.random.default_rng(0)
    rows = random.random(100) + np.array([[0.0], [0.1], [-0.1]])
    other = np.full(100, 0.3)
    one, three = compare(rows[0], other), compare(Sample("a", rows, ("x", "y", "z")), other)
    assert three.ci_high - three.ci_low > 2 * (one.ci_high - one.ci_low)


def test_arms_of_the_same_adapters_are_compared_adapter_by_adapter():
    random = np.random.default_rng(0)
    shift = np.array([[0.2], [0.0], [-0.2]])
    first, second = random.random(80) + shift, random.random(80) + shift
    shared = measure_draws(Sample("a", first, ("x", "y", "z")), Sample("b", second, ("x", "y", "z")))
    apart = measure_draws(Sample("a", first, ("x", "y", "z")), Sample("b", second, ("p", "q", "r")))
    assert shared.variance < 1e-20
    assert apart.variance == pytest.approx(2 * 0.04 / 3)
    assert apart.freedom == pytest.approx(4)
    assert measure_draws(Sample("a", first[0])).variance == 0, "of one training nobody sees the spread"


def test_a_sure_lead_is_shrunken_and_an_unsure_one_has_nothing_to_shrink():
    barely = compare([0.51, -0.29] * 30, np.zeros(60))
    assert barely.p < 0.05
    assert 0 <= barely.shrunken < 0.8 * barely.difference
    clearly = compare([0.9, 0.1] * 30, np.zeros(60))
    assert clearly.shrunken == pytest.approx(clearly.difference, rel=0.02)
    assert compare([0.41, -0.39] * 30, np.zeros(60)).shrunken is None


def test_shrunken_leads_are_nearer_to_the_truth_than_lucky_ones():
    random = np.random.default_rng(11)
    sure = [item for item in (compare(random.normal(0.05, 0.4, 60), np.zeros(60)) for _ in range(400)) if item.p < 0.05]
    assert len(sure) > 30
    raw, shrunken = (np.mean([abs(getattr(item, name)) for item in sure]) for name in ("difference", "shrunken"))
    assert raw > 2 * 0.05
    assert abs(shrunken - 0.05) < 0.6 * abs(raw - 0.05)


def test_holm_is_the_peers():
    random = np.random.default_rng(1)
    tested = [compare(random.random(30), random.random(30) + shift) for shift in (0.0, 0.1, 0.2, 0.05, 0.4)]
    peer = multipletests([item.p for item in tested], method="holm")[1]
    assert [item.p_holm for item in correct_holm(tested)] == pytest.approx(list(peer))
    assert correct_holm([]) == []


def test_holm_corrects_only_what_was_tested():
    tested = [compare([1.0] * 20 + [0.0] * 20, [0.0] * 40), compare([1.0, 0.0] * 20, [0.0, 1.0] * 20)]
    corrected = correct_holm([*tested, compare([1.0], [0.0])])
    assert corrected[0].p_holm == pytest.approx(2 * corrected[0].p)
    assert corrected[2].p_holm is None
