"""A preflight on the command line: what it shows, and that a no starts no training."""

import json
import sys

import pytest

from core.jobs import JobConfig, read_status
from core.storage import write_json
from lab.requests import TrainRequest
from tests.conftest import row, write_task
from tests.training_events import write_leaky_task
from ui.cli.main import main


@pytest.fixture
def ragft(monkeypatch, capsys, tiny_model):
    monkeypatch.setenv("RAGFT_MODEL", str(tiny_model))

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["ragft", *arguments])
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
        return code, *capsys.readouterr()

    return run


def test_preflight_on_the_command_line(ragft, task_folder):
    code, out, _ = ragft("preflight", str(task_folder), "--rank", "4", "--json")
    result = json.loads(out)
    assert (code, result["go"], result["counts"]["trained_on"]) == (0, True, 3)
    code, out, _ = ragft("preflight", str(task_folder))
    assert code == 0
    assert out.strip().endswith("GO")
    assert '{"answer": "40 euros"' in out


def test_a_no_go_exits_with_2_and_says_why(ragft, task_folder):
    (task_folder / "train.jsonl").write_text("")
    code, out, _ = ragft("preflight", str(task_folder), "--json")
    assert (code, json.loads(out)["go"]) == (2, False)
    assert "NO GO" in ragft("preflight", str(task_folder))[1]
    code, _, err = ragft("preflight", str(task_folder), "--storage", "int3")
    assert code == 2
    assert "int3" in err


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], "no usable examples"),
        ([row(1, "q1?", "a", "pay")], "1 usable example"),
        ([row(n, f"q{n}?", "same", "pay") for n in range(4)], "same answer"),
    ],
)
@pytest.mark.parametrize("job", [False, True])
def test_a_no_go_starts_no_training(ragft, tmp_path, monkeypatch, rows, words, job):
    folder = write_task(tmp_path / "tasks" / "bad", train=rows, test=[row(9, "Other?", "9", "pay")])
    monkeypatch.setattr("lab.training.run.train_watched", lambda *_, **__: pytest.fail("trained"))
    if job:
        config = JobConfig("train", "bad", request=TrainRequest(str(folder)).as_json())
        write_json(tmp_path / "job" / "config.json", config.as_json())
        code, _, err = ragft("run-job", str(tmp_path / "job"))
        assert read_status(tmp_path / "job").state == "failed"
    else:
        monkeypatch.setattr("ui.cli.watch.start", lambda *_, **__: pytest.fail("started"))
        code, _, err = ragft("train", str(folder))
    assert code == 2
    assert words in " ".join(err.split())


def test_leakage_stops_a_training_unless_it_is_allowed(ragft, tmp_path, monkeypatch):
    folder, started = write_leaky_task(tmp_path / "tasks" / "leaky"), []
    monkeypatch.setattr(
        "ui.cli.watch.watch_training",
        lambda *asked, **more: started.append((asked[2], more)) or {"id": "a", "model": "m", "outcome": {}},
    )
    code, _, err = ragft("train", str(folder))
    assert (code, started) == (2, [])
    assert "1 test inputs are in the training examples" in " ".join(err.split())
    assert "--allow-leakage" in " ".join(err.split())
    assert ragft("train", str(folder), "--allow-leakage")[0] == 0
    assert started == [(TrainRequest(str(folder), allow_leakage=True), {"go_on": False})]
