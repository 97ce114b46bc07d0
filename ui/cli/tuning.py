"""The command that tunes what a task's prompts show."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.text import Text

from core.settings import read_settings
from ui.cli.comparison import DecodingMode
from ui.cli.console import AsJson, Bars, TaskName, err, out, show, show_table
from ui.cli.options import ModelName

tuning_app = typer.Typer()


@tuning_app.command()
def tune(
    task: TaskName,
    minutes: Annotated[float, typer.Option(help="Of trying; then it stops with what is chosen so far.")] = 10.0,
    seed: Annotated[int, typer.Option(help="Of the choice of rows.", min=0)] = 0,
    batch_size: Annotated[int, typer.Option(help="Answers decoded together.", min=1)] = 16,
    mode: DecodingMode = "free",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Leave the task as it is.")] = False,
    model: ModelName = "",
    as_json: AsJson = False,
) -> None:
    """Choose passages, examples and the threshold of evidence on a fifth of the training groups, and write them into the task."""
    from lab.lab import Lab
    from lab.requests import TuneRequest
    from lab.tuning import tune_task

    request = TuneRequest(task, minutes=minutes, seed=seed, batch_size=batch_size, mode=mode, dry_run=dry_run, model=model)
    with Bars() as bars:
        result = tune_task(Lab(read_settings()), request, bars).as_json()
    show(result, as_json, _print_tuning)


def _print_tuning(result: dict[str, Any]) -> None:
    about = result["about"]
    out.print(Text(f"Tuned on {about['fold']}, by {about['metric']} of the approaches without an adapter:"), soft_wrap=True)
    rows = [
        {
            "": "→" if trial["chosen"] else "",
            "setting": trial["setting"],
            "value": _show(trial["value"]),
            "approach": trial["arm"],
            "mean (95 %)": f"{trial['mean']:.3f} ({trial['low']:.2f} to {trial['high']:.2f})",
            "items": trial["items"],
            "seconds": f"{trial['seconds']:.0f}",
        }
        for trial in result["tried"]
    ]
    show_table(rows, empty="Nothing.")
    for sentence in result["not_tried"]:
        err.print(f"Not tried: {sentence}", style="yellow", markup=False, highlight=False, soft_wrap=True)
    changed = ", ".join(f"{name} = {_show(result['chosen'][name])}" for name in result["changed"])
    out.print(Text(f"Changed: {changed or 'nothing, for no value leads the present one clear of chance'}."), soft_wrap=True)
    if result["written"]:
        out.print(Text(f"Written into {result['written']}."), soft_wrap=True)
    for note in result["notes"]:
        err.print(note, markup=False, highlight=False, soft_wrap=True)


def _show(value: Any) -> str:
    return "none" if value is None else ", ".join(value) if isinstance(value, list) else str(value)
