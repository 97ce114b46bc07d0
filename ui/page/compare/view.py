"""One approach's answer as HTML: the JSON, whether it is valid and why, marks, what supports it, passages, costs."""

from __future__ import annotations

import json
from typing import Any

from markupsafe import Markup

from core.evaluation.acceptance import choose_expected
from core.evaluation.scoring import score_answer
from core.tasks.task import Task
from core.values import Example, Prediction
from retrieval.evidence.abstention import EvidenceVerdict
from ui.page.markup import render
from ui.page.passages import render_hits
from ui.page.support import render_support

STAGES = {
    "strict": "JSON as written",
    "extracted": "cut out of other text",
    "repaired": "repaired: it was not JSON as written",
    "failed": "not JSON",
}
SHOWN_VALUE = 80  # Characters of a value beside the expected one.


def render_prediction(task: Task, item: Example, prediction: Prediction, verdict: EvidenceVerdict | None = None) -> Markup:
    """Show one arm's answer.

    Args:
        task: The task.
        item: The question.
        prediction: The answer.
        verdict: What is said of the search behind it.
    """
    generation = prediction.generation
    notes = []
    if prediction.stage != "strict":
        notes.append(f"Read as: {STAGES[prediction.stage]}.")
    if generation.finish == "length":
        notes.append("The answer was cut off at the token limit.")
    readable = prediction.stage == "strict" and prediction.value is not None
    forced = f", {generation.forced_tokens} of them forced by the schema" if generation.forced_tokens else ""
    return render(
        "compare/prediction",
        valid=prediction.schema_valid,
        notes=notes,
        shown=json.dumps(prediction.value, ensure_ascii=False, indent=1) if readable else generation.text,
        issues=[issue.message for issue in prediction.issues],
        fields=_compare_fields(task, item, prediction) if item.output is not None else [],
        support=render_support(task, prediction, verdict),
        passages=_render_passages(item, prediction, verdict),
        costs=f"{generation.latency_seconds:.1f} s · {generation.prompt_tokens} prompt tokens · "
        f"{generation.new_tokens} new tokens{forced}",
        draft=generation.draft,
    )


def render_partial(text: str) -> Markup:
    """Show an answer that is still being written."""
    return render("compare/partial", text=text)


def _render_passages(item: Example, prediction: Prediction, verdict: EvidenceVerdict | None) -> Markup:
    if not prediction.hits and not prediction.dropped_passages:
        return Markup("")
    return render_hits(
        prediction.hits,
        f"{item.input} {json.dumps(prediction.value, ensure_ascii=False)}",
        dropped=prediction.dropped_passages,
        documents=prediction.dropped_documents,
        verdict=verdict,
    )


def _compare_fields(task: Task, item: Example, prediction: Prediction) -> list[dict[str, Any]]:
    """Return each field's mark beside what was given and what was expected."""
    expected = choose_expected(prediction.value, item, task.schema)
    marks = score_answer(prediction.value, expected, task.schema).fields
    given = prediction.value if isinstance(prediction.value, dict) else {}
    return [
        {"name": name, "mark": mark, "given": _short(given.get(name, "(absent)")), "expected": _short(expected.get(name))}
        for name, mark in marks.items()
    ]


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN_VALUE else text[: SHOWN_VALUE - 3] + "..."
