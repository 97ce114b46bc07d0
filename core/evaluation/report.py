"""A comparison as one self-contained HTML page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from core.comparison.arms import find_title
from core.comparison.runs import Run
from core.evaluation.layout import lay_out
from core.evaluation.scoring import score_answer
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
        items=[_describe_item(task, item, index, answers) for index, item in enumerate(items)] if answers else [],
        config=json.dumps({"config": run.config, "environment": run.environment}, indent=1, ensure_ascii=False),
    )


def _describe_item(task: Task, item: Example, index: int, answers: Mapping[str, Sequence[Prediction]]) -> dict[str, Any]:
    return {
        "id": item.id,
        "slice": item.slice or "",
        "input": item.input,
        "expected": json.dumps(item.output, ensure_ascii=False),
        "answers": [
            {
                "title": find_title(arm),
                "text": predictions[index].generation.text,
                "stage": predictions[index].stage,
                "issues": [issue.message for issue in predictions[index].issues],
                "mark": score_answer(predictions[index].value, item.output or {}, task.schema).metric(task.primary_metric),
            }
            for arm, predictions in answers.items()
        ],
    }
