"""A comparison as one self-contained HTML page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from core.comparison.arms import find_title
from core.comparison.runs import Run
from core.evaluation.acceptance import score_example
from core.evaluation.layout import lay_out
from core.evaluation.summary import name_draw
from core.tasks.task import Task
from core.values import Example, Prediction

TEMPLATE = Path(__file__).with_name("report.html.jinja")


def render_report(task: Task, items: Sequence[Example], run: Run, answers: Mapping[str, Sequence[Prediction]]) -> str:
    """Render a run; every text of a model or a user is escaped."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        task=task,
        run=run,
        view=lay_out(run.summary),
        items=[_describe_item(task, item, index, answers, len(items)) for index, item in enumerate(items)] if answers else [],
        config=json.dumps({"config": run.config, "environment": run.environment}, indent=1, ensure_ascii=False),
    )


def _describe_item(
    task: Task, item: Example, index: int, answers: Mapping[str, Sequence[Prediction]], count: int
) -> dict[str, Any]:
    """Return an item with every answer to it; of an arm that several adapters answered, each one's."""
    return {
        "id": item.id,
        "slice": item.slice or "",
        "input": item.input,
        "expected": json.dumps(item.output, ensure_ascii=False),
        "answers": [
            _describe_answer(task, item, arm, prediction, several=len(predictions) > count)
            for arm, predictions in answers.items()
            for prediction in predictions[index::count]
        ],
    }


def _describe_answer(task: Task, item: Example, arm: str, prediction: Prediction, *, several: bool) -> dict[str, Any]:
    title, draw = find_title(arm), name_draw(prediction)
    return {
        "title": f"{title} ({draw})" if several and draw else title,
        "text": prediction.generation.text,
        "stage": prediction.stage,
        "issues": [issue.message for issue in prediction.issues],
        "mark": score_example(prediction.value, item, task.schema).metric(task.primary_metric),
    }
