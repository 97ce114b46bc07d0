"""Trainings for tests: their events, their outcomes, jobs that only look as if they had run, a task not to be trained."""

import json
from dataclasses import asdict

from core.jobs import CONFIG, EVENTS, STATUS, JobConfig, JobStatus
from core.storage import write_json
from finetune.config import TrainConfig
from lab.requests import TrainRequest
from tests.conftest import row, write_task


def step(number, loss, **more):
    return {
        "step": number, "total": 9, "seconds": 1.0, "loss": loss, "learning_rate": 1e-3, "gradient_norm": 1.5,
        "tokens_per_second": 400.0, "memory_gib": 1.2, **more,
    }  # fmt: skip


def evaluation(number, score, answer="{}", **more):
    shares = dict.fromkeys(("parsed", "schema_valid", "exact", "ended"), 0.5)
    sample = {"id": "a", "input": "<b>Q</b>", "expected": '{"x": 1}', "answer": answer, "score": score}
    return {
        "kind": "evaluation", "step": number, "n": 8, "held_loss": 1.0, "score": score, "seconds": 4.0, "samples": [sample],
        **shares, **more,
    }  # fmt: skip


def outcome(**more):
    return {
        "steps": 9, "seconds": 60.0, "first_loss": 2.0, "last_loss": 0.5, "cancelled": False, "best_step": 6, "tokens": 6000,
        "trainable_parameters": 10, "evaluations": [evaluation(0, 0.1), evaluation(6, 0.8), evaluation(9, 0.7)], **more,
    }  # fmt: skip


def add_job(settings, name, *, state="done", task="tiny", config=None, events=(), result=None):
    folder = settings.folder("jobs") / name
    request = TrainRequest(task, config or TrainConfig())
    write_json(folder / CONFIG, JobConfig("train", task, request=request.as_json()).as_json())
    write_json(folder / STATUS, asdict(JobStatus(state, message="m", result=result or {})))
    (folder / EVENTS).write_text("".join(f"{json.dumps(event)}\n" for event in events))
    return folder


def write_leaky_task(folder):
    """Write a task whose test example is one of those it learns."""
    rows = [row(n, f"Question {n}?", f"{n} euros", "pay") for n in range(4)]
    return write_task(folder, train=rows, test=[row(9, "question 1", "1 euros", "pay")])
