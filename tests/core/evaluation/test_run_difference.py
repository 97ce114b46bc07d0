"""A run against a run: what differs, what flipped, and that the order only turns the sign."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as limits
from hypothesis import strategies as st
from run_files import answer_right, answer_wrong, predict

from core.comparison.runs import Run
from core.evaluation.board import build_board
from core.evaluation.run_difference import ABSENT, compare_runs, list_changes
from core.values import Example

RUN = Run("a", "tiny", "ok", "2026", {"generator": {"model": "m", "weights": "1"}, "decoding": {"mode": "free"}}, {}, {})
ITEMS = [Example(f"i{n}", f"How high is bonus {n}?", {"answer": f"{n} euros", "area": "pay", "sure": True}) for n in range(12)]
MARKS = st.lists(st.sampled_from([True, False, None]), min_size=len(ITEMS), max_size=len(ITEMS))


def make_board(task, right, arm="base", items=ITEMS):
    """Return the board of an arm that is right, wrong, or silent (None)."""
    writers = {True: answer_right, False: answer_wrong}
    answered = [(item, writers[mark]) for item, mark in zip(items, right, strict=True) if mark is not None]
    return build_board(task, items, {arm: [predict(task, arm, item, write(item)) for item, write in answered]})


@limits(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(before=MARKS, after=MARKS)
def test_turned_round_a_difference_is_its_opposite(task, before, after):
    boards = make_board(task, before), make_board(task, after)
    there = compare_runs(RUN, replace(RUN, id="b"), boards)
    back = compare_runs(replace(RUN, id="b"), RUN, boards[::-1])
    (one,), (other,) = there.arms, back.arms
    assert (one.lost, one.won) == (other.won, other.lost)
    both = [(a, b) for a, b in zip(before, after, strict=True) if None not in (a, b)]
    assert len(one.lost) == both.count((True, False))
    if not both:
        assert one.contrast is None
        return
    assert one.contrast.n == len(both)
    assert one.contrast.difference == pytest.approx(-other.contrast.difference)
    if one.contrast.ci_low is not None:
        assert one.contrast.ci_low == pytest.approx(-other.contrast.ci_high)


def test_a_run_differs_from_itself_in_nothing(task):
    board = make_board(task, [True, False] * 6)
    found = compare_runs(RUN, RUN, (board, board))
    assert (found.settings, found.only_first, found.changed, found.notes) == ((), (), (), ())
    assert found.common == len(ITEMS)
    assert found.arms[0].contrast.difference == 0
    assert found.arms[0].lost == found.arms[0].won == ()


def test_only_what_both_asked_is_compared(task):
    others = [replace(ITEMS[0], input="Another question?"), *ITEMS[1:8], Example("new", "New?", ITEMS[0].output)]
    boards = make_board(task, [True] * 12), make_board(task, [False] * 9, items=others)
    found = compare_runs(RUN, replace(RUN, id="b"), boards)
    assert found.changed == ("i0",)
    assert found.only_first == ("i8", "i9", "i10", "i11")
    assert found.only_second == ("new",)
    assert found.common == found.arms[0].contrast.n == 7
    assert found.arms[0].lost == tuple(f"i{n}" for n in range(1, 8))


def test_settings_that_differ_are_named_by_their_place():
    other = replace(
        RUN,
        config={
            "generator": {"model": "m", "weights": "2"},
            "decoding": {"mode": "free", "seed": 1},
            "items": ["x"],
            "arms": {},
        },
        environment={"versions": {"torch": "2"}},
    )
    changes = {change.name: (change.before, change.after) for change in list_changes(RUN, other)}
    assert changes == {
        "generator.weights": ("1", "2"),
        "decoding.seed": (ABSENT, "1"),
        "arms": (ABSENT, "{}"),
        "environment.versions.torch": (ABSENT, "2"),
    }


def test_a_mark_that_a_run_does_not_have_is_no_mark_of_0(task):
    fields = {name: field for name, field in task.schema["properties"].items() if name != "area"}
    changed = replace(task, schema={**task.schema, "properties": fields, "required": ["answer", "sure"]})
    boards = make_board(task, [True] * 12), make_board(changed, [True] * 6 + [False] * 6)
    for pair in (boards, boards[::-1]):
        found = compare_runs(RUN, replace(RUN, id="b"), pair, metric="area")
        assert found.arms[0].contrast is None
        assert "has no 'area', so there is no difference in it" in found.notes[-1]
    assert compare_runs(RUN, replace(RUN, id="b"), boards, metric="answer").arms[0].contrast.difference == -0.5


def test_what_cannot_be_compared_is_said(task):
    boards = (
        make_board(task, [True] * 12),
        make_board(replace(task, schema={**task.schema, "title": "T"}), [True], "rag", ITEMS[:1]),
    )
    found = compare_runs(RUN, replace(RUN, id="b"), boards)
    assert found.arms == ()
    assert ("task.schema", "as it was", "changed") in {(one.name, one.before, one.after) for one in found.settings}
    assert found.notes[0] == "No approach answered in both runs."
    assert "The schema changed" in found.notes[1]
