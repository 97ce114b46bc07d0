"""The panel of blind votes: no names before the vote, all of them after it."""

import gradio as gr
import pytest
from run_files import answer_right, answer_wrong, store_run

from core.errors import LabError
from lab.items import RunShelf
from lab.lab import Lab
from lab.votes import read_votes
from tests.conftest import row, write_task
from ui.page.evaluate.vote_panel import Booth, build_vote_panel

RUN = "20261126-100000-bonuses-0001"


@pytest.fixture
def lab(settings, embedder, tmp_path):
    lab = Lab(settings, embedder=embedder)
    rows = [row(n, f"How high is <b>bonus</b> {n}?", f"{n} euros", "pay") for n in range(4)]
    task = lab.task(str(write_task(tmp_path / "tasks" / "bonuses", train=rows[:2], test=rows[2:])))
    store_run(settings, task, RUN, {"rag": answer_right, "qlora": answer_wrong})
    return lab


def test_names_and_marks_come_after_the_vote(lab):
    booth = Booth(lab, RunShelf(lab))
    shown, ballot, *buttons, following, standing = booth.show_next(RUN, "v", True)
    assert "RAG" not in shown
    assert "QLoRA" not in shown
    assert "full marks" not in shown
    assert "How high is &lt;b&gt;bonus&lt;/b&gt;" in shown
    assert all(button.interactive for button in buttons)
    assert not following.interactive
    assert "no vote on this run yet" in standing
    choice = "left" if ballot[1].left.arm == "rag" else "right"
    shown, after, *buttons, following, standing = booth.vote(RUN, "v", ballot, choice)
    assert "RAG" in shown
    assert "QLoRA" in shown
    assert "the marks agree" in shown
    assert after is None, "a vote is cast once"
    assert not any(button.interactive for button in buttons)
    assert following.interactive
    assert "1 of 1 votes for one of the answers are for the one with the higher mark: 1.00" in standing
    assert [vote.choice for vote in read_votes(lab.settings, RUN).whole] == [choice]


def test_it_ends_when_all_pairs_were_voted_on(lab):
    booth = Booth(lab, RunShelf(lab))
    for _ in range(2):
        ballot = booth.show_next(RUN, "v", True)[1]
        booth.vote(RUN, "v", ballot, "tie")
    shown, ballot, *_ = booth.show_next(RUN, "v", True)
    assert ballot is None
    assert "no further pair" in shown
    assert booth.show_next(RUN, "w", True)[1] is not None, "another visitor has them before them"


def test_a_vote_on_nothing_or_on_another_run_is_refused(lab):
    booth = Booth(lab, RunShelf(lab))
    ballot = booth.show_next(RUN, "v", True)[1]
    for shown, run in ((None, RUN), (ballot, f"{RUN}2")):
        with pytest.raises(LabError, match="no pair of answers"):
            booth.vote(run, "v", shown, "left")
    assert read_votes(lab.settings, RUN).whole == []


def test_a_run_that_cannot_be_opened_is_a_sentence(lab):
    booth = Booth(lab, RunShelf(lab))
    assert "Choose a run" in booth.show_next(None, "v", True)[0]
    assert "Choose a run" in booth.show_next(RUN, "v", False)[0], "a closed panel opens nothing"
    assert "There is no run" in booth.show_next("gone", "v", True)[0]


def test_votes_leave_as_files(lab, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    booth = Booth(lab, RunShelf(lab))
    with pytest.raises(LabError, match="no vote on this run yet"):
        booth.export(RUN, "jsonl")
    booth.vote(RUN, "v", booth.show_next(RUN, "v", True)[1], "tie")
    with pytest.raises(LabError, match="calls an answer better"):
        booth.export(RUN, "jsonl")
    file, rows = booth.export(RUN, "json")
    assert (file.name, rows) == (f"{RUN}-votes.json", 1)


def test_the_panel_stands_in_a_page(lab):
    with gr.Blocks() as page:
        build_vote_panel(page, lab, RunShelf(lab), gr.Dropdown([RUN], value=RUN))
    titles = [block.value for block in page.blocks.values() if isinstance(block, gr.Button)]
    assert titles[:5] == ["A is better", "B is better", "Tie", "Both bad", "Next pair"]
