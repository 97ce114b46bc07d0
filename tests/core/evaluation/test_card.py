"""The verdict card: sentences and a state for every comparison, and no number that is none."""

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.evaluation.card import NO_ARM, make_card
from core.evaluation.layout import lay_out
from core.evaluation.sources import measure_sources
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
    assert "large (run R2) Base model has the best mean too, 0.95 against 1.00 here" in told


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


def test_an_answer_is_traced_by_the_document_that_it_names():
    item = Example("1", "q", {"answer": "yes", "source": "doc"}, evidence=(Evidence("doc", "yes"),))
    plain = Example("1", "q", {"answer": "yes"})
    named, silent = predict("rag", item, RIGHT, 1.0), predict("base", item, RIGHT, 1.0)
    object.__setattr__(named, "value", {"answer": "yes", "sources": ["doc"]})
    object.__setattr__(silent, "value", {"answer": "yes", "source": "doc"})
    assert named.hits == (HIT,)
    assert measure_sources([item, item], [named, silent]) == {"shown": 0.5, "named": 0.5}
    assert measure_sources([plain, plain], [named, silent]) == {"shown": 0.5, "named": None}
