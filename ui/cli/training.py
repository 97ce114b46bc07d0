"""The commands about a training before it starts: what it takes, and at which learning rate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.errors import LabError
from core.settings import read_settings
from ui.cli.console import AsJson, Bars, TaskName, out, run_as_job, show, show_fields, show_table

if TYPE_CHECKING:
    from finetune.plan.preflight import Preflight

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
    holdout: Annotated[int, typer.Option(help="Training examples kept out to choose the best adapter.")] = 16,
    seed: Annotated[int, typer.Option(help="Random seed: which examples are kept out.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Say what a training would learn, what it costs and what is wrong, without loading weights. Exit 2 when it is a no-go."""
    from finetune.config import TrainConfig, default_alpha
    from lab.lab import Lab
    from lab.training.preflight import run_preflight

    config = TrainConfig(
        rank=rank, alpha=default_alpha(rank), batch_size=batch_size, storage=storage, epochs=epochs, minutes=minutes,
        dora=dora, with_context=with_context, holdout=holdout, seed=seed,
    )  # fmt: skip
    report = run_preflight(Lab(read_settings()), task, config)
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
def probe_lr(
    task: TaskName,
    rates: Annotated[str | None, typer.Option(help="Comma-separated; by default those for the model's size.")] = None,
    rank: Annotated[int, typer.Option(help="LoRA rank r.")] = 16,
    alpha: Annotated[int | None, typer.Option(help="LoRA alpha; 2r by default, with rsLoRA r.")] = None,
    batch_size: Annotated[int, typer.Option(help="Examples a step.")] = 8,
    storage: Annotated[str, typer.Option(help="Frozen weights: nf4 (QLoRA), int8 or full.")] = "nf4",
    epochs: Annotated[float, typer.Option(help="Passes of the planned training; a tenth of its steps is probed.")] = 3.0,
    rslora: Annotated[bool, typer.Option(help="Scale by alpha / sqrt(r).")] = False,
    dora: Annotated[bool, typer.Option(help="Learn each row's magnitude apart (DoRA).")] = False,
    with_context: Annotated[bool, typer.Option(help="Show retrieved passages in training: for the hybrid.")] = False,
    holdout: Annotated[int, typer.Option(help="Training examples that the training will keep out.")] = 16,
    seed: Annotated[int, typer.Option(help="Random seed.")] = 0,
    as_json: AsJson = False,
    job: Annotated[Path | None, typer.Option("--job", hidden=True)] = None,
) -> None:
    """Begin the training with a few learning rates and suggest the one that learns fastest."""
    from finetune.config import TrainConfig, default_alpha
    from lab.lab import Lab
    from lab.training.probe import run_probe

    lab = Lab(read_settings())
    config = TrainConfig(
        rank=rank, alpha=default_alpha(rank, rslora=rslora) if alpha is None else alpha, batch_size=batch_size,
        storage=storage, epochs=epochs, rslora=rslora, dora=dora, with_context=with_context, holdout=holdout, seed=seed,
    )  # fmt: skip
    chosen = _read_rates(rates) if rates else None

    def work(bars: Bars) -> dict[str, Any]:
        return run_probe(lab, lab.task(task), config, chosen, bars)

    show(run_as_job(lab.settings, job, work, done="The learning rates are compared."), as_json, _print_probe)


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
