import math

import pytest

from core.evaluation.scoring import multiset_f1, normalize_text, score_answer, token_f1
from core.evaluation.statistics import Sample, contrast, correct_holm, mean_interval, wilson_interval
from core.evaluation.verdict import decide


def test_token_f1_counts_multisets_not_sets():
    assert token_f1("yes yes yes", "yes") == pytest.approx(0.5)
    assert token_f1("The 12 working days.", "12 working days") == 1.0
    assert token_f1("12 months", "13 months") == 0.0, "a right unit with a wrong number is a wrong answer"
    assert token_f1("EUR 1,450", "EUR 1,450 a month") == pytest.approx(0.8)
    assert multiset_f1([], []) == 1.0
    assert multiset_f1(["a"], []) == 0.0
    assert normalize_text("An  Owl, the  sea!") == "owl sea"


def test_fields_are_marked_by_their_rule():
    schema = {
        "properties": {
            "text": {"type": "string"},
            "code": {"enum": ["A", "B"]},
            "number": {"type": "number", "x-tolerance": 0.5},
            "tags": {"type": "array", "items": {"type": "string"}},
            "flag": {"type": "boolean"},
            "note": {"type": "string", "x-score": "ignore"},
        }
    }
    expected = {"text": "a big boat", "code": "A", "number": 2.0, "tags": ["x", "y"], "flag": True, "note": "?"}
    given = {"text": "boat", "code": "A", "number": 2.4, "tags": ["y", "z"], "flag": 1}
    score = score_answer(given, expected, schema)
    assert score.fields == pytest.approx({"text": 2 / 3, "code": 1, "number": 1, "tags": 0.5, "flag": 0})
    assert score.exact == 0
    assert score_answer(expected, expected, schema).exact == 1


@pytest.mark.parametrize("value", [None, [], "text", 3, {}])
def test_an_unreadable_answer_scores_zero_never_raises(value):
    assert score_answer(value, {"a": None}, {"properties": {"a": {"type": ["string", "null"]}}}).score == 0


def test_null_is_right_only_where_null_is_expected():
    schema = {"properties": {"a": {"type": ["string", "null"]}}}
    assert score_answer({"a": None}, {"a": None}, schema).score == 1
    assert score_answer({"a": None}, {"a": "x"}, schema).score == 0
    assert score_answer({"a": "x"}, {"a": None}, schema).score == 0


def test_wilson_interval_against_published_values():
    interval = wilson_interval(8, 10)  # Wilson 1927, as in statsmodels' own tests: 0.4902 to 0.9433
    assert (interval.low, interval.high) == pytest.approx((0.4902, 0.9433), abs=1e-4)


def test_contrast_of_equal_arms_is_never_significant():
    item = contrast(
        Sample("a", [1, 0, 1] * 10),
        Sample("b", [1, 0, 1] * 10),
        metric="m",
        slice_name="all",
        clusters=[str(i) for i in range(30)],
    )
    assert (item.difference, item.p, item.ci_low, item.ci_high) == (0, 1, 0, 0)


def test_contrast_sees_a_real_difference_and_its_sign():
    values_a, values_b = [1.0] * 28 + [0.0] * 2, [0.0] * 30
    item = contrast(
        Sample("a", values_a), Sample("b", values_b), metric="m", slice_name="all", clusters=[str(i) for i in range(30)]
    )
    assert item.difference == pytest.approx(28 / 30)
    assert item.ci_low > 0
    assert item.ci_low < item.difference < item.ci_high
    assert item.p < 0.001


def test_clusters_widen_the_interval():
    values = ([1.0] * 5 + [0.0] * 5) * 6
    alone = contrast(
        Sample("a", values), Sample("b", [0.2] * 60), metric="m", slice_name="all", clusters=[str(i) for i in range(60)]
    )
    grouped = contrast(
        Sample("a", values), Sample("b", [0.2] * 60), metric="m", slice_name="all", clusters=[str(i // 5) for i in range(60)]
    )
    assert grouped.ci_high - grouped.ci_low > 1.5 * (alone.ci_high - alone.ci_low)


def test_too_few_clusters_say_so():
    item = contrast(
        Sample("a", [1] * 20), Sample("b", [0] * 20), metric="m", slice_name="all", clusters=["one"] * 10 + ["two"] * 10
    )
    assert (item.ci_low, item.p, item.clusters) == (None, None, 2)


def test_a_a_comparisons_are_rarely_significant():
    import numpy as np

    random = np.random.default_rng(7)
    hits = 0
    for seed in range(40):
        a, b = random.random(40), random.random(40)
        item = contrast(
            Sample("a", a), Sample("b", b), metric="m", slice_name="all", clusters=[str(i) for i in range(40)], seed=seed
        )
        hits += item.p < 0.05
    assert hits <= 6


def test_mean_interval_holds_the_mean():
    interval = mean_interval([0.2, 0.4, 0.9] * 10, [str(i) for i in range(30)])
    assert interval.low < 0.5 < interval.high
    assert math.isclose(interval.mean, 0.5)


def pairs(values, metric="m"):
    names = list(values)
    n = len(next(iter(values.values())))
    clusters = [str(i) for i in range(n)]
    return correct_holm(
        [
            contrast(Sample(b, values[b]), Sample(a, values[a]), metric=metric, slice_name="all", clusters=clusters)
            for i, a in enumerate(names)
            for b in names[i + 1 :]
        ]
    )


def verdict(values):
    return decide("m", {arm: sum(v) / len(v) for arm, v in values.items()}, pairs(values))


def test_a_clear_winner_is_named_with_its_interval():
    found = verdict({"base": [0.0] * 40, "rag": [1.0] * 35 + [0.0] * 5, "qlora": [0.0] * 30 + [1.0] * 10})
    assert (found.state, found.arm) == ("better", "rag")
    assert "95 % interval" in found.sentence


def test_a_lead_by_chance_is_inconclusive_and_recommends_the_simplest():
    found = verdict({"base": [1.0, 0.0] * 20, "rag": [1.0, 0.0] * 19 + [1.0, 1.0]})
    assert (found.state, found.arm) == ("inconclusive", "base")


def test_equal_arms_are_equivalent():
    found = verdict({"base": [1.0, 0.0] * 40, "hybrid": [1.0, 0.0] * 40})
    assert (found.state, found.arm) == ("equivalent", "base")


def test_one_arm_is_no_comparison():
    assert verdict({"base": [1.0] * 10}).state == "invalid"
