"""What approaches cost at prices, and when one pays back."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import LabError
from core.evaluation.break_even import find_break_even
from core.evaluation.cost import draw_curve, find_costs
from core.evaluation.cost_table import lay_out_money
from core.evaluation.prices import DEFAULT_PRICES, Prices, write_money
from tests.summaries import BROKEN, ONE_OFF, RIGHT, WRONG, make_summary

ITEMS = 12
SLOW, FAST = [2.0 + 0.1 * n for n in range(ITEMS)], [1.0 + 0.05 * n for n in range(ITEMS)]
PRICES = st.builds(
    Prices,
    machine_hour=st.floats(0, 50),
    million_prompt=st.floats(0, 50),
    million_new=st.floats(0, 50),
    label=st.floats(0, 10),
    queries=st.floats(1, 1e7),
    updates=st.floats(0, 1000),
)
SECONDS = st.lists(st.floats(0.01, 20), min_size=ITEMS, max_size=ITEMS)


def summarize(rag=SLOW, qlora=FAST, **more):
    answers = {"rag": [RIGHT, WRONG, BROKEN] * 4, "qlora": [RIGHT, WRONG, WRONG] * 4}
    return make_summary(answers, {"rag": rag, "qlora": qlora}, **more)


@settings(max_examples=30, deadline=None)
@given(SECONDS, SECONDS, PRICES)
def test_at_the_break_even_both_cost_the_same_and_beyond_it_the_dear_one_less(rag, qlora, prices):
    summary = summarize(rag, qlora)
    found, costs = find_break_even(summary, prices), find_costs(summary, prices)
    cheap, dear = costs[found.cheap], costs[found.dear]
    assert cheap.one_off <= dear.one_off
    if found.queries is not None and 1 < found.queries < 1e12:
        assert cheap.total(found.queries, prices) == pytest.approx(dear.total(found.queries, prices), rel=1e-6)
        assert dear.total(2 * found.queries, prices) <= cheap.total(2 * found.queries, prices)
        assert found.state == "from"
    elif found.state == "never":
        assert dear.total(1e9, prices) >= cheap.total(1e9, prices)
    assert found.low is None or found.queries is None or found.low <= found.queries * (1 + 1e-9)
    assert found.high is None or found.queries <= found.high * (1 + 1e-9)
    for cost in costs.values():
        for money in (cost.query, cost.right, cost.valid):
            if money and money.low is not None:
                assert money.low <= money.mean * (1 + 1e-9)
                assert money.high is None or money.high >= money.mean * (1 - 1e-9)
    assert cost.right.mean >= cost.valid.mean >= cost.query.mean


def test_the_formula_by_hand():
    prices = Prices(machine_hour=3600, label=1, queries=100, updates=2)
    found = find_break_even(summarize(), prices)
    rag, qlora = sum(SLOW) / ITEMS, sum(FAST) / ITEMS
    start = (300 + 600) - (3 + 20)
    assert found.queries == pytest.approx(None if rag - qlora < 11.6 else 0), "changes cost QLoRA 1,200 a month, RAG 40"
    without = find_break_even(summarize(), Prices(machine_hour=3600, label=1, queries=100, updates=0))
    assert without.queries == pytest.approx(start / (rag - qlora))
    assert (without.cheap, without.dear) == ("rag", "qlora")
    assert without.low < without.queries < without.high


def test_never_is_said_and_is_no_number():
    found = find_break_even(summarize(rag=FAST, qlora=SLOW), DEFAULT_PRICES)
    assert (found.state, found.queries, found.high) == ("never", None, None)
    assert found.sentence.startswith("QLoRA never pays back: it costs more than RAG at the start and no less per query")


def test_a_saving_that_may_be_none_has_no_upper_bound():
    unsure = [0.9 * FAST[n] if n % 4 else SLOW[n] for n in range(ITEMS)]
    found = find_break_even(summarize(rag=unsure), Prices(updates=0))
    assert found.queries is not None
    assert found.high is None
    assert "or never" in found.sentence


def test_what_is_not_known_is_named_and_not_taken_for_nothing():
    older = summarize(extra=False)
    assert all(cost.one_off is None for cost in find_costs(older, DEFAULT_PRICES).values())
    found = find_break_even(older, DEFAULT_PRICES)
    assert found.state == "unknown"
    assert "does not keep labels, training and indexing, as new comparisons do" in found.sentence
    assert draw_curve(older, DEFAULT_PRICES) == {}
    partly = summarize()
    partly["arms"]["rag"]["cost"]["indexing_seconds"] = None
    found = find_break_even(partly, DEFAULT_PRICES)
    assert found.state == "from"
    assert found.sentence.endswith("Not known, and not counted: the indexing of RAG.")


def test_a_start_that_is_not_known_is_not_called_the_same():
    summary = make_summary({"base": [RIGHT] * ITEMS, "rag": [RIGHT] * ITEMS}, {"base": FAST, "rag": SLOW})
    summary["arms"]["rag"]["cost"]["indexing_seconds"] = None
    found = find_break_even(summary, DEFAULT_PRICES, ("base", "rag"))
    assert found.state == "unknown"
    assert "the indexing of RAG" in found.sentence
    free = find_break_even(summary, Prices(machine_hour=0, million_prompt=1), ("base", "rag"))
    assert free.state == "same", "where a machine hour is free, indexing costs nothing however long it took"


def test_first_is_said_only_where_the_interval_of_the_saving_says_so():
    def compare(base, rag):
        summary = make_summary({"base": [RIGHT] * ITEMS, "rag": [RIGHT] * ITEMS}, {"base": base, "rag": rag})
        summary["arms"]["rag"]["cost"]["indexing_seconds"] = 0.0
        return find_break_even(summary, DEFAULT_PRICES, ("base", "rag"))

    sure = compare(FAST, SLOW)
    assert sure.state == "first"
    assert sure.sentence.startswith("Base model costs less than RAG from the first query on")
    unsure = compare([1.0, 3.0] * 6, [3.1, 1.0] * 6)
    assert unsure.state == "unknown"
    assert unsure.sentence.endswith("is not settled: the interval of the difference holds 0.")


@pytest.mark.parametrize("stored", [(ITEMS, 0), (0, 1), (ITEMS, ITEMS)])
def test_seconds_of_different_sessions_have_no_interval(stored):
    summary = summarize()
    for name, count in zip(("rag", "qlora"), stored, strict=True):
        summary["arms"][name]["cost"]["from_store"] = count
    found = find_break_even(summary, Prices(updates=0))
    assert (found.state, found.sure, found.low, found.high) == ("from", False, None, None)
    assert found.sentence.endswith("the seconds are of different sessions.")


def test_runs_without_a_cost_have_means_without_intervals():
    summary = summarize()
    for arm in summary["arms"].values():
        del arm["cost"]
    del summary["usage"]
    (rag, qlora) = find_costs(summary, DEFAULT_PRICES).values()
    assert rag.query.mean > qlora.query.mean > 0
    assert (rag.query.low, rag.right) == (None, None)
    assert lay_out_money(summary, DEFAULT_PRICES).rows[0].cells[4] == "not known", "which is not: no right answer"


def test_no_right_answer_costs_no_number():
    summary = make_summary({"rag": [BROKEN] * 4, "qlora": [WRONG] * 4}, {"rag": [1.0] * 4, "qlora": [1.0] * 4})
    costs = find_costs(summary, DEFAULT_PRICES)
    assert costs["rag"].valid is None
    assert costs["qlora"].right is None
    assert costs["qlora"].valid.mean == costs["qlora"].query.mean


def test_an_arm_that_is_missing_has_no_break_even():
    summary = summarize()
    summary["arms"]["rag"] = {"status": "missing", "reason": "There is no index."}
    assert find_break_even(summary, DEFAULT_PRICES) is None
    assert list(find_costs(summary, DEFAULT_PRICES)) == ["qlora"]


@settings(max_examples=20, deadline=None)
@given(PRICES, st.floats(1, 1e9))
def test_the_curve_is_the_costs_at_growing_numbers(prices, most):
    summary = summarize()
    curve, costs = draw_curve(summary, prices, most=most), find_costs(summary, prices)
    assert set(curve) == {"rag", "qlora"}
    for name, points in curve.items():
        assert [queries for queries, _ in points] == sorted(queries for queries, _ in points)
        assert all(cost == pytest.approx(costs[name].total(queries, prices)) for queries, cost in points)


@pytest.mark.parametrize("values", [{"machine_hour": -1}, {"label": math.nan}, {"queries": 0}, {"updates": math.inf}])
def test_what_is_no_price_is_refused(values):
    with pytest.raises(LabError, match="Give a number|Without questions"):
        Prices(**values)


def test_prices_say_whether_they_were_asked():
    assert DEFAULT_PRICES.sentence.startswith("Default prices, assumed and not asked: a machine hour 0.1")
    assert Prices(label=1).sentence.startswith("Prices: ")


@given(st.floats(1e-9, 1e9))
def test_money_keeps_two_digits(amount):
    assert float(write_money(amount).replace(",", "")) == pytest.approx(amount, rel=0.051)
    assert "e" not in write_money(amount)


def test_labels_are_paid_once():
    cost = find_costs(summarize(), Prices(label=2, machine_hour=0))["qlora"]
    assert cost.one_off == 2 * ONE_OFF["qlora"]["labels"]
    assert cost.query.mean == 0
