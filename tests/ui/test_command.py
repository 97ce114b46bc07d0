"""A request as a command: typed by hand, it asks for the very same; nothing is lost on the way."""

import json
from dataclasses import fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from typer.testing import CliRunner

from core.jobs import JobConfig
from finetune.config import PROBE_IGNORES, QUESTIONS, TrainConfig
from lab.jobs import read_request
from lab.requests import CompareRequest, IndexRequest, ProbeRequest, Request, TrainRequest, TuneRequest
from ui.command import describe_job, write_command

VALUES = {
    "minutes": some.none() | some.floats(0.1, 600),
    "epochs": some.floats(0.1, 9),
    "rank": some.integers(1, 128),
    "learning_rate": some.floats(1e-6, 0.1),
    "storage": some.sampled_from(["nf4", "int8", "full"]),
    "batch_size": some.integers(1, 64),
    "alpha": some.integers(0, 256),
    "rslora": some.booleans(),
    "dora": some.booleans(),
    "prompts": some.sampled_from(["plain", "passages", "mixed"]),
    "holdout": some.integers(0, 99),
    "evaluations": some.integers(1, 9),
    "patience": some.integers(0, 9),
    "seed": some.integers(0, 99),
    "warmup": some.floats(0, 0.9),
    "clip": some.floats(0.1, 9),
    "shuffle_labels": some.booleans(),
    "checkpoint_seconds": some.floats(0, 900),
}
# Shuffled answers are learned with plain prompts only.
CONFIGS = some.fixed_dictionaries(VALUES).map(
    lambda values: TrainConfig(**values | ({"prompts": "plain"} if values["shuffle_labels"] else {}))
)


def type_command(words, monkeypatch):
    """Run the words as the command line would; returns the settings that reach the command."""
    from ui.cli import main

    asked = []
    monkeypatch.setattr("lab.training.preflight.run_preflight", lambda lab, task, config: asked.append(config))
    CliRunner().invoke(main.app, ["preflight", *words])
    return asked[0]


def test_every_setting_is_asked_for():
    assert set(VALUES) == set(QUESTIONS) == {item.name for item in fields(TrainConfig)}


@given(config=CONFIGS)
@settings(max_examples=40, deadline=None)
def test_a_command_typed_by_hand_asks_for_the_same_settings(config):
    with pytest.MonkeyPatch.context() as patch:
        words = write_command(TrainRequest("tiny", config))
        assert words[:3] == ["ragft", "train", "tiny"]
        assert type_command(words[2:], patch) == config


@given(config=CONFIGS)
@settings(max_examples=40, deadline=None)
def test_a_request_comes_back_from_a_jobs_file_as_it_went(config):
    requests = (TrainRequest("t", config, True), ProbeRequest("t", config, (1e-4, 3e-4)), IndexRequest("t", ("a b",), True))
    for request in requests:
        stored = json.loads(json.dumps(JobConfig(request.kind, "t", request=request.as_json()).as_json()))
        assert read_request(JobConfig(stored["kind"], "t", request=stored["request"])) == request


@pytest.mark.parametrize(
    ("request_", "command"),
    [
        (IndexRequest("t", ("my file.pdf",), True), ["index", "t", "my file.pdf", "--rebuild"]),
        (TrainRequest("t"), ["train", "t"]),
        (ProbeRequest("t", TrainConfig(dora=True, minutes=4), (1e-3, 3e-3)), ["probe-lr", "t", "--rates", "0.001,0.003", "--dora"]),
        (CompareRequest("t", ("base", "rag"), limit=9), ["compare", "t", "--arms", "base,rag", "--limit", "9"]),
        (
            CompareRequest("t", ("qlora",), adapters=("a", "b"), allow_misfit=True),
            ["compare", "t", "--arms", "qlora", "--adapter", "a", "--adapter", "b", "--allow-misfit"],
        ),
        (CompareRequest("t", ("rag",), allow_leakage=True, mode="think"), ["compare", "t", "--arms", "rag", "--mode", "think", "--allow-leakage"]),
        (CompareRequest("t", ("base",), shot_draws=3), ["compare", "t", "--arms", "base", "--shot-draws", "3"]),
        (TuneRequest("t"), ["tune", "t"]),
        (TuneRequest("t", 2.5, seed=1, dry_run=True), ["tune", "t", "--minutes", "2.5", "--seed", "1", "--dry-run"]),
    ],
)  # fmt: skip
def test_commands_say_what_is_not_usual(request_, command):
    config = JobConfig(request_.kind, "t", request=json.loads(json.dumps(request_.as_json())))
    assert describe_job(config) == write_command(request_) == ["ragft", *command]
    assert isinstance(request_, Request)
    assert not {f"--{name.replace('_', '-')}" for name in PROBE_IGNORES} & set(command[:1])


def test_a_damaged_command_of_an_older_version_is_no_command():
    assert describe_job(JobConfig("train", "t", extra={"command": 5})) == []


def test_a_switch_is_turned_off_by_its_own_option():
    from ui.command import _write_option

    assert (_write_option("--dora", True), _write_option("--dora", False)) == (["--dora"], ["--no-dora"])


def test_a_job_of_an_older_version_shows_the_command_that_it_kept():
    assert describe_job(JobConfig("train", "t", extra={"command": ["ragft", "train", "t"]})) == ["ragft", "train", "t"]
