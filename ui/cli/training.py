"""The commands about a training: train, and before it what it takes and at which learning rate."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.errors import LabError
from core.settings import read_settings
from finetune.config import PROBE_IGNORES, TrainConfig
from ui.cli.console import AsJson, Bars, TaskName, err, out, show, show_fields, show_table
from ui.cli.options import ModelName, take_settings

if TYPE_CHECKING:
    from finetune.plan.preflight import Preflight
    from lab.lab import Lab
    from lab.requests import TrainRequest

training_app = typer.Typer()
AllowLeakage = Annotated[bool, typer.Option(help="Train although test examples are among the training examples.")]


@training_app.command()
@take_settings()
def train(
    task: TaskName,
    config: TrainConfig,
    if_needed: Annotated[
        bool, typer.Option(help="Keep an adapter that was trained on the same data; go on with a training that was stopped.")
    ] = False,
    allow_leakage: AllowLeakage = False,
    seeds: Annotated[
        int, typer.Option(help="Adapters that differ by their seed alone, one after the other, from --seed on.", min=1)
    ] = 1,
    model: ModelName = "",
    as_json: AsJson = False,
) -> None:
    """Fine-tune a QLoRA adapter, in a process of its own; with --seeds several."""
    from core.tasks.folders import name_task
    from lab.lab import Lab
    from lab.requests import TrainRequest

    lab = Lab(read_settings().at_model(model))
    name = name_task(lab.task(task), lab.settings)
    cards = []
    for number in range(seeds):
        seeded = replace(config, seed=config.seed + number)
        cards.append(_train_one(lab, TrainRequest(name, seeded, allow_leakage), if_needed=if_needed))
        if not as_json:
            card = cards[-1]
            show_fields({"id": card["id"], "model": card["model"], **_without_lists(card["outcome"])})
    if as_json:
        show(cards if seeds > 1 else cards[0], as_json, show_fields)
    if seeds > 1:
        words = [word for card in cards for word in ("--adapter", card["id"])] + (["--model", model] if model else [])
        command = shlex.join(["ragft", "compare", name, *words])
        err.print(f"Compare with all of them: {command}", markup=False, highlight=False, soft_wrap=True)


def _train_one(lab: Lab, request: TrainRequest, *, if_needed: bool) -> dict[str, Any]:
    """Train one adapter as a job and follow it, or return the one that is there; returns its card."""
    from lab.training.jobs import find_trained
    from lab.training.preflight import require_go, run_preflight
    from ui.cli.watch import watch_training

    task = lab.task(request.task)
    trained = find_trained(lab.settings, task, request.config) if if_needed else None
    if trained is not None:
        err.print(f"The adapter {trained.id} was trained on this data already.")
        return trained.as_json()
    require_go(run_preflight(lab, request.task, request.config), allow_leakage=request.allow_leakage)
    return watch_training(lab.settings, task, request, go_on=if_needed)


def _without_lists(outcome: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in outcome.items() if not isinstance(value, list | tuple)}


@training_app.command()
@take_settings()
def preflight(task: TaskName, config: TrainConfig, model: ModelName = "", as_json: AsJson = False) -> None:
    """Say what a training would learn, what it costs and what is wrong, without loading weights. Exit 2 when it is a no-go."""
    from lab.lab import Lab
    from lab.training.preflight import run_preflight

    report = run_preflight(Lab(read_settings().at_model(model)), task, config)
    show(report.as_json, as_json, lambda _: _print_report(report))
    if not report.go:
        raise typer.Exit(2)


def _print_report(report: Preflight) -> None:
    from lab.training.preflight import describe_labelled, list_facts

    for name, value in list_facts(report):
        out.print(f"{name}: {value}", markup=False, highlight=False, soft_wrap=True)
    for name, text in describe_labelled(report).items():
        out.print(f"Learned from {name}: {text}", markup=False, highlight=False, soft_wrap=True)
    for sentence in report.warnings:
        out.print(f"Note: {sentence}", style="yellow", markup=False, highlight=False, soft_wrap=True)
    for sentence in report.problems:
        out.print(f"Problem: {sentence}", style="red", markup=False, highlight=False, soft_wrap=True)
    out.print("GO" if report.go else "NO GO", style="bold")


@training_app.command("probe-lr")
@take_settings(leave_out=PROBE_IGNORES)
def probe_lr(
    task: TaskName,
    config: TrainConfig,
    rates: Annotated[str | None, typer.Option(help="Comma-separated; by default those for the model's size.")] = None,
    model: ModelName = "",
    as_json: AsJson = False,
) -> None:
    """Begin the training with a few learning rates and suggest the one that learns fastest."""
    from lab.lab import Lab
    from lab.training.probe import run_probe

    lab = Lab(read_settings().at_model(model))
    with Bars() as bars:
        result = run_probe(lab, lab.task(task), config, _read_rates(rates) if rates else (), bars)
    show(result, as_json, _print_probe)


def _read_rates(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError as error:
        raise LabError(f"--rates is {text!r}.", "Give numbers separated by commas: 3e-4,1e-3,3e-3.") from error


def _print_probe(result: dict[str, Any]) -> None:
    rows = [
        {
            "rate": f"{curve['rate']:g}",
            "first loss": f"{curve['losses'][0]:.3f}" if curve["losses"] else "no number",
            "last third": "out" if curve["mark"] is None else f"{curve['mark']:.3f}",
        }
        for curve in result["curves"]
    ]
    show_table(rows, empty="No rate.")
    known = result["suggestion"]
    show_fields({"suggestion": "none: all are too high; try lower ones" if known is None else f"--lr {known:g}"})
