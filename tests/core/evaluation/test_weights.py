"""What is recommended when more counts than marks."""

import math

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from core.errors import LabError
from core.evaluation.prices import DEFAULT_PRICES, Prices
from core.evaluation.weights import CRITERIA, Weights, rate_arms, recommend
from tests.summaries import BROKEN, RIGHT, WRONG, make_summary

ITEMS = 40
ARMS = ("base", "rag", "qlora", "hybrid")
WEIGHTS = st.builds(Weights, **dict.fromkeys(CRITERIA, st.floats(0.01, 1)))


def summarize(right, seconds=None):
    """Let arms be right on so many of the items, each on the same ones first."""
    answers = {arm: [RIGHT if n < count else WRONG for n in range(ITEMS)] for arm, count in right.items()}
    times = seconds or dict.fromkeys(right, 1.0)
    return make_summary(answers, {arm: [times[arm] * (1 + n / 100) for n in range(ITEMS)] for arm in right})


CLEAR = summarize({"base": 2, "rag": 36, "qlora": 20, "hybrid": 10}, {"base": 0.4, "rag": 2.0, "qlora": 0.5, "hybrid": 2.5})


def test_quality_alone_is_the_verdict():
    assert CLEAR["verdict"]["state"] == "better"
    found = recommend(CLEAR)
    assert found.arm == CLEAR["verdict"]["arm"] == "rag"
    assert found.sentence == "By answer alone: RAG."


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, ITEMS), min_size=4, max_size=4))
def test_whatever_the_marks_quality_alone_never_contradicts_the_verdict(counts):
    summary = summarize(dict(zip(ARMS, counts, strict=True)))
    verdict = summary["verdict"]
    found = recommend(summary)
    assert found.arm == (verdict["arm"] if verdict["state"] in {"better", "equivalent"} else None)
    other = recommend(summary, Weights(quality=1, latency=1))
    if verdict["state"] == "inconclusive":
        assert "The verdict is inconclusive all the same" in other.sentence
    elif verdict["arm"] not in {None, other.arm}:
        assert "By the marks alone it is" in other.sentence


@settings(max_examples=60, deadline=None)
@given(WEIGHTS, st.sampled_from(list(CRITERIA)))
def test_beyond_the_switch_the_other_is_recommended_and_before_it_is_not(weights, criterion):
    found = recommend(CLEAR, weights)
    switch = next((one for one in found.switches if one.criterion == criterion), None)
    own = weights.shares()[criterion]
    rest = {name: share / (1 - own) for name, share in weights.shares().items() if name != criterion}

    def at(weight):
        return recommend(CLEAR, Weights(**{criterion: weight}, **{name: share * (1 - weight) for name, share in rest.items()}))

    if switch is None:
        assert at(1 - 1e-6).arm == found.arm or own > 1 - 1e-5
        return
    assert switch.weight >= own - 1e-9
    assume(1e-4 < switch.weight < 1 - 1e-4)
    assert at(min(1.0, switch.weight + 1e-5)).arm == switch.arm
    if switch.weight - 1e-5 > own:
        assert at(switch.weight - 1e-5).arm == found.arm


def test_the_switch_is_said_in_words():
    sentences = [switch.sentence for switch in recommend(CLEAR).switches]
    # RAG: marks 0.9, a fifth as fast as the fastest; QLoRA: 0.5 and 0.8. The lines cross at 0.4 / (0.4 + 0.6).
    assert "changes to QLoRA when latency weighs more than 0.40" in sentences
    assert not any("validity" in sentence for sentence in sentences), "all answers are valid"


@settings(max_examples=40, deadline=None)
@given(WEIGHTS, st.floats(0.001, 1000))
def test_only_the_ratios_of_weights_matter(weights, factor):
    scaled = Weights(**{name: getattr(weights, name) * factor for name in CRITERIA})
    assert recommend(CLEAR, scaled).arm == recommend(CLEAR, weights).arm


def test_ratings_lie_from_0_to_1_and_say_what_was_measured():
    ratings = rate_arms(CLEAR, DEFAULT_PRICES)
    assert all(0 <= value <= 1 for rating in ratings.values() for value in rating.values())
    assert all(set(rating) == set(CRITERIA) for rating in ratings.values())
    assert [ratings[arm]["traceability"] for arm in ARMS] == [0, 1, 0, 1]
    assert [ratings[arm]["freshness"] for arm in ARMS] == [0, 0.75, 0.25, 0.75]


def test_what_was_not_measured_is_left_out_and_said():
    older = make_summary({"base": [RIGHT] * 8, "rag": [BROKEN] * 8}, dict.fromkeys(("base", "rag"), [1.0] * 8), extra=False)
    found = recommend(older, Weights(quality=1, freshness=1))
    assert set(found.left_out) == {"cost", "freshness"}
    assert "Not measured in this run, and left out: freshness." in found.sentence
    assert recommend(older, Weights(quality=0, freshness=1)).arm is None
    assert recommend({}).arm is None


def copy(summary, **verdict):
    return {**summary, "arms": dict(summary["arms"]), "verdict": {**summary["verdict"], **verdict}}


@pytest.mark.parametrize("weights", [Weights(), Weights(quality=0, latency=1), Weights(quality=1, cost=1)])
def test_an_invalid_verdict_recommends_nothing_by_any_weight(weights):
    found = recommend(copy(CLEAR, state="invalid", arm=None), weights)
    assert (found.arm, found.worth, found.switches) == (None, {}, ())
    assert "The verdict is invalid" in found.sentence


@pytest.mark.parametrize("state", ["better", "equivalent"])
def test_where_a_baseline_is_recommended_no_approach_is_weighed(state):
    summary = copy(CLEAR, state=state, arm="majority")
    primary = {"mean": 0.99, "low": 0.9, "high": 1.0}
    summary["arms"]["majority"] = {**CLEAR["arms"]["base"], "status": "baseline", "primary": primary}
    assert recommend(summary).arm == "majority", "by quality alone it is the verdict's"
    found = recommend(summary, Weights(quality=1, latency=1))
    assert (found.arm, found.switches) == (None, ())
    assert "an answer without a model is best" in found.sentence
    assert "no ratings" in found.sentence


def test_a_cost_without_the_indexing_says_so():
    summary = {**CLEAR, "arms": {**CLEAR["arms"]}}
    cost = {**CLEAR["arms"]["rag"]["cost"], "indexing_seconds": None}
    summary["arms"]["rag"] = {**CLEAR["arms"]["rag"], "cost": cost}
    gap = "Cost does not count what is not known: the indexing of RAG."
    assert gap in recommend(summary, Weights(quality=1, cost=1)).sentence
    assert gap not in recommend(CLEAR, Weights(quality=1, cost=1)).sentence
    assert gap not in recommend(summary, Weights(quality=1, cost=1), Prices(machine_hour=0, label=1)).sentence


@pytest.mark.parametrize("values", [{"quality": 0}, {"latency": -1}, {"cost": math.nan}, {"validity": math.inf}])
def test_what_is_no_weight_is_refused(values):
    with pytest.raises(LabError, match="Give"):
        Weights(**values)
