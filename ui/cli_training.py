"""The commands about a training before it starts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from core.settings import read_settings
from ui.console import AsJson, TaskName, out, show

if TYPE_CHECKING:
    from finetune.preflight import Preflight

training_app = typer.Typer()


@training_app.command()
def preflight(
    task: TaskName,
    rank: Annotated[int, typer.Option(help="LoRA rank r.")] = 16,
    batch_size: Annotated[int, typer.Option(help="Examples a step.")] = 8,
    storage: Annotated[str, typer.Option(help="Frozen weights: nf4 (QLoRA), int8 or full.")] = "nf4",
    epochs: Annotated[float, typer.Option(help="Passes over the examples.")] = 3.0,
    minutes: Annotated[float | None, typer.Option(help="Time budget of the training steps.")] = None,
    dora: Annotated[bool, typer.Option(help="Learn each row's magnitude apart (DoRA).")] = False,
    with_context: Annotated[bool, typer.Option(help="Show retrieved passages in training: for the hybrid.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say what a training would learn, what it costs and what is wrong, without loading weights. Exit 2 when it is a no-go."""
    from finetune.config import TrainConfig
    from ui.lab import Lab
    from ui.preflight_view import run_preflight

    config = TrainConfig(
        rank=rank, alpha=2 * rank, batch_size=batch_size, storage=storage, epochs=epochs, minutes=minutes, dora=dora,
        with_context=with_context,
    )  # fmt: skip
    report = run_preflight(Lab(read_settings()), task, config)
    show(report.as_json, as_json, lambda _: _print_report(report))
    if not report.go:
        raise typer.Exit(2)


def _print_report(report: Preflight) -> None:
    from ui.preflight_view import describe_labelled, list_facts

    for name, value in list_facts(report):
        out.print(f"{name}: {value}", markup=False, highlight=False, soft_wrap=True)
    for name, text in describe_labelled(report).items():
        out.print(f"Learned from {name}: {text}", markup=False, highlight=False, soft_wrap=True)
    for sentence in report.warnings:
        out.print(f"Note: {sentence}", style="yellow", markup=False, highlight=False, soft_wrap=True)
    for sentence in report.problems:
        out.print(f"Problem: {sentence}", style="red", markup=False, highlight=False, soft_wrap=True)
    out.print("GO" if report.go else "NO GO", style="bold")
