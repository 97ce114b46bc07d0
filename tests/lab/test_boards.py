"""A stored run opened again: with its own items, or those of a task that is still the same."""

import shutil

import pytest
from run_files import answer_right, answer_wrong, store_run

from core.comparison.exam import EXAM
from core.comparison.runs import load_paper
from core.errors import LabError
from core.tasks.loading import load_task
from lab.boards import FROM_TASK, open_board
from lab.lab import Lab
from tests.conftest import row, write_task

TEXTS = {"zero_shot": answer_wrong, "base": answer_right}


@pytest.fixture
def lab(settings):
    return Lab(settings)


@pytest.fixture
def own(settings):
    """A task of the person's own, of forty items."""
    rows = [row(n, f"How high is bonus {n}?", f"{n} euros", "pay", slice="odd" if n % 2 else "even") for n in range(50)]
    return load_task(write_task(settings.folder("tasks") / "bonuses", train=rows[:10], test=rows[10:]))


def test_a_run_keeps_its_items_when_the_task_changes_or_goes(lab, settings, own):
    store_run(settings, own, "r", TEXTS, items=own.test[5:0:-1])
    whole = open_board(lab, "r")
    assert whole.note == ""
    assert [row.item for row in whole.rows] == list(own.test[5:0:-1])
    assert [[row.cells[arm][0].state for arm in whole.arms] for row in whole.rows] == [["wrong", "right"]] * 5
    shutil.rmtree(own.folder)
    assert [row.item for row in open_board(lab, "r").rows] == list(own.test[5:0:-1])


def test_an_older_run_takes_the_items_of_the_task_while_it_is_the_same(lab, settings, own):
    store_run(settings, own, "r", TEXTS, items=own.test[:3], keep_paper=False)
    board = open_board(lab, "r")
    assert board.note == FROM_TASK
    assert [row.item for row in board.rows] == list(own.test[:3])
    (own.folder / "test.jsonl").write_text((own.folder / "test.jsonl").read_text().replace("bonus 11", "bonus 911"))
    with pytest.raises(LabError, match="stored without its items, and the task bonuses was changed since"):
        open_board(lab, "r")
    shutil.rmtree(own.folder)
    with pytest.raises(LabError, match="stored without its items, and its task cannot be read"):
        open_board(lab, "r")


def test_marks_that_are_counted_otherwise_now_are_told(lab, settings, own, monkeypatch):
    from core.evaluation import summary

    with monkeypatch.context() as patch:
        patch.setattr(summary, "score_answer", lambda *_: summary.Score({"answer": 0.5}, 0.0, 0.5))
        store_run(settings, own, "r", TEXTS)
    assert "has 0.000 here and 0.500 in the run's own numbers" in open_board(lab, "r").note


def test_a_changed_paper_is_damage(lab, settings, own):
    store_run(settings, own, "r", TEXTS)
    path = settings.folder("runs") / "r" / EXAM
    path.write_text(path.read_text().replace("bonus 12", "bonus 13"))
    with pytest.raises(LabError, match=r"exam.json is damaged"):
        open_board(lab, "r")
    assert load_paper(settings, "r").name == "bonuses"
