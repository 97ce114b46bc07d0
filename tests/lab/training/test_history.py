"""The history of trainings where files are damaged, or of an older version."""

import json
import shlex
from dataclasses import asdict

import pytest

from core.errors import LabError
from core.jobs import CONFIG, EVENTS, STATUS, JobConfig
from core.storage import write_json
from finetune.adapters.card import restore_config
from finetune.config import TrainConfig
from lab.jobs import read_request, run_job
from lab.lab import Lab
from lab.requests import TrainRequest
from lab.training.events import read_training_events
from lab.training.history import compare_settings, describe_config, list_rows, list_trainings
from tests.training_events import add_job, evaluation, step


@pytest.mark.parametrize("result", [{"outcome": [1]}, {"outcome": "x"}, {"config": "x"}, {"id": [], "outcome": {"steps": "a"}}])
def test_a_damaged_result_hides_no_training(settings, result):
    add_job(settings, "20260101-000000-train-aaaa", result=result)
    add_job(settings, "20260102-000000-train-bbbb")
    listing = list_trainings(settings, "tiny")
    assert len(listing.whole) == 2
    assert len(list_rows(listing.whole, (), {})) == 2


def test_settings_that_an_older_version_did_not_keep_are_unknown(settings, task_folder):
    from ui.page.finetune.history_panel import _show_detail

    name = "20260101-000000-train-aaaa"
    folder = settings.folder("jobs") / name
    command = ["ragft", "train", "tiny", "--rank", "2"]
    write_json(folder / CONFIG, {"kind": "train", "task": "tiny", "command": command, "basis": "", "created": 1.0})
    write_json(folder / STATUS, {"state": "failed"})
    (old,) = list_trainings(settings, "tiny").whole
    assert describe_config(old.config) == "unknown"
    new = add_job(settings, "20260102-000000-train-bbbb", config=TrainConfig(rank=4))
    assert compare_settings(list_trainings(settings, "tiny").whole[0], old) == [("settings", "known", "unknown")]
    assert new.name != name
    assert _show_detail(Lab(settings), "tiny", name, None).command == shlex.join(command)


def test_events_that_lack_what_their_kind_has_are_left_out(tmp_path):
    whole = [
        {"step": 0, "note": "loading"},
        step(1, 2.0),
        step(2, float("nan")),
        evaluation(2, 0.5),
        {"kind": "notice", "step": 2, "text": "x"},
    ]
    bad = [{"step": 3, "loss": "1"}, {"kind": "evaluation", "step": 1}, evaluation(4, "0.5"), evaluation(5, 0.5, samples=[5])]
    bad += [{"kind": "notice", "step": 1}, {"kind": "probe", "step": 1, "rate": "a", "loss": 1.0}]
    (tmp_path / EVENTS).write_text("".join(json.dumps(event) + "\n" for event in [*whole, *bad]))
    assert [(event.get("kind"), event["step"]) for event in read_training_events(tmp_path)] == [
        (event.get("kind"), event["step"]) for event in whole
    ]  # fmt: skip


def test_settings_of_an_older_version_are_read(settings):
    """A switch `with_context` became the choice `prompts`; jobs, their results and cards that have it stay readable."""
    stored = {**asdict(TrainConfig(rank=4)), "with_context": True}
    del stored["prompts"]
    request = {"task": "tiny", "config": stored, "allow_leakage": False}
    assert read_request(JobConfig("train", "tiny", request=request)).config == TrainConfig(rank=4, prompts="passages")
    assert restore_config({**stored, "with_context": False}) == TrainConfig(rank=4)
    add_job(settings, "20260101-000000-train-aaaa", result={"config": stored})
    (old,) = list_trainings(settings, "tiny").whole
    assert describe_config(old.config) == "rank 4, prompts passages"
    compare = {"task": "tiny", "arms": ["qlora"], "adapter": "a1", "seed": 3}
    read = read_request(JobConfig("compare", "tiny", request=compare))
    assert (read.adapters, read.arms, read.seed, read.extra) == (("a1",), ("qlora",), 3, {})
    assert read_request(JobConfig("compare", "tiny", request={"task": "tiny", "adapter": None})).adapters == ()


def test_a_damaged_request_names_its_file(settings):
    request = json.loads(json.dumps(TrainRequest("tiny").as_json()))
    for change in ({"config": {**request["config"], "rank": 0}}, {"task": 5}, {"config": 3}):
        with pytest.raises(LabError, match="jobs/a/config.json is damaged"):
            read_request(JobConfig("train", "tiny", request={**request, **change}), origin="jobs/a/config.json")


def test_a_folder_that_is_no_jobs_stays_as_it_is(settings, tmp_path):
    with pytest.raises(LabError, match=CONFIG):
        run_job(Lab(settings), tmp_path / "none", watch=lambda job: pytest.fail("watched"))
    assert not (tmp_path / "none").exists()
