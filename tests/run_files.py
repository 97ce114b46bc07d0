"""Stored runs for tests, simulated: answers of a known quality, judged and stored as a comparison does it."""

import json
from dataclasses import asdict

from core.answers.parsing import parse
from core.answers.validation import validate
from core.comparison.arms import ARMS, fit_arm
from core.comparison.exam import write_paper
from core.comparison.runs import Run, save_run
from core.environment import describe_environment
from core.evaluation.board import build_board
from core.evaluation.report import render_report
from core.evaluation.summary import Answered, summarize
from core.values import DecodeOptions, Generation, Prediction


def predict(task, arm, item, text, *, finish="stop", hits=(), **more):
    """Return the prediction of a text, read as the pipeline reads it."""
    parsed = parse(text, task.schema)
    issues = parsed.issues + (tuple(validate(parsed.value, task.schema)) if parsed.stage != "failed" else ())
    generation = Generation(text, 10, 5, 0.1, 0.1, finish)
    return Prediction(arm, item.id, tuple(hits), generation, parsed.value, issues, parsed.stage, **more)


def answer_right(item):
    return json.dumps(item.output)


def answer_wrong(item):
    return json.dumps({**item.output, "answer": "zebra"})


def store_run(settings, task, run_id, texts, *, items=None, find=None, keep_paper=True, **config):
    """Store a run.

    Args:
        settings: Whose home.
        task: The task.
        run_id: Its id.
        texts: By arm, a function from an item to the answer's text; or a list of them, one a draw.
        items: What is asked; by default all test items.
        find: Returns the hits of an item, which every answer was shown.
        keep_paper: Whether the items are kept, as runs do since they have a paper.
        config: Replaces what the run's configuration says.
    """
    items = list(task.test if items is None else items)
    predictions = {}
    for arm, writers in texts.items():
        several = isinstance(writers, list)
        predictions[arm] = [
            predict(task, arm, item, write(item), hits=find(item) if find else (), shot_draw=draw if several else None)
            for draw, write in enumerate(writers if several else [writers])
            for item in items
        ]
    arms = [fit_arm(ARMS[name], task) for name in texts]
    run = Run(
        id=run_id,
        task=task.name,
        status="ok",
        created="2026-11-26T10:00:00+00:00",
        config={
            "seed": 0,
            "items": [item.id for item in items],
            "decoding": asdict(DecodeOptions()),
            "constraint": None,
            "arms": {arm.name: asdict(arm) for arm in arms},
            "prompting": task.describe_prompting(),
            "generator": {"model": "fake", "weights": "none", "dtype": "none", "device": "none"},
            "test_hash": task.hash_split(task.test),
            "train_hash": task.hash_split(task.train),
            **config,
        },
        environment=describe_environment(),
        summary=summarize(task, items, Answered(predictions)).as_json() | {"notes": []},
    )
    report = render_report(run, build_board(task, items, predictions))
    save_run(settings, run, predictions, report, paper=write_paper(task, items, arms) if keep_paper else None)
    return run
