"""A training in several processes, as its command; that several really train is tested in `tests/finetune/train/test_distributed.py`."""

from dataclasses import asdict

import pytest

from core.errors import LabError
from finetune.config import TrainConfig


@pytest.mark.parametrize("fails", [False, True])
def test_a_process_is_ended_when_all_is_done_and_not_when_it_failed(task_folder, tmp_path, monkeypatch, fails):
    from ui.cli.launch import launch

    happened = []

    def train(*_, **__):
        if fails:
            raise LabError("The loss is not a number.")
        happened.append("trained")
        return {"id": "a", "model": "m"}

    monkeypatch.setenv("RAGFT_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("lab.training.preflight.run_preflight", lambda *_: None)
    monkeypatch.setattr("lab.training.preflight.require_go", lambda *_, **__: None)
    monkeypatch.setattr("lab.training.run.train_watched", train)
    monkeypatch.setattr("finetune.train.distributed.end_process", lambda: happened.append("ended"))
    if fails:
        with pytest.raises(LabError):
            launch(task=str(task_folder), **asdict(TrainConfig()))
    else:
        launch(task=str(task_folder), **asdict(TrainConfig()))
    assert happened == ([] if fails else ["trained", "ended"])
