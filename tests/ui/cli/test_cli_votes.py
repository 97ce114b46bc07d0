"""`ragft votes`: what votes say, and taking them away."""

import json

import pytest
from run_files import answer_right, answer_wrong, store_run
from typer.testing import CliRunner

from core.errors import LabError
from core.settings import read_settings
from lab.boards import open_board
from lab.lab import Lab
from lab.votes import cast_vote, draw_ballot
from tests.conftest import row, write_task
from ui.cli.main import app

RUN = "20261126-100000-bonuses-0001"


@pytest.fixture
def voted(tmp_path):
    lab = Lab(read_settings())
    rows = [row(n, f"How high is bonus {n}?", f"{n} euros", "pay") for n in range(4)]
    task = lab.task(str(write_task(tmp_path / "tasks" / "bonuses", train=rows[:2], test=rows[2:])))
    store_run(lab.settings, task, RUN, {"rag": answer_right, "qlora": answer_wrong})
    ballot = draw_ballot(open_board(lab, RUN), [])
    cast_vote(lab.settings, RUN, ballot, "left" if ballot.left.arm == "rag" else "right")


def run(*words):
    result = CliRunner().invoke(app, ["votes", *words])
    if result.exception is not None:
        raise result.exception
    return result


def test_show_says_what_votes_say(voted):
    assert "1 of 1 votes for one of the answers are for the one with the higher mark" in run("show", RUN).stdout
    assert json.loads(run("show", RUN, "--json").stdout)["agreement"]["agreeing"] == 1


def test_export_writes_pairs_once_and_warns_of_test_questions(voted, tmp_path):
    file = tmp_path / "pairs.jsonl"
    result = run("export", RUN, str(file), "--json")
    assert json.loads(result.stdout) == {"run": RUN, "file": str(file), "rows": 1}
    assert "test questions" in result.stderr
    assert list(json.loads(file.read_text())) == ["prompt", "chosen", "rejected"]
    with pytest.raises(LabError, match="exists already"):
        run("export", RUN, str(file))
    with pytest.raises(LabError, match="There is no run"):
        run("show", "gone")
