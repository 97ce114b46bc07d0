"""Values as HTML. Every text of a user, a model or a document is escaped where it becomes HTML: here and in the other views."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from core.evaluation.scoring import score_answer
from core.jobs import JobStatus
from core.tasks.task import Task
from core.values import Example, Prediction
from retrieval.evidence.abstention import EvidenceVerdict
from ui.page.passages_view import render_hits, render_support

STAGES = {
    "strict": "JSON as written",
    "extracted": "cut out of other text",
    "repaired": "repaired: it was not JSON as written",
    "failed": "not JSON",
}


def render_card(title: str, body: str) -> str:
    """Frame a body under a title; `body` is HTML."""
    return f'<section class="card"><h3>{escape(title)}</h3>{body}</section>'


def render_cards(cards: Iterable[str]) -> str:
    """Lay cards side by side, below each other on narrow screens."""
    return f'<div class="cards">{"".join(cards)}</div>'


def render_note(text: str) -> str:
    """Show a quiet sentence."""
    return f'<p class="quiet">{escape(text)}</p>'


def render_prediction(task: Task, item: Example, prediction: Prediction, verdict: EvidenceVerdict | None = None) -> str:
    """Show one arm's answer: the JSON, whether it is valid and why, marks, what supports it, passages, seconds and tokens.

    Args:
        task: The task.
        item: The question.
        prediction: The answer.
        verdict: What is said of the search behind it.
    """
    generation = prediction.generation
    parts = [_badge("OK: valid under the schema" if prediction.schema_valid else "FAIL: not valid", prediction.schema_valid)]
    if prediction.stage != "strict":
        parts.append(render_note(f"Read as: {STAGES[prediction.stage]}."))
    if generation.finish == "length":
        parts.append(render_note("The answer was cut off at the token limit."))
    shown = prediction.value if prediction.stage == "strict" else None
    parts.append(
        f"<pre>{escape(json.dumps(shown, ensure_ascii=False, indent=1) if shown is not None else generation.text)}</pre>"
    )
    if prediction.issues:
        parts.append("<ul>" + "".join(f"<li>{escape(issue.message)}</li>" for issue in prediction.issues) + "</ul>")
    if item.output is not None:
        parts.append(_render_fields(task, item, prediction))
    parts.append(render_support(task, prediction))
    if prediction.hits or prediction.dropped_passages:
        words = f"{item.input} {json.dumps(prediction.value, ensure_ascii=False)}"
        dropped, documents = prediction.dropped_passages, prediction.dropped_documents
        parts.append(render_hits(prediction.hits, words, dropped=dropped, documents=documents, verdict=verdict))
    parts.append(
        render_note(
            f"{generation.latency_seconds:.1f} s · {generation.prompt_tokens} prompt tokens · {generation.new_tokens} new tokens"
            + (f", {generation.forced_tokens} of them forced by the schema" if generation.forced_tokens else "")
        )
    )
    if generation.draft:
        parts.append(f"<details><summary>Draft</summary><pre>{escape(generation.draft)}</pre></details>")
    return "".join(parts)


def render_partial(text: str) -> str:
    """Show an answer that is still being written."""
    return f"{render_note('Writing')}<pre>{escape(text)}</pre>"


def _badge(text: str, good: bool) -> str:
    return f'<span class="badge {"ok" if good else "fail"}">{escape(text)}</span>'


def _render_fields(task: Task, item: Example, prediction: Prediction) -> str:
    """Compare field by field with the expected answer."""
    expected = item.output or {}
    marks = score_answer(prediction.value, expected, task.schema).fields
    given = prediction.value if isinstance(prediction.value, dict) else {}
    return "".join(
        f'<p class="field"><span class="{"ok" if mark == 1 else "fail"}">{"OK" if mark == 1 else f"{mark:.2f}"}</span> '
        f"<b>{escape(name)}</b>{'' if mark == 1 else _difference(given.get(name, '(absent)'), expected.get(name))}</p>"
        for name, mark in marks.items()
    )


def _difference(given: Any, expected: Any) -> str:
    return f": {escape(_short(given))}<br>expected: {escape(_short(expected))}"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:77] + "..."


def render_status(status: JobStatus, name: str, command: Sequence[str]) -> str:
    """Show how a job stands: state, bar, remaining time, message, the command that does the same."""
    share = status.step / status.total if status.total else 0
    eta = f" · about {format_seconds(status.eta)} left" if status.eta is not None and status.active else ""
    bar = f'<div class="bar" role="progressbar" aria-valuenow="{100 * share:.0f}"><div style="width:{100 * share:.0f}%"></div></div>'
    state = _badge(status.state.upper(), status.state != "failed")
    place = f" · step {status.step} of {status.total}" if status.total else ""
    return (
        f'<section class="card">{state} <span class="quiet">{escape(name)}</span>{bar}'
        f"<p>{escape(status.message)}{place}{eta}</p>"
        f'<p class="quiet">The same on the command line: <code>{escape(shlex.join(command))}</code></p></section>'
    )


def format_seconds(seconds: float) -> str:
    """Write a duration for people."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def _row(cells: Sequence[Any]) -> str:
    return f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in cells)}</tr>"


def render_report(report: Mapping[str, Any]) -> str:
    """Show the data report of a task that is not written yet: counts, lengths, labels, bad rows, pairs across the split."""
    rows = [["Training examples", report["train"]], ["Test examples", report["test"]], ["Unusable rows", report["invalid"]]]
    rows += [["Repeated inputs in train", report["duplicates_train"]], ["Repeated inputs in test", report["duplicates_test"]]]
    rows += [["Too alike across the split", len(report["overlap_examples"])]]
    for kind, length in (report["tokens"] or {}).items():
        rows.append([f"Tokens: {kind.replace('_', ' ')}", f"{length['median']:.0f} (longest {length['max']:.0f})"])
    for field, counts in report["balance"].items():
        rows.append([f"Values of {field}", ", ".join(f"{value} {count}" for value, count in counts.items())])
    lists = {
        "Unusable rows": report["problems"],
        "Assumed": report["notes"],
        "One value everywhere": report["same_everywhere"],
        "Longer than 2,048 tokens: left out of training, and not answerable by every approach": report["too_long"],
        "Too alike": [f"{pair['train_text']} / {pair['test_text']}" for pair in report["overlap_examples"]],
    }
    table = f'<div class="wide"><table>{"".join(map(_row, rows))}</table></div>'
    more = "".join(
        f"<h4>{escape(name)}</h4><ul>{''.join(f'<li>{escape(str(item))}</li>' for item in items)}</ul>"
        for name, items in lists.items()
        if items
    )
    return f'<section class="card">{_badge("usable" if report["usable"] else "not clean", bool(report["usable"]))}{table}{more}</section>'
