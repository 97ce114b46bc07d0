"""A training in words and tables: costs, live numbers, warnings, answers before and now, two trainings side by side."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from markupsafe import Markup

from core.jobs import JobStatus
from core.units import format_size
from lab.training.costs import Cost
from lab.training.preflight import STORAGES
from ui.page.finetune.plots import Event, list_evaluations, list_steps
from ui.page.markup import render
from ui.page.rendering import render_status

BEGINNING = {
    "load": "Loading the model and testing that it learns here; then the base model answers the held-out examples",
    "Loading": "Loading",
}


class Answer(NamedTuple):
    """A held-out answer as it is shown: its mark, from 0 to 1, and its text."""

    score: float
    text: str


class SampleRow(NamedTuple):
    """A held-out question, what was expected, and the answers: before where it is compared, and now."""

    input: str
    expected: str
    answers: list[Answer]


def render_cost(cost: Cost) -> Markup:
    """Show what a training takes, and whether it can start."""
    estimate, config = cost.estimate, cost.config
    scale = config.alpha / (math.sqrt(config.rank) if config.rslora else config.rank)
    minutes = f"{estimate.minutes:.1f} min" if estimate.minutes >= 1 else f"{60 * estimate.minutes:.0f} s"
    facts = [
        ("Trainable parameters", f"{estimate.trainable:,}", f"{estimate.share:.2%} of {estimate.parameters:,}"),
        ("Adapter file", format_size(estimate.adapter), f"updates scaled by {scale:.3g} (alpha {config.alpha})"),
        ("Peak memory", format_size(estimate.peak), f"{format_size(estimate.available)} free"),
        ("Training time", f"about {minutes}", _describe_steps(cost)),
    ]
    stored = ", ".join(f"{STORAGES[name]} {format_size(size)}" for name, size in estimate.weights_by_storage.items())
    notes = [
        _describe_answering(cost),
        f"Speed: {estimate.tokens_per_second:,.0f} tokens/s, {estimate.speed_source}.",
        f"Frozen weights: {stored}.",
    ]
    return render("finetune/cost", go=estimate.go, problems=estimate.problems, facts=facts, notes=notes)


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


def render_training(status: JobStatus, name: str, command: Sequence[str], events: Sequence[Event]) -> Markup:
    """Show how a training stands: warnings first, then state, numbers of the last step and evaluation."""
    if status.active and not list_steps(events):
        status = _explain_beginning(status)
    notices = [event for event in events if event.get("kind") == "notice"]
    shown = Markup(render_status(status, name, command))
    return render("finetune/training", notices=notices, status=shown, facts=_list_facts(events))


def _explain_beginning(status: JobStatus) -> JobStatus:
    return replace(status, message=BEGINNING.get(status.message.strip(), status.message))


def _list_facts(events: Sequence[Event]) -> list[tuple[str, str]]:
    """Return the numbers of the last step and of the best evaluation, as (name, value)."""
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
    return facts


def render_samples(events: Sequence[Event]) -> Markup:
    """Show held-out questions: what was expected, what the base model wrote, what is written now."""
    held = [event for event in list_evaluations(events) if event.get("samples")]
    if not held:
        return Markup("")
    first, last = held[0], held[-1]
    compared = [first, last] if last["step"] > first["step"] else [last]
    titles = [f"After step {event['step']}" if event["step"] else "Base model" for event in compared]
    before = {item["id"]: item for item in first["samples"]} if len(compared) > 1 else {}
    samples = [_read_sample(before.get(item["id"]), item) for item in last["samples"]]
    return render("finetune/samples", titles=titles, samples=samples)


def _read_sample(before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> SampleRow:
    answers = [Answer(float(item["score"]), _lay_out_json(item["answer"])) for item in (before, now) if item is not None]
    return SampleRow(now["input"], _lay_out_json(now["expected"]), answers)


def _lay_out_json(text: str) -> str:
    """Return a JSON text with a field a line; what is no JSON as it is."""
    try:
        return json.dumps(json.loads(text), ensure_ascii=False, indent=1)
    except (ValueError, RecursionError):
        return text


def render_history(headers: Sequence[str], rows: Sequence[Sequence[str]], damaged: Sequence[str] = ()) -> Markup:
    """Show trainings, a row each; the second cell is the state. What is damaged is named below."""
    return render("finetune/history", headers=headers, rows=rows, damaged=damaged)


def render_differences(
    names: tuple[str, str], settings: Iterable[tuple[str, str, str]], outcomes: Iterable[tuple[str, str, str]]
) -> Markup:
    """Show two trainings side by side: the settings that differ, and what came of them."""
    return render("finetune/differences", names=names, settings=list(settings), outcomes=list(outcomes))


def render_probe(status: JobStatus, result: Mapping[str, Any]) -> Markup:
    """Say how a probe of learning rates stands, or what it suggests."""
    verdict, note = _describe_probe(status, result)
    return render("finetune/probe", verdict=verdict, note=note)


def _describe_probe(status: JobStatus, result: Mapping[str, Any]) -> tuple[str, str]:
    """Return the verdict and a note, either empty."""
    if status.active:
        return "", f"{status.message or 'Starting'} · step {status.step} of {status.total}"
    if status.state != "done":
        return "", f"{status.state}: {status.message}"
    if result["suggestion"] is None:
        return "Every rate is too high for this model: try lower ones with ragft probe-lr --rates.", ""
    diverged = [f"{curve['rate']:g}" for curve in result["curves"] if curve["mark"] is None]
    too_high = f" Too high: {', '.join(diverged)}." if diverged else ""
    share = len(result["curves"]) * result["steps"] / result["planned"]
    spent = f"{result['steps']} steps each, together {share:.0%} of the planned {result['planned']}."
    return f"Learned fastest: {result['suggestion']:g}.{too_high}", spent
