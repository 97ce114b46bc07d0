"""A training in words and tables: costs, live numbers, warnings, answers before and now, two trainings side by side."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from html import escape
from typing import Any

from core.jobs import JobStatus
from lab.training.costs import Cost
from lab.training.preflight import STORAGES, format_size
from ui.page.finetune.plots import Event, list_evaluations, list_steps
from ui.page.rendering import render_note, render_status

BEGINNING = {
    "load": "Loading the model and testing that it learns here; then the base model answers the held-out examples",
    "Loading": "Loading",
}


def render_cost(cost: Cost) -> str:
    """Show what a training takes, and whether it can start."""
    found, config = cost.estimate, cost.config
    scale = config.alpha / (math.sqrt(config.rank) if config.rslora else config.rank)
    minutes = f"{found.minutes:.1f} min" if found.minutes >= 1 else f"{60 * found.minutes:.0f} s"
    facts = [
        ("Trainable parameters", f"{found.trainable:,}", f"{found.share:.2%} of {found.parameters:,}"),
        ("Adapter file", format_size(found.adapter), f"updates scaled by {scale:.3g} (alpha {config.alpha})"),
        ("Peak memory", format_size(found.peak), f"{format_size(found.available)} free"),
        ("Training time", f"about {minutes}", _describe_steps(cost)),
    ]
    boxes = "".join(
        f'<div class="fact"><span class="quiet">{escape(name)}</span><b>{escape(value)}</b><span class="quiet">{escape(more)}</span></div>'
        for name, value, more in facts
    )
    verdict = '<span class="badge ok">GO</span>' if found.go else '<span class="badge fail">NO GO</span>'
    problems = "".join(f'<p class="fail">{escape(text)}</p>' for text in found.problems)
    stored = ", ".join(f"{STORAGES[name]} {format_size(size)}" for name, size in found.weights_by_storage.items())
    notes = [
        _describe_answering(cost),
        f"Speed: {found.tokens_per_second:,.0f} tokens/s, {found.speed_source}.",
        f"Frozen weights: {stored}.",
    ]
    return (
        f'<section class="card costs">{verdict}{problems}<div class="tiles">{boxes}</div>'
        f"{''.join(render_note(note) for note in notes if note)}</section>"
    )


def _describe_steps(cost: Cost) -> str:
    all_steps = cost.estimate.steps
    if cost.steps < all_steps:
        return f"{cost.steps:,} steps; all passes are {all_steps:,}"
    return f"{all_steps:,} steps, all passes"


def _describe_answering(cost: Cost) -> str:
    config = cost.config
    if not config.holdout:
        return "Nothing is held out: the last adapter is kept, and no answers are shown."
    about = "" if cost.answering is None else f", about {cost.answering:.1f} min"
    return (
        f"Besides: {config.holdout} held-out examples are answered {config.evaluations + 1} times{about}; "
        "the adapter that answers best is kept."
    )


def render_training(status: JobStatus, name: str, command: Sequence[str], events: Sequence[Event]) -> str:
    """Show how a training stands: warnings first, then state, numbers of the last step and evaluation."""
    if status.active and not list_steps(events):
        status = _explain_beginning(status)
    notices = "".join(
        f'<p class="notice"><b>Step {event["step"]}</b> {escape(str(event["text"]))}</p>'
        for event in events
        if event.get("kind") == "notice"
    )
    return f"{notices}{render_status(status, name, command)}{_render_facts(events)}"


def _explain_beginning(status: JobStatus) -> JobStatus:
    return replace(status, message=BEGINNING.get(status.message.strip(), status.message))


def _render_facts(events: Sequence[Event]) -> str:
    steps, held = list_steps(events), list_evaluations(events)
    facts: list[tuple[str, str]] = []
    if steps:
        last = steps[-1]
        facts += [
            ("loss", f"{last['loss']:.3f}"),
            ("gradient norm", f"{last['gradient_norm']:.2f}"),
            ("learning rate", f"{last['learning_rate']:.2g}"),
            ("tokens/s", f"{last['tokens_per_second']:,.0f}"),
            ("memory", f"{last['memory_gib']:.1f} GiB"),
        ]
    if held:
        best = max(held, key=lambda event: (event["score"], -event["held_loss"]))
        facts.append(("best field score", f"{best['score']:.0%} at step {best['step']}"))
    if not facts:
        return ""
    return f'<p class="facts">{"".join(f"<span>{escape(name)} <b>{escape(value)}</b></span>" for name, value in facts)}</p>'


def render_samples(events: Sequence[Event]) -> str:
    """Show held-out questions: what was expected, what the base model wrote, what is written now."""
    held = [event for event in list_evaluations(events) if event.get("samples")]
    if not held:
        return ""
    first, last = held[0], held[-1]
    compared = [first, last] if last["step"] > first["step"] else [last]
    titles = [f"After step {event['step']}" if event["step"] else "Base model" for event in compared]
    head = "".join(f"<th>{escape(name)}</th>" for name in ("Held-out input", "Expected", *titles))
    before = {item["id"]: item for item in first["samples"]} if len(compared) > 1 else {}
    rows = "".join(_render_sample(before.get(item["id"]), item) for item in last["samples"])
    return f'<section class="card"><h3>Answers to held-out examples</h3><div class="wide samples"><table><tr>{head}</tr>{rows}</table></div></section>'


def _render_sample(before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> str:
    cells = [f'<td class="input">{escape(now["input"])}</td>', f"<td>{_render_json(now['expected'])}</td>"]
    if before is not None:
        cells.append(f"<td>{_render_mark(before)}{_render_json(before['answer'])}</td>")
    cells.append(f"<td>{_render_mark(now)}{_render_json(now['answer'])}</td>")
    return f"<tr>{''.join(cells)}</tr>"


def _render_mark(item: Mapping[str, Any]) -> str:
    score = float(item["score"])
    return f'<span class="badge {"ok" if score == 1 else "fail" if score == 0 else ""}">{"OK" if score == 1 else f"{score:.0%} right"}</span>'


def _render_json(text: str) -> str:
    """Show a JSON text with a field a line; what is no JSON as it is."""
    try:
        shown = json.dumps(json.loads(text), ensure_ascii=False, indent=1)
    except (ValueError, RecursionError):
        shown = text
    return f"<pre>{escape(shown)}</pre>"


def render_history(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Show trainings, a row each; the second cell is the state."""
    head = "".join(f"<th>{escape(name)}</th>" for name in headers)
    body = "".join(
        f"<tr><td>{escape(title)}</td><td>{_render_state(state)}</td>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"
        for title, state, *cells in rows
    )
    return f'<section class="card"><div class="wide history"><table><tr>{head}</tr>{body}</table></div></section>'


def _render_state(state: str) -> str:
    kind = {"done": " ok", "failed": " fail"}.get(state, "")
    return f'<span class="badge{kind}">{escape(state)}</span>'


def render_differences(
    names: tuple[str, str], settings: Iterable[tuple[str, str, str]], outcomes: Iterable[tuple[str, str, str]]
) -> str:
    """Show two trainings side by side: the settings that differ, and what came of them."""
    head = f"<tr><th></th>{''.join(f'<th>{escape(name)}</th>' for name in names)}</tr>"
    parts = []
    for title, lines in (("Settings that differ", list(settings)), ("What came of it", list(outcomes))):
        if not lines:
            parts.append(render_note("All settings are the same."))
            continue
        rows = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in line)}</tr>" for line in lines)
        parts.append(f'<h4>{escape(title)}</h4><div class="wide"><table>{head}{rows}</table></div>')
    return f'<section class="card">{"".join(parts)}</section>'


def render_probe(status: JobStatus, result: Mapping[str, Any]) -> str:
    """Say how a probe of learning rates stands, or what it suggests."""
    if status.active:
        return render_note(f"{status.message or 'Starting'} · step {status.step} of {status.total}")
    if status.state != "done":
        return render_note(f"{status.state}: {status.message}")
    out = [f"{curve['rate']:g}" for curve in result["curves"] if curve["mark"] is None]
    left = f" Too high: {', '.join(out)}." if out else ""
    if result["suggestion"] is None:
        return f'<p class="verdict">{escape("Every rate is too high for this model: try lower ones with ragft probe-lr --rates.")}</p>'
    share = len(result["curves"]) * result["steps"] / result["planned"]
    said = f"Learned fastest: {result['suggestion']:g}.{left}"
    spent = f"{result['steps']} steps each, together {share:.0%} of the planned {result['planned']}."
    return f'<p class="verdict">{escape(said)}</p>{render_note(spent)}'
