"""Which items a filter leaves, and the laws that hold its counts and its address."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from run_files import answer_right, answer_wrong, predict

from core.evaluation.board import STATES, build_board
from core.evaluation.board_filters import (
    ANSWERS,
    NOT_RIGHT,
    ONLY,
    OUTCOMES,
    SORTS,
    WHY,
    BoardFilter,
    ItemDigest,
    complete_pair,
    count_causes_by_item,
    digest_board,
    join_states,
    read_filter,
    suggest_pair,
    view_board,
    write_filter,
)

ARMS = ("base", "rag", "hybrid")
PAIR = ("hybrid", "rag")


def digest(place, states, *, marks=None, slice="", text=""):
    choices = {arm: frozenset({state} if state == "right" else {state, NOT_RIGHT}) for arm, state in states.items()}
    marks = marks or {arm: float(state == "right") for arm, state in states.items()}
    return ItemDigest(place, f"i-{place}", slice, marks, states, choices, text)


def make(*rows):
    """Items from their states, an arm a letter: right, wrong, partly, invalid, not found."""
    letters = {name[0]: name for name in STATES}
    return [
        digest(place, {arm: letters[letter] for arm, letter in zip(ARMS, row, strict=True)}) for place, row in enumerate(rows)
    ]


filters = st.builds(
    BoardFilter,
    first=st.sampled_from(["", *ARMS]),
    second=st.just(""),
    outcome=st.sampled_from(["", *OUTCOMES]),
    only=st.sampled_from(["", *ONLY]),
    answers=st.dictionaries(st.sampled_from(ARMS), st.sampled_from(ANSWERS)),
    slice=st.text(max_size=8),
    text=st.text(max_size=8).map(str.strip),
    sort=st.sampled_from(list(SORTS)),
)
boards = st.lists(
    st.tuples(st.lists(st.sampled_from(list(STATES)), min_size=3, max_size=3), st.sampled_from(["", "short", "long"])),
    max_size=12,
).map(
    lambda rows: [digest(place, dict(zip(ARMS, states, strict=True)), slice=name) for place, (states, name) in enumerate(rows)]
)


@given(filters)
def test_a_filter_comes_back_from_its_text(wanted):
    assert read_filter(write_filter(wanted), ARMS) == wanted


@given(st.text(max_size=60))
def test_any_text_is_a_filter(text):
    assert isinstance(read_filter(text, ARMS), BoardFilter)


def test_what_is_no_longer_known_is_left_out():
    old = "pair:gone,rag;outcome:sideways;five_shots:right;rag:not right;sort:mood;slice:x;nonsense"
    assert read_filter(old, ARMS) == BoardFilter(second="rag", answers={"rag": NOT_RIGHT}, slice="x")
    assert write_filter(BoardFilter()) == ""


@given(boards, filters, st.sampled_from(["outcome", "only", "slice", *(f"answer {arm}" for arm in ARMS)]))
def test_the_count_beside_a_choice_is_what_choosing_it_leaves(items, wanted, choice):
    wanted = replace(wanted, text="")
    counts = view_board(items, wanted, PAIR).counts.get(choice, {})
    for value, count in counts.items():
        assert len(view_board(items, choose(wanted, choice, value), PAIR).places) == count
    assert counts.get("", 0) == len(view_board(items, choose(wanted, choice, ""), PAIR).places)


def choose(wanted, choice, value):
    if choice.startswith("answer "):
        others = {arm: answer for arm, answer in wanted.answers.items() if f"answer {arm}" != choice}
        return replace(wanted, answers={**others, choice.removeprefix("answer "): value} if value else others)
    return replace(wanted, **{choice: value})


@given(boards, filters)
def test_orders_lose_and_add_nothing(items, wanted):
    found = [view_board(items, replace(wanted, text="", sort=sort), PAIR).places for sort in SORTS]
    assert {tuple(sorted(places)) for places in found} == {tuple(sorted(found[0]))}


def test_one_arm_right_and_another_not():
    items = make("wrr", "rwr", "wpr", "wir", "rnw", "rrr")
    view = view_board(items, BoardFilter(answers={"rag": NOT_RIGHT, "hybrid": "right"}), PAIR)
    assert view.places == (1, 2, 3)
    assert dict(view.counts["outcome"]) == {"": 3, "gained": 3}
    assert view_board(items, BoardFilter(outcome="gained"), PAIR).places == view.places
    assert view_board(items, BoardFilter(only="invalid"), PAIR).places == (3,)
    assert sorted(view_board(items, BoardFilter(only="different"), PAIR).places) == [0, 1, 2, 3, 4]


def test_what_differs_most_comes_first_and_losses_before_gains():
    marks = [(0.0, 1.0), (1.0, 0.0), (0.5, 0.5), (1.0, 0.5)]
    items = [
        digest(place, dict.fromkeys(PAIR, "partly"), marks=dict(zip(PAIR, pair, strict=True)))
        for place, pair in enumerate(marks)
    ]
    orders = {sort: view_board(items, BoardFilter(sort=sort), PAIR).places for sort in SORTS}
    assert orders["regression"] == (0, 1, 3, 2)
    assert orders["lost"] == (0, 2, 3, 1)
    assert orders["gained"] == (1, 3, 2, 0)
    assert orders["hardest"] == (0, 1, 2, 3)


def test_ids_are_sorted_by_their_numbers():
    items = [replace(digest(place, {}), id=name) for place, name in enumerate(["q-10", "q-9", "²", "q-9b", ""])]
    assert [items[place].id for place in view_board(items, BoardFilter(sort="id"), PAIR).places] == [
        "", "q-9", "q-9b", "q-10", "²"
    ]  # fmt: skip


def test_where_nothing_matches_it_is_said_what_would():
    items = make("rrr", "rww", "wrw")
    view = view_board(items, BoardFilter(answers={"base": "right", "rag": "right", "hybrid": "wrong"}), PAIR)
    assert view.places == ()
    assert view.without == {"answer hybrid": 1, "answer rag": 1, "answer base": 1}
    assert view_board(items, BoardFilter(text="nowhere"), PAIR).without == {"text": 3}


def test_draws_that_disagree_are_partly_right_and_all_their_causes_count(task):
    item = task.test[0]
    writers = [answer_right, answer_wrong, lambda item: "nothing"]
    answers = [predict(task, "base", item, write(item), shot_draw=draw) for draw, write in enumerate(writers)]
    (first, _) = digest_board(build_board(task, task.test, {"base": answers}))
    assert first.states == {"base": "partly"}
    assert first.choices["base"] == {"partly", NOT_RIGHT, WHY + "right", WHY + "wrong", WHY + "not JSON"}
    assert first.marks["base"] == pytest.approx(1 / 3)
    assert count_causes_by_item([first]) == {"base": Counter(right=1, wrong=1) + Counter({"not JSON": 1})}
    assert join_states(["invalid", "wrong", "invalid"]) == "invalid"


def test_a_search_reads_question_answers_and_what_is_right(task):
    answers = {"base": [predict(task, "base", task.test[0], '{"answer": "a Zebra"}')]}
    items = digest_board(build_board(task, task.test, answers))
    for text, found in {"WALRUS bonus": (0,), "zebra": (0,), "noon": (1,), "x-10": (1,), "answer": (0,), "nope": ()}.items():
        assert view_board(items, BoardFilter(text=text), ("base", "")).places == found, text


def test_items_without_an_answer_are_kept_and_come_last(task):
    answers = {"base": [predict(task, "base", task.test[1], answer_right(task.test[1]))], "rag": []}
    items = digest_board(build_board(task, task.test, answers))
    for sort in ("regression", "lost", "gained", "hardest"):
        assert sorted(view_board(items, BoardFilter(sort=sort), ("rag", "base")).places) == [0, 1]
    assert view_board(items, BoardFilter(sort="hardest"), ("rag", "base")).places == (1, 0)
    assert view_board(items, BoardFilter(answers={"base": "right"}), ("rag", "base")).places == (1,)
    assert view_board([], BoardFilter(), ("", "")).places == ()


def test_the_best_arm_meets_its_strongest_simpler_rival():
    items = make("rwr", "wrr", "wrr")
    assert suggest_pair(items, ARMS) == ("hybrid", "rag")
    assert suggest_pair(make("rww", "rwr"), ARMS) == ("base", "hybrid")
    assert suggest_pair(make("rrr"), ARMS) == ("base", "rag")
    assert suggest_pair(items, ["rag"]) == ("rag", "")
    assert suggest_pair([], []) == ("", "")


def test_a_control_is_suggested_to_nobody():
    items = [digest(0, {"base": "wrong", "rag": "partly", "oracle": "right"}, marks={"base": 0.1, "rag": 0.5, "oracle": 1.0})]
    assert suggest_pair(items, ("base", "rag", "oracle")) == ("rag", "base")
    assert suggest_pair(items, ("rag", "oracle")) == ("rag", "")
    assert complete_pair(BoardFilter(first="oracle"), ("rag", "")) == ("oracle", "rag")


@given(st.sampled_from(["", *ARMS]), st.sampled_from(["", *ARMS]))
def test_no_arm_is_compared_with_itself(first, second):
    pair = complete_pair(BoardFilter(first=first, second=second if second != first else ""), ("hybrid", "rag"))
    assert pair[0] != pair[1]
    assert pair[0] == (first or pair[0])
