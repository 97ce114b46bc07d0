"""Verdicts: what is said, of whom, and what is not said."""

import numpy as np
import pytest

from core.evaluation.statistics import Sample, contrast
from core.evaluation.verdict import Exam, decide


def decide_on(values, *, clusters=None, margin=0.05, available=0):
    samples = {name: one if isinstance(one, Sample) else Sample(name, one) for name, one in values.items()}
    clusters = clusters or [str(number) for number in range(len(next(iter(samples.values())).marks))]
    names = list(samples)
    contrasts = [
        contrast(samples[b], samples[a], metric="m", slice_name="all", clusters=clusters)
        for place, a in enumerate(names)
        for b in names[place + 1 :]
    ]
    return decide(Exam("m", margin, clusters, available), samples, contrasts)


def test_a_clear_winner_is_named_with_its_interval():
    found = decide_on({"base": [0.0] * 40, "rag": [1.0] * 35 + [0.0] * 5, "qlora": [0.0] * 30 + [1.0] * 10})
    assert (found.state, found.arm) == ("better", "rag")
    assert "95 % interval" in found.sentence
    assert "40 items" in found.sentence


def test_a_lead_by_chance_recommends_nothing_and_says_what_would_settle_it():
    found = decide_on({"base": [1.0, 0.0] * 20, "rag": [1.0, 0.0] * 19 + [1.0, 1.0]}, available=310)
    assert (found.state, found.arm) == ("inconclusive", None)
    assert "items" in found.sentence
    assert "in 4 of 5 comparisons" in found.sentence
    assert "310 test items" in found.sentence


def test_where_groups_limit_the_advice_is_in_groups():
    random = np.random.default_rng(0)
    clusters = [str(number // 10) for number in range(80)]
    found = decide_on({"base": random.random(80), "rag": random.random(80) + 0.03}, clusters=clusters)
    assert found.state == "inconclusive"
    assert "groups" in found.sentence
    assert "more items of the same groups would not settle it" in found.sentence


def test_equal_arms_are_equivalent_and_the_simplest_is_recommended():
    found = decide_on({"hybrid": [1.0, 0.0] * 60, "base": [1.0, 0.0] * 60})
    assert (found.state, found.arm) == ("equivalent", "base")


@pytest.mark.parametrize("n", [6, 15, 300])
def test_arms_that_are_never_right_are_not_equal(n):
    found = decide_on({"base": [0.0] * n, "rag": [0.0] * n})
    assert (found.state, found.arm) == ("inconclusive", None)


def test_arms_that_are_always_right_are_equal_once_there_are_enough_items():
    assert decide_on({"base": [1.0] * 10, "rag": [1.0] * 10}).state == "inconclusive"
    assert decide_on({"base": [1.0] * 200, "rag": [1.0] * 200}).state == "equivalent"


def test_six_groups_and_four_arms_can_have_a_winner():
    random = np.random.default_rng(1)
    clusters = [str(number // 10) for number in range(60)]
    values = {name: random.random(60) * 0.2 for name in ("base", "rag", "qlora")}
    found = decide_on({**values, "hybrid": random.random(60) * 0.2 + 0.6}, clusters=clusters)
    assert (found.state, found.arm) == ("better", "hybrid")


def test_a_baseline_is_a_rival():
    values = {"base": [0.0] * 60, "rag": [0.2] * 30 + [0.3] * 30}
    assert decide_on(values).arm == "rag"
    beaten = decide_on({**values, "nearest": [0.5] * 30 + [0.6] * 30})
    assert (beaten.state, beaten.arm) == ("better", "nearest")
    assert "no approach earns its cost" in beaten.sentence
    assert decide_on({"nearest": [0.5] * 60, "rag": [0.9] * 60}).state == "invalid", "one arm is no comparison"


def test_the_order_of_arms_does_not_decide():
    values = {"base": [1.0, 0.0] * 60, "rag": [0.0, 1.0] * 60, "qlora": [0.0] * 120}
    turned = dict(reversed(values.items()))
    assert decide_on(values) == decide_on(turned)


def test_one_training_speaks_of_this_adapter():
    random = np.random.default_rng(2)
    low, high = random.random(80) * 0.2, random.random(80) * 0.2 + 0.7
    assert "this adapter" in decide_on({"base": low, "qlora": high}).sentence
    several = decide_on({"base": low, "qlora": Sample("qlora", [high, high + 0.01, high - 0.01], ("a", "b", "c"))})
    assert "this adapter" not in several.sentence
    assert "3 adapters" in several.sentence
    assert "adapter" not in decide_on({"base": low, "rag": high}).sentence


def test_a_small_lucky_lead_is_said_to_be_one():
    found = decide_on({"base": [0.3] * 60, "rag": [0.81, 0.01] * 30})
    assert found.state == "better"
    assert "expect about" in found.sentence


def test_level_arms_need_fewer_items_to_be_called_equal_than_to_be_told_apart():
    found = decide_on({"base": [1.0] * 60, "rag": [1.0] * 60})
    assert "are level" in found.sentence
    assert "about 72 show that they differ by less than the margin" in found.sentence
    assert decide_on({"base": [1.0] * 80, "rag": [1.0] * 80}).state == "equivalent"


def test_a_margin_too_wide_is_not_called_hardly_right():
    found = decide_on({"base": [0.9, 1.0] * 60, "rag": [0.9, 1.0] * 60}, margin=0.6)
    assert found.state == "inconclusive"
    assert "too wide" in found.sentence
    assert "hardly" not in found.sentence


def test_a_small_margin_is_not_written_as_nothing():
    found = decide_on({"base": [1.0, 0.0] * 60, "rag": [1.0, 0.0] * 59 + [1.0, 1.0]}, margin=0.004)
    assert "0.004" in found.sentence
    assert "0.00," not in found.sentence


def test_two_baselines_ahead_of_every_arm_say_that_no_approach_earns_its_cost():
    low = [0.1, 0.2] * 60
    found = decide_on({"majority": [0.7, 0.8] * 60, "nearest": [0.7, 0.8] * 60, "base": low, "rag": low})
    assert (found.state, found.arm) == ("equivalent", "majority")
    assert "no approach earns its cost" in found.sentence


def test_one_group_is_said_as_one():
    assert "6 items in 1 group are too few" in decide_on({"base": [0.0] * 6, "rag": [1.0] * 6}, clusters=["a"] * 6).sentence


def test_several_draws_of_examples_are_said():
    rows = np.tile([0.1, 0.2] * 30, (3, 1))
    drawn = Sample("rag", rows + np.array([[0.5], [0.51], [0.49]]), ("examples 0", "examples 1", "examples 2"))
    assert (
        "The interval allows for other examples in the prompt (3 draws)" in decide_on({"base": rows[0], "rag": drawn}).sentence
    )
