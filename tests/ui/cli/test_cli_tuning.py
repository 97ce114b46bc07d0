"""`ragft tune` at the edge: a table and a file for people, one document with --json, a sentence where it cannot."""

import json
import sys

import pytest
from conftest import row, write_task

from core.generation.fake import FakeGenerator
from core.tasks.loading import load_task
from lab.lab import Lab
from ui.cli.main import main


@pytest.fixture
def ragft(monkeypatch, capsys, embedder):
    monkeypatch.setattr(Lab, "load_generator", lambda self: FakeGenerator({}))
    monkeypatch.setattr(Lab, "load_embedder", lambda self: embedder)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["ragft", *arguments])
        with pytest.raises(SystemExit) as stop:
            main()
        captured = capsys.readouterr()
        return stop.value.code or 0, captured.out, captured.err

    return run


@pytest.fixture
def folder(tmp_path):
    train = [row(n, f"What is item{n} of many?", f"value {n}", "pay") for n in range(40)]
    return write_task(tmp_path / "t", train=train, test=[row(99, "Held out?", "x", "time")])


def test_a_table_a_file_and_what_to_do_next(ragft, folder):
    code, out, err = ragft("tune", str(folder))
    assert code == 0
    assert "Tuned on 8 training rows of 8 groups, by answer" in out
    assert "shot_draw" in out
    assert f"Written into {folder / 'task.toml'}." in out
    assert "Not tried: passages: There is no index of t. Build it: `ragft index t`." in err
    assert load_task(folder).tuned["settings"] == ["shots", "shot_draw"]


def test_json_is_one_document_and_a_dry_run_writes_nothing(ragft, folder):
    before = (folder / "task.toml").read_text()
    code, out, _ = ragft("tune", str(folder), "--dry-run", "--seed", "3", "--json")
    result = json.loads(out)
    assert (code, result["written"], result["changed"]) == (0, None, [])
    assert {trial["setting"] for trial in result["tried"]} == {"shots", "shot_draw"}
    assert result["about"]["seed"] == 3
    assert (folder / "task.toml").read_text() == before


def test_too_few_rows_are_one_sentence(ragft, task_folder):
    code, out, err = ragft("tune", str(task_folder))
    assert (code, out) == (2, "")
    assert "form 3 independent groups" in err
