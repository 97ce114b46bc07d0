"""The verdict card: sentences and a state for every comparison, and no number that is none."""

import json
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.evaluation.card import NO_ARM, make_card
from core.evaluation.cost_table import find_ratios
from core.evaluation.flips import find_flips
from core.evaluation.layout import lay_out
from core.evaluation.prices import Prices
from core.evaluation.sources import measure_sources
from core.evaluation.standing import read_standing
from core.values import Evidence, Example
from tests.summaries import BROKEN, HIT, RIGHT, WRONG, make_summary, predict

ARMS = ("base", "rag", "qlora", "hybrid")
STATES = {"better", "equivalent", "inconclusive", "invalid"}


def same(text, count, arms=ARMS, second=1.0):
    return {arm: [text] * count for arm in arms}, {arm: [second] * count for arm in arms}


def check(summary):
    """Lay a summary out, as it is read from a file; nothing in it is no number."""
    stored = json.loads(json.dumps(summary, allow_nan=False))
    view = lay_out(stored)
    text = json.dumps(view.card.as_json(), allow_nan=False)
    assert "nan" not in text.lower()
    assert "inf" not in text.lower().replace("information", "")
    assert view.card.state in STATES
    assert view.card.sentence
    assert view.card.smallest
    assert all(
        sentence.rstrip().endswith((".", "`.")) for sentence in (*view.card.reasons, *view.card.effects, *view.card.flips)
    )
    return view.card


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_every_comparison_has_a_state_and_sentences(data):
    count = data.draw(st.integers(1, 12))
    arms = data.draw(st.lists(st.sampled_from(ARMS), min_size=1, unique=True))
    answers = {
        arm: data.draw(st.lists(st.sampled_from([RIGHT, WRONG, BROKEN]), min_size=count, max_size=count)) for arm in arms
    }
    seconds = {arm: data.draw(st.lists(st.floats(0, 10), min_size=count, max_size=count)) for arm in arms}
    groups = data.draw(st.none() | st.lists(st.sampled_from("abcdefgh"), min_size=count, max_size=count))
    card = check(make_summary(answers, seconds, groups=groups, extra=data.draw(st.booleans())))
    assert (card.recommendation is None) == (card.title == NO_ARM)
    assert card.recommendation is None or card.state in {"better", "equivalent"}
    assert len(card.reasons) <= 3


def test_three_reasons_with_numbers_and_the_effects():
    answers = {
        "base": [WRONG] * 40, "rag": [RIGHT] * 36 + [WRONG] * 4, "qlora": [RIGHT] * 20 + [WRONG] * 20,
        "hybrid": [RIGHT] * 10 + [WRONG] * 30,
    }  # fmt: skip
    card = check(make_summary(answers, {arm: [1.0 + n / 40 for n in range(40)] for arm in ARMS}))
    assert (card.state, card.recommendation, card.title) == ("better", "rag", "RAG")
    assert len(card.reasons) == 3
    assert all(any(letter.isdigit() for letter in reason) for reason in card.reasons)
    assert card.reasons[0].startswith("RAG reaches 0.90 on answer")
    assert len(card.effects) == 3
    assert card.smallest_lead is not None
    assert f"{card.smallest_lead:.2f}" in card.smallest
    assert any("More items would hardly flip it" in flip for flip in card.flips)


@pytest.mark.parametrize(
    ("answers", "seconds", "groups"),
    [
        (*same(BROKEN, 20), None),  # Zero valid answers.
        (*same(RIGHT, 1), None),  # One item.
        (*same(WRONG, 1), None),
        (*same(RIGHT, 20), ["one"] * 20),  # One group.
        (*same(RIGHT, 20), None),  # Arms that are alike.
        (*same(WRONG, 20, second=0.0), None),  # An engine without seconds.
        (*same(RIGHT, 20, arms=("rag",)), None),  # One arm.
    ],
)
def test_odd_comparisons_have_a_sentence_and_a_state(answers, seconds, groups):
    card = check(make_summary(answers, seconds, groups=groups))
    assert card.state != "better"


def test_an_arm_that_is_missing_leaves_the_card_of_the_others():
    answers, seconds = same(RIGHT, 20, arms=("base", "rag"))
    summary = make_summary(answers, seconds)
    summary["arms"]["qlora"] = {"status": "missing", "reason": "No adapter fits."}
    card = check(summary)
    assert "QLoRA" not in " ".join((*card.reasons, *card.effects))


def test_ten_thousand_items_take_no_longer():
    answers = {arm: [RIGHT, WRONG, RIGHT] * 3333 for arm in ("base", "rag")}
    summary = make_summary(answers, {arm: [1.0 + n % 7 for n in range(9999)] for arm in answers})
    began = time.perf_counter()
    check(summary)
    assert time.perf_counter() - began < 5, "a card is made of a summary, however many items it has"


def test_an_inconclusive_run_says_what_would_settle_it():
    answers = {"base": [RIGHT, WRONG] * 8, "rag": [RIGHT, RIGHT, WRONG, WRONG] * 3 + [RIGHT, RIGHT, RIGHT, WRONG]}
    summary = make_summary(answers, {arm: [1.0 + n for n in range(16)] for arm in answers})
    card = check(summary)
    assert card.state == "inconclusive"
    assert card.flips[0] == summary["advice"]
    assert summary["advice"] in card.sentence


def test_other_runs_are_named_and_what_was_not_measured_says_how():
    answers, seconds = same(RIGHT, 20, arms=("base", "rag"))
    summary = make_summary(answers, seconds)
    own = {"task": "made", "mode": "free", "model": "small", "storage": "bf16"}
    nothing = " ".join(make_card({**summary, "setting": {**own, "others": []}}).flips)
    assert "`ragft compare made --mode constrained`" in nothing
    assert "`ragft compare made --model NAME`" in nothing
    held = {"run": "R1", "mode": "constrained", "model": "small", "means": {"base": 0.2, "rag": 0.9, "gone": 1.0}}
    large = {"run": "R2", "mode": "free", "model": "large", "means": {"base": 0.95, "rag": 0.9}}
    told = " ".join(make_card({**summary, "setting": {**own, "others": [held, large]}}).flips)
    assert "held to the schema (run R1) RAG has the best mean, 0.90, where here Base model has it with 1.00" in told
    assert "large (run R2) Base model has the best mean too, 0.95 against 1.00 (95 % 0.84 to 1.00) here" in told
    known = {**held, "intervals": {"rag": [0.8, 0.97], "base": [None, None]}}
    told = " ".join(make_card({**summary, "setting": {**own, "others": [known]}}).flips)
    assert "RAG has the best mean, 0.90 (95 % 0.80 to 0.97), where here" in told


def test_a_run_that_differs_in_two_ways_is_no_reason_for_either():
    summary = make_summary(*same(RIGHT, 20, arms=("base", "rag")))
    own = {"task": "made", "mode": "free", "model": "small", "storage": "bf16"}
    others = [
        {"run": "R1", "mode": "constrained", "model": "large", "storage": "bf16", "means": {"rag": 0.9}},
        {"run": "R2", "mode": "free", "model": "large", "storage": "nf4", "means": {"rag": 0.9}},
        {"run": "R3", "mode": "constrained", "model": "small", "storage": "nf4", "means": {"rag": 0.9}},
    ]
    told = " ".join(make_card({**summary, "setting": {**own, "others": others}}).flips)
    assert "(run R" not in told
    assert "Other decoding was not measured before this run" in told


def test_answers_from_an_earlier_run_are_not_timed_against_others():
    answers, seconds = same(RIGHT, 20, arms=("base", "rag"))
    summary = make_summary(answers, seconds)
    titles = {table.title: table for table in lay_out(summary).tables}
    assert titles["Seconds, item against item"].rows
    summary["arms"]["rag"]["cost"]["from_store"] = 20
    titles = {table.title: table for table in lay_out(summary).tables}
    assert "Seconds, item against item" not in titles
    assert "Answers whose seconds are those of an earlier run: RAG 20" in titles["What it takes"].footnote
    assert "takes" not in make_card(summary).reasons[-1].split(";")[-1]
    summary["arms"]["base"]["cost"]["from_store"] = 20
    assert find_ratios(summary) == [], "both are from earlier runs, and nothing says from the same one"


def test_an_invalid_verdict_flips_by_no_weight():
    answers = {"base": [RIGHT] * 10 + [WRONG] * 30, "rag": [RIGHT] * 36 + [WRONG] * 4}
    summary = make_summary(answers, {"base": [0.4] * 40, "rag": [2.0] * 40})
    assert any("Another weight" in flip for flip in make_card(summary).flips)
    summary["verdict"] |= {"state": "invalid", "arm": None}
    assert not any("weight" in flip for flip in make_card(summary).flips)


def test_an_invalid_run_is_compared_with_no_other():
    summary = make_summary(*same(RIGHT, 20, arms=("base", "rag")))
    own = {"task": "made", "mode": "free", "model": "small", "storage": "bf16"}
    held = {"run": "R1", "mode": "constrained", "model": "small", "means": {"rag": 0.9}}
    summary["setting"] = {**own, "others": [held]}
    assert any("run R1" in flip for flip in make_card(summary).flips)
    summary["verdict"] |= {"state": "invalid", "arm": None}
    assert not any("run R1" in flip or "not measured" in flip for flip in make_card(summary).flips)


def tell_changes(summary, **prices):
    flips = find_flips(summary, read_standing(summary), prices=Prices(**prices))
    return next(flip for flip in flips if flip.startswith("A corpus that changes"))


def test_how_often_documents_may_change_is_told_with_its_interval():
    answers, _ = same(RIGHT, 20, arms=("rag", "qlora"))
    slow, fast = [2.0 + n / 20 for n in range(20)], [1.0 + n / 50 for n in range(20)]
    summary = make_summary(answers, {"rag": slow, "qlora": fast})
    assert re.search(r"more than [\d.]+ times a month \(95 %: [\d.]+ to [\d.]+\): then QLoRA", tell_changes(summary))
    unsure = make_summary(
        answers, {"rag": [3.0 if n % 2 else 1.0 for n in range(20)], "qlora": [1.0 if n % 3 else 2.5 for n in range(20)]}
    )
    told = tell_changes(unsure)
    assert "it may save nothing per query" in told
    dear = make_summary(answers, {"rag": fast, "qlora": slow})
    assert "it saves nothing per query" in tell_changes(dear)
    level = make_summary(answers, {"rag": [1.0, 3.0] * 10, "qlora": [3.1, 1.0] * 10})
    assert "nothing shows that it saves per query" in tell_changes(level)
    summary["arms"]["rag"]["cost"]["from_store"] = 20
    assert "times a month (no interval)" in tell_changes(summary)


def test_what_is_free_is_not_called_unknown():
    answers, seconds = same(RIGHT, 20, arms=("rag", "qlora"))
    summary = make_summary(answers, seconds)
    assert "a machine hour is free" in tell_changes(summary, machine_hour=0)
    summary["arms"]["qlora"]["cost"]["training_seconds"] = None
    assert tell_changes(summary, machine_hour=0).endswith("is not known.")


def test_an_answer_is_traced_by_the_document_that_it_names():
    item = Example("1", "q", {"answer": "yes", "source": "doc"}, evidence=(Evidence("doc", "yes"),))
    plain = Example("1", "q", {"answer": "yes"})
    named, silent = predict("rag", item, RIGHT, 1.0), predict("base", item, RIGHT, 1.0)
    object.__setattr__(named, "value", {"answer": "yes", "sources": ["doc"]})
    object.__setattr__(silent, "value", {"answer": "yes", "source": "doc"})
    assert named.hits == (HIT,)
    assert measure_sources([item, item], [named, silent]) == {"shown": 0.5, "named": 0.5}
    assert measure_sources([plain, plain], [named, silent]) == {"shown": 0.5, "named": None}
