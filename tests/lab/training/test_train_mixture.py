"""A whole training on a mixture in this process: held-out answers of both kinds, and a card that fits both approaches."""

from dataclasses import replace

import pytest

from core.comparison.arms import ARMS
from core.progress import Watcher
from finetune.config import TrainConfig
from lab.answering import fix_adapter
from lab.jobs import train
from lab.lab import Lab
from lab.requests import TrainRequest
from lab.training.run import _find_shown, _make_evaluator, _prepare
from tests.conftest import row, write_task


class Heard(Watcher):
    """Keeps the evaluations."""

    def __init__(self):
        self.evaluations = []

    def __call__(self, *about, **values):
        pass

    def record(self, event):
        if event["kind"] == "evaluation":
            self.evaluations.append(event)

    def check(self):
        pass


@pytest.fixture
def lab(settings, tiny_model, embedder):
    rows = [row(n, f"How high is bonus {n}?", f"{n} euros", "pay") for n in range(40)]
    write_task(settings.folder("tasks") / "bonus", train=rows, test=[row(99, "Bonus ninety-nine?", "99 euros", "pay")])
    lab = Lab(replace(settings, model=str(tiny_model)), embedder=embedder)
    lab.library.update(lab.task("bonus"))
    return lab


CONFIG = TrainConfig(prompts="mixed", epochs=0.4, batch_size=8, rank=2, holdout=4, evaluations=1)


def test_one_training_on_a_mixture_serves_both_approaches(lab):
    heard, task = Heard(), lab.task("bonus")
    card = train(lab, TrainRequest("bonus", CONFIG), heard)
    assert [event["n"] for event in heard.evaluations] == [4, 4]
    assert card["config"]["prompts"] == "mixed"
    assert card["prompting"]["passages"] == task.prompting.passages
    for arm in ("qlora", "hybrid"):
        assert fix_adapter(lab, task, ARMS[arm]).adapter.endswith(card["id"])


def test_held_out_examples_are_asked_in_both_ways(lab):
    task = lab.task("bonus")
    ready = _prepare(lab, task, CONFIG, lambda *said: None)
    assert all(item.other and len(item.other) > len(item.prompt) for item in ready.examples)
    assert len(_find_shown(lab, task, ready.learned, CONFIG)) == len(ready.examples) == 36
    lengths = sorted(len(item.prompt) for item in _make_evaluator(lab, task, ready, CONFIG, lambda: None).encoded)
    assert lengths[0] + 20 < lengths[-1]  # Some with their passages, some without.
