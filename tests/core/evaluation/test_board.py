"""The board: each answer with one state, each item with its answers, whatever is missing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from run_files import answer_right, answer_wrong, predict

from core.evaluation.board import STATES, build_board, find_state
from core.evaluation.causes import CAUSES
from core.values import Evidence, Example, Hit, Passage

ELSEWHERE = Hit(Passage("time", "Time", 0, 7, "Herons."), 1.0)


def ask(task, text, **more):
    item = Example("i", "q", {"answer": "40 euros", "area": "pay", "sure": True}, evidence=(Evidence("pay", "40 euros"),))
    board = build_board(task, [item], {"rag": [predict(task, "rag", item, text, **more)]})
    return board.rows[0].cells["rag"][0]


@pytest.mark.parametrize(
    ("text", "more", "state", "cause"),
    [
        ('{"answer": "40 euros", "area": "pay", "sure": true}', {}, "right", "right"),
        ('{"answer": "40 dollars", "area": "pay", "sure": true}', {}, "partly", "wrong"),
        ('{"answer": "none", "area": "pay", "sure": true}', {}, "wrong", "wrong"),
        ('{"answer": null, "area": "pay", "sure": true}', {}, "wrong", "false refusal"),
        ('{"answer": "none", "area": "pay", "sure": true}', {"hits": [ELSEWHERE]}, "not found", "passage not found"),
        ('{"answer": "none", "area": "other", "sure": true}', {}, "invalid", "invalid"),
        ("I think so.", {}, "invalid", "not JSON"),
        ("I think so", {"finish": "length"}, "invalid", "cut off"),
    ],
)
def test_each_answer_has_a_state(task, text, more, state, cause):
    cell = ask(task, text, **more)
    assert (cell.state, cell.cause) == (state, cause)
    assert (cell.mark > 0) == (state in {"right", "partly"})
    assert set(cell.score.fields) == {"answer", "area", "sure"}


@given(st.sampled_from(list(CAUSES)), st.floats(0, 1))
def test_states_are_known_and_only_full_marks_are_right(cause, mark):
    state = find_state(cause, mark)
    assert state in STATES
    assert (state == "right") == (cause == "right")


def test_draws_stand_beside_each_other_and_gaps_are_told(task):
    first, second = task.test
    answers = [predict(task, "base", item, answer_right(item), shot_draw=draw) for draw in (0, 1) for item in task.test]
    stranger = predict(task, "zero_shot", Example("gone", "q"), "{}")
    short = [predict(task, "zero_shot", second, answer_wrong(second)), stranger]
    board = build_board(task, task.test, {"base": answers, "zero_shot": short})
    assert board.arms == ("base", "zero_shot")
    assert [cell.draw for cell in board.rows[0].cells["base"]] == ["examples 0", "examples 1"]
    assert [len(row.cells["zero_shot"]) for row in board.rows] == [0, 1]
    assert board.rows[0].item is first
    assert board.note == "1 answers are left out: their items are not among those of this run. 1 answers are missing."


def test_a_board_without_answers_has_its_items(task):
    board = build_board(task, task.test, {})
    assert board.arms == ()
    assert board.note == ""
    assert [dict(row.cells) for row in board.rows] == [{}, {}]
