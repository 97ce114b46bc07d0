"""A training in slices learns what an uninterrupted one learns; each slice is a forked process of a stand-in that lends GPUs."""

import json

import pytest

from core.errors import Cancelled, LabError
from core.jobs import CANCEL, EVENTS, STATES
from core.settings import Settings
from finetune.config import TrainConfig
from lab.lab import Lab
from lab.training.slices import SLICE_SECONDS, SPARE_SECONDS, TrainingSlice, estimate_slice, train_in_slices
from tests.conftest import row, write_task
from tests.lent_gpu import lender  # noqa: F401

CONFIG = TrainConfig(epochs=1, batch_size=1, rank=2, holdout=0, learning_rate=0.01, checkpoint_seconds=1000.0)
STEPS = 3


class Told:
    """A watcher that remembers."""

    def __init__(self):
        self.steps = []

    def __call__(self, stage, step, total, note="", **metrics):
        if stage == "train":
            self.steps.append((step, total))

    def check(self):
        pass

    def record(self, event):
        pass

    def say(self, text):
        pass


@pytest.fixture
def lab(tmp_path, tiny_model):
    rows = [row(n, f"How high is bonus {n}?", f"{n} euros", "pay") for n in range(STEPS)]
    write_task(tmp_path / "home" / "tasks" / "tiny", train=rows, test=[row(9, "And 9?", "9 euros", "pay")])
    return Lab(Settings(home=tmp_path / "home", model=str(tiny_model)))


@pytest.fixture
def job(tmp_path):
    folder = tmp_path / "home" / "jobs" / "job"
    folder.mkdir(parents=True)
    return folder


def test_slices_learn_what_an_uninterrupted_training_learns(lab, job, request, tmp_path):
    from lab.training.run import train_watched

    whole = train_watched(lab, lab.task("tiny"), CONFIG, Told(), job=tmp_path / "whole")
    lent = request.getfixturevalue("lender")
    told = Told()
    card = train_in_slices(lab, "tiny", CONFIG, told, job=job, seconds=0.0)  # The time is over after each step.
    assert [name for name, _ in lent.calls] == ["train_slice"] * STEPS
    assert told.steps == [(step, STEPS) for step in range(1, STEPS)]
    for name in ("steps", "examples", "tokens", "first_loss", "last_loss", "trainable_parameters"):
        assert card["outcome"][name] == whole["outcome"][name], name
    events = [json.loads(line) for line in (job / EVENTS).read_text().splitlines()]
    assert [event["step"] for event in events if "loss" in event] == list(range(1, STEPS + 1))
    assert not (job / STATES).exists()  # The adapter is stored; nothing is to go on from.
    first, second = (lab.settings.folder("adapters") / one["id"] / "adapter_model.safetensors" for one in (whole, card))
    assert first.read_bytes() == second.read_bytes()


def test_a_slice_that_fails_says_why_and_a_cancelled_one_ends(lab, job, lender):  # noqa: F811
    with pytest.raises(LabError, match="There is no task 'gone'"):
        train_in_slices(lab, "gone", CONFIG, Told(), job=job)
    (job / CANCEL).touch()
    with pytest.raises(Cancelled):
        train_in_slices(lab, "tiny", CONFIG, Told(), job=job)


def test_a_slice_asks_for_what_it_takes(lab, job):
    assert estimate_slice(TrainingSlice(lab.settings, "tiny", CONFIG, job)) == SLICE_SECONDS + SPARE_SECONDS <= 120
