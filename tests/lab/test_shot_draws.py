"""Several draws of the fixed examples answer as several adapters do: one arm, several rows of answers."""

import json

import pytest

from core.comparison.prompts import choose_shots
from core.comparison.runs import load_predictions
from core.generation.fake import FakeGenerator
from core.tasks.loading import load_task
from lab.comparison import compare_arms
from lab.lab import Lab
from lab.plan import plan_comparison
from lab.requests import CompareRequest
from ui.cli.console import Bars

SHOWN = []


class Showing(FakeGenerator):
    """Keeps the examples that it is shown."""

    def generate(self, prompts, **more):
        SHOWN.extend(tuple(m.content for m in messages[1:-1] if m.role == "user") for messages in prompts)
        return super().generate(prompts, **more)


@pytest.fixture
def lab(settings, embedder):
    SHOWN.clear()
    return Lab(settings, generator=Showing({}), embedder=embedder)


def test_arms_with_fixed_examples_answer_once_for_each_draw(lab, task_folder):
    (task_folder / "task.toml").write_text((task_folder / "task.toml").read_text() + "shots = 1\nshot_draw = 5\n")
    request = CompareRequest(str(task_folder), arms=("base", "zero_shot", "rag_examples"), shot_draws=3)
    plan = plan_comparison(lab, request)
    assert [(arm.name, arm.shots, arm.shot_draw) for arm in plan.arms] == [
        ("base", 1, 5), ("base", 1, 6), ("base", 1, 7), ("zero_shot", 0, None), ("rag_examples", 1, None),
    ]  # fmt: skip
    assert plan.recorded["base"]["shot_draws"] == [5, 6, 7]
    assert "shot_draws" not in plan.recorded["zero_shot"]
    with Bars() as bars:
        run = compare_arms(lab, request, bars).run
    predictions = [p for p in load_predictions(lab.settings, run.id) if p.arm == "base"]
    items = [item.id for item in load_task(task_folder).test]
    assert [(p.shot_draw, p.example) for p in predictions] == [(draw, item) for draw in (5, 6, 7) for item in items]
    assert len({shown for shown in SHOWN if len(shown) == 1}) > 1  # The draws differ.
    assert run.config["arms"]["base"]["shot_draws"] == [5, 6, 7]
    assert run.config["prompting"]["shots"] == 1


def test_a_run_keeps_what_was_tuned_on_what(lab, task_folder):
    about = {"settings": ["shots"], "items": 12, "groups": 6, "weights": "none"}
    with (task_folder / "task.toml").open("a") as file:
        file.write("[tuned]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in about.items()))
    with Bars() as bars:
        run = compare_arms(lab, CompareRequest(str(task_folder), arms=("base",)), bars).run
    assert run.config["tuned"] == about


def test_examples_of_every_draw_are_looked_at_for_leaks(lab, task_folder):
    with (task_folder / "task.toml").open("a") as file:
        file.write("shots = 1\n")
    task = load_task(task_folder)
    shown = {choose_shots(task, 1, draw=draw)[0].id for draw in (0, 1, 2)}
    plan = plan_comparison(lab, CompareRequest(str(task_folder), arms=("base",), shot_draws=3))
    assert len(shown) > 1
    assert plan.leaks.checked[0] == f"{len(shown)} rows that prompts can show as examples"
