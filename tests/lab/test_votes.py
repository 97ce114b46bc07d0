"""Drawing pairs of answers, keeping votes, taking them away."""

import json
from collections import Counter

import pytest
from run_files import answer_right, answer_wrong, store_run

from core.errors import LabError
from lab.boards import open_board
from lab.lab import Lab
from lab.votes import SEEN, cast_vote, draw_ballot, export_votes, judge_board, list_preferences, read_votes
from tests.conftest import row, write_task

RUN = "20261126-100000-bonuses-0001"


def answer_other(item):
    return json.dumps({**item.output, "answer": "otter"})


@pytest.fixture
def lab(settings, embedder):
    return Lab(settings, embedder=embedder)


@pytest.fixture
def board(lab, tmp_path):
    rows = [row(n, f"How high is bonus {n}?", f"{n} euros", "pay") for n in range(8)]
    task = lab.task(str(write_task(tmp_path / "tasks" / "bonuses", train=rows[:2], test=rows[2:])))
    writers = {"base": answer_wrong, "rag": answer_right, "qlora": answer_other, "oracle": answer_right}
    store_run(lab.settings, task, RUN, writers)
    return open_board(lab, RUN)


def vote_on(lab, board, choice="left", *, visitor="v", count=1000):
    """Vote until nothing is left, or `count` times; returns the ballots."""
    ballots = []
    while len(ballots) < count:
        ballot = draw_ballot(board, read_votes(lab.settings, RUN).whole, visitor=visitor)
        if ballot is None:
            break
        cast_vote(lab.settings, RUN, ballot, choice, visitor=visitor)
        ballots.append(ballot)
    return ballots


def test_every_pair_is_shown_once_and_items_equally_often(lab, board):
    ballots = vote_on(lab, board, count=6)
    assert Counter(ballot.item.id for ballot in ballots) == Counter(f"x-{n}" for n in range(2, 8))
    ballots += vote_on(lab, board)
    shown = Counter((ballot.item.id, frozenset((ballot.left.arm, ballot.right.arm))) for ballot in ballots)
    assert len(shown) == 6 * 3
    assert set(shown.values()) == {1}
    assert {arm for _, pair in shown for arm in pair} == {"base", "rag", "qlora"}, "controls are not voted on"
    sides = Counter(ballot.left.arm for ballot in ballots)
    assert all(2 <= count <= 10 for count in sides.values()), "either side comes up"


def test_pairs_of_approaches_come_up_equally_often(lab, board):
    pairs = Counter(frozenset((ballot.left.arm, ballot.right.arm)) for ballot in vote_on(lab, board, count=6))
    assert set(pairs.values()) == {2}


def test_the_same_page_shows_the_same_pair_and_another_visitor_another_order(lab, board):
    votes = read_votes(lab.settings, RUN).whole
    assert draw_ballot(board, votes, visitor="v") == draw_ballot(board, votes, visitor="v")
    orders = {tuple((one.item.id, one.left.arm) for one in [draw_ballot(board, votes, visitor=f"v{n}")]) for n in range(20)}
    assert len(orders) > 3


def test_several_visitors_vote_on_the_same_pairs(lab, board):
    assert len(vote_on(lab, board, visitor="one")) == len(vote_on(lab, board, visitor="two")) == 18
    assert len(read_votes(lab.settings, RUN).whole) == 36


def test_equal_answers_are_never_shown(lab, tmp_path):
    rows = [row(n, f"How high is bonus {n}?", f"{n} euros", "pay") for n in range(4)]
    task = lab.task(str(write_task(tmp_path / "tasks" / "same", train=rows[:2], test=rows[2:])))
    spaced = lambda item: json.dumps(item.output, indent=2)  # noqa: E731
    store_run(lab.settings, task, RUN, {"base": answer_right, "rag": spaced, "zero_shot": lambda item: "no  idea", "qlora": lambda item: "no idea"})  # fmt: skip
    board = open_board(lab, RUN)
    ballots = vote_on(lab, board)
    assert {frozenset((one.left.arm, one.right.arm)) for one in ballots} == {
        frozenset(pair) for pair in (("base", "zero_shot"), ("base", "qlora"), ("rag", "zero_shot"), ("rag", "qlora"))
    }
    store_run(lab.settings, task, f"{RUN}2", {"base": answer_right, "rag": answer_right})
    assert draw_ballot(open_board(lab, f"{RUN}2"), []) is None


def test_draws_of_one_approach_are_told_apart(lab, tmp_path):
    rows = [row(n, f"How high is bonus {n}?", f"{n} euros", "pay") for n in range(3)]
    task = lab.task(str(write_task(tmp_path / "tasks" / "drawn", train=rows[:2], test=rows[2:])))
    store_run(lab.settings, task, RUN, {"base": [answer_wrong, answer_other], "rag": answer_right})
    board = open_board(lab, RUN)
    vote_on(lab, board)
    votes = read_votes(lab.settings, RUN).whole
    assert {(vote.left_draw or vote.right_draw) for vote in votes} == {"examples 0", "examples 1"}
    assert sum(judge_board(board, votes).counts.values()) == 2


def test_damaged_lines_are_named_and_the_next_vote_stands_on_its_own_line(lab, board):
    vote_on(lab, board, count=2)
    path = lab.settings.folder("votes") / f"{RUN}.jsonl"
    path.write_text('{"item": 1}\nnothing\n' + path.read_text() + '{"item": "x-2", "le')
    vote_on(lab, board, count=1)
    listing = read_votes(lab.settings, RUN)
    assert len(listing.whole) == 3
    assert [sentence.split()[0] for sentence in listing.damaged] == [f"{RUN}.jsonl:{line}" for line in (1, 2, 5)]
    assert read_votes(lab.settings, "no-run-like-that").whole == []
    with pytest.raises(LabError):
        read_votes(lab.settings, "../runs/x")


def test_preference_pairs_are_what_trainers_read(lab, board, tmp_path):
    vote_on(lab, board, count=3)
    vote_on(lab, board, "tie", count=1)
    vote_on(lab, board, "both bad", count=1)
    votes = read_votes(lab.settings, RUN).whole
    pairs = list(list_preferences(board, votes))
    assert len(pairs) == 3
    for vote, pair in zip(votes, pairs, strict=False):
        assert list(pair) == ["prompt", "chosen", "rejected"]
        assert [message["role"] for message in pair["prompt"]] == ["system", "user"]
        assert board.task.instruction in pair["prompt"][0]["content"]
        row = next(row for row in board.rows if row.item.id == vote.item)
        assert row.item.input in pair["prompt"][1]["content"]
        assert pair["chosen"] == [{"role": "assistant", "content": row.cells[vote.left][0].prediction.generation.text}]
        assert pair["rejected"] == [{"role": "assistant", "content": row.cells[vote.right][0].prediction.generation.text}]
    assert export_votes(board, votes, tmp_path / "pairs.jsonl") == 3
    assert [json.loads(line) for line in (tmp_path / "pairs.jsonl").read_text().splitlines()] == pairs
    assert export_votes(board, votes, tmp_path / "votes.json") == 5
    kept = json.loads((tmp_path / "votes.json").read_text())
    assert (len(kept["votes"]), kept["counts"]["both bad"], kept["note"]) == (5, 1, SEEN)
    with pytest.raises(LabError, match="neither in .jsonl nor in .json"):
        export_votes(board, votes, tmp_path / "votes.csv")
