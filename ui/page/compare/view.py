"""Answers of several approaches as HTML: what was expected, what differs, a card each, and what they read, once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from markupsafe import Markup

from core.comparison.arms import MAIN_ARMS, find_title, is_control
from core.evaluation.acceptance import choose_expected
from core.evaluation.board import STATES, Cell, State, mark_cell
from core.evaluation.rules import list_marked
from core.tasks.task import Task
from core.values import Example, Prediction
from lab.showcase import Showcase
from ui.page.choices import DECODING
from ui.page.compare.asking import Entry
from ui.page.compare.differences import describe_differences
from ui.page.compare.reading import CardReading, collect_reading
from ui.page.markup import render

STAGES = {
    "strict": "JSON as written",
    "extracted": "cut out of other text",
    "repaired": "repaired: it was not JSON as written",
    "failed": "not JSON",
}
SHOWN_VALUE = 80  # Characters of a value beside the expected one.
LEAD_VALUE = 320  # Characters of the value that a card shows large.
SHAPES: dict[State, str] = {"right": "✓", "partly": "◐", "wrong": "✕", "invalid": "!", "not found": "?"}
MODES = {mode: title for title, mode in DECODING}
HINT = "Choose a test question or type one, then press Answer."


def render_answers(
    task: Task, item: Example, entries: Sequence[Entry], *, origin: str = "", names: Sequence[str] = ()
) -> Markup:
    """Show all answers to one question.

    Args:
        task: The task.
        item: The question.
        entries: A card each.
        origin: Where they come from, where they were not just asked for.
        names: Other names for the cards, in their order: then nothing is shown that tells which approach is which.
    """
    several = len({entry.mode for entry in entries}) > 1
    titles = list(names) or [name_entry(entry, several=several) for entry in entries]
    cards = [_describe_card(task, item, entry, title) for entry, title in zip(entries, titles, strict=True)]
    finished = [entry for entry in entries if entry.state in ("done", "refused")]
    answers = {
        title: entry.prediction.value if entry.prediction.stage != "failed" else None
        for entry, title in zip(entries, titles, strict=True)
        if entry.prediction is not None
    }
    reading = CardReading() if names else collect_reading(task, item, list(zip(titles, entries, strict=True)))
    for card, chips, passages in zip(cards, reading.chips, reading.used, strict=False):
        card |= {"chips": chips, "passages": passages}
    return render(
        "compare/answers",
        question=item.input,
        origin=origin,
        expected=_pick_fields(task, item.output) if item.output is not None else [],
        difference=describe_differences(answers, _order_fields(task)) if len(finished) == len(entries) else "",
        cards=cards,
        reading=reading,
        blind=bool(names),
        busy=len(finished) < len(entries),
        link="" if names else write_link(task, item, entries),
    )


def write_link(task: Task, item: Example, entries: Sequence[Entry]) -> str:
    """Return the address of a question with its approaches: whoever opens it finds them chosen, and stored answers shown."""
    known = any(one.id == item.id and one.input == item.input for one in task.test)
    asked = {"item": item.id} if known else {"question": item.input}
    modes = {entry.mode for entry in entries}
    more = {"decoding": next(iter(modes))} if len(modes) == 1 else {}
    arms = ",".join(dict.fromkeys(entry.arm for entry in entries))
    return f"?{urlencode({'tab': 'compare', 'task': task.name, **asked, 'arms': arms, **more})}"


def render_prediction(task: Task, item: Example, prediction: Prediction) -> Markup:
    """Show one approach's answer to a question."""
    return render_answers(task, item, [Entry(prediction.arm, state="done", prediction=prediction)])


def list_stored(showcase: Showcase) -> list[Entry]:
    """Return the stored answers as entries, of each approach the first where several adapters or draws answered.

    Controls are no answers that a person could get.
    """
    order = {arm: place for place, arm in enumerate(MAIN_ARMS)}
    found = [cells[0] for arm, cells in showcase.row.cells.items() if cells and not is_control(arm)]
    mode = str(showcase.run.config.get("decoding", {}).get("mode", "free"))
    cells = sorted(found, key=lambda cell: order.get(cell.arm, len(order)))
    return [Entry(cell.arm, mode, "done", prediction=cell.prediction) for cell in cells]


def describe_origin(showcase: Showcase) -> str:
    """Say which run stored answers come from."""
    run = showcase.run
    return f"From the run of {run.created[:10]} with {len(showcase.board.rows)} questions; nothing was computed now."


def name_entry(entry: Entry, *, several: bool) -> str:
    """Return what people call a card; how it decodes is said where there are several ways."""
    title = find_title(entry.arm)
    return f"{title} · {MODES.get(entry.mode, entry.mode).lower()}" if several else title


def _describe_card(task: Task, item: Example, entry: Entry, title: str) -> dict[str, Any]:
    """Return what a card shows."""
    card: dict[str, Any] = {
        "title": title,
        "arm": entry.arm,
        "state": entry.state,
        "text": entry.text,
        "note": entry.note,
        "lacks": entry.lacks,
        "chips": [],
        "passages": [],
    }
    if entry.prediction is None:
        return card
    prediction, generation = entry.prediction, entry.prediction.generation
    cell = mark_cell(task, item, prediction) if item.output is not None else None
    forced = f", {generation.forced_tokens} of them forced by the schema" if generation.forced_tokens else ""
    beside = f" beside {entry.beside} other{'s' if entry.beside > 1 else ''}" if entry.beside else ""
    return card | {
        "mark": _describe_mark(cell, prediction),
        "fields": _pick_fields(task, prediction.value) if isinstance(prediction.value, dict) else [],
        "raw": generation.text,
        "costs": f"{generation.latency_seconds:.1f} s{beside} · {generation.prompt_tokens:,} + {generation.new_tokens} tokens{forced}",
        "notes": _list_notes(entry, cell),
        "json": json.dumps(prediction.value, ensure_ascii=False, indent=1)
        if prediction.stage == "strict" and prediction.value is not None
        else generation.text,
        "issues": [issue.message for issue in prediction.issues],
        "marks": _compare_fields(task, item, cell) if cell is not None else [],
        "draft": generation.draft,
    }


def _describe_mark(cell: Cell | None, prediction: Prediction) -> dict[str, str]:
    """Return shape, word and class of what an answer is worth; without an expected answer only its validity is known."""
    if cell is None:
        valid = prediction.schema_valid
        return {
            "shape": "✓" if valid else "!",
            "word": "valid JSON" if valid else "not valid",
            "kind": "missing" if valid else "invalid",
            "about": "Nothing is expected here: only the form can be checked.",
        }
    words = {"partly": f"partly right, {cell.mark:.0%}", "not found": "wrong: passage not found"}
    kind = "missing" if cell.state == "not found" else cell.state
    about = f"{cell.state}: {STATES[cell.state]}"
    return {"shape": SHAPES[cell.state], "word": words.get(cell.state, cell.state), "kind": kind, "about": about}


def _list_notes(entry: Entry, cell: Cell | None) -> list[str]:
    assert entry.prediction is not None
    prediction = entry.prediction
    notes = [f"Read as: {STAGES[prediction.stage]}."] if prediction.stage != "strict" else []
    if prediction.generation.finish == "length":
        notes.append("The answer was cut off at the token limit.")
    if prediction.issues and cell is not None and cell.state == "invalid":
        notes.append("The schema refuses it.")
    return notes


def _order_fields(task: Task) -> list[str]:
    """Return the schema's fields, the one that the task is judged by first."""
    properties = task.schema.get("properties", {})
    names = [*(name for name in properties), *(name for name in list_marked(task.schema) if name not in properties)]
    return sorted(names, key=lambda name: name != task.primary_metric)


def _pick_fields(task: Task, value: Any) -> list[dict[str, Any]]:
    """Return an answer's fields, the one that matters most first; it is shown large where it is a short value."""
    if not isinstance(value, dict):
        return []
    names = [*(name for name in _order_fields(task) if name in value), *(name for name in value if name not in task.schema.get("properties", {}))]  # fmt: skip
    return [{"name": name, "value": _show(value[name]), "none": value[name] is None} for name in dict.fromkeys(names)]


def _show(value: Any) -> str:
    """Return a value as people read it."""
    if value is None:
        return "no answer"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and all(isinstance(part, str | int | float) for part in value):
        text = ", ".join(map(str, value)) or "none"
    else:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LEAD_VALUE else text[: LEAD_VALUE - 1].rstrip() + "…"


def _compare_fields(task: Task, item: Example, cell: Cell) -> list[dict[str, Any]]:
    """Return each field's mark beside what was given and what was expected."""
    value = cell.prediction.value
    expected = choose_expected(value, item, task.schema)
    given = value if isinstance(value, dict) else {}
    return [
        {"name": name, "mark": mark, "given": _short(given.get(name, "(absent)")), "expected": _short(expected.get(name))}
        for name, mark in cell.score.fields.items()
    ]


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN_VALUE else text[: SHOWN_VALUE - 3] + "..."
