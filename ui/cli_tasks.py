"""The commands about tasks: list, check, baselines, make, import, export."""

from __future__ import annotations

from typing import Annotated

import typer

from core.errors import LabError
from core.settings import read_settings
from ui.console import AsJson, TaskName, err, show, show_fields, show_table

tasks_app = typer.Typer()


@tasks_app.command()
def tasks(as_json: AsJson = False) -> None:
    """List the tasks."""
    from core.task import list_tasks, load_task

    rows = []
    for folder in list_tasks(read_settings()):
        try:
            task = load_task(folder, lenient=True)
        except LabError as error:
            rows.append({"name": folder.name, "title": f"unusable: {error}", "train": 0, "test": 0})
            continue
        rows.append({"name": task.name, "title": task.title, "train": len(task.train), "test": len(task.test)})
    show(rows, as_json, lambda value: show_table(value, empty="No task."))


@tasks_app.command()
def check(task: TaskName, as_json: AsJson = False) -> None:
    """Check a task: counts, invalid outputs, duplicates, overlap, groups, token lengths. Exit 2 when unusable."""
    from core.check import check_task
    from core.generation.models import find_model
    from core.task import find_task, load_task

    settings = read_settings()
    loaded = load_task(find_task(task, settings), lenient=True)
    tokenizer = None
    try:
        folder = find_model(settings)
    except LabError:
        err.print("Token lengths are left out: no model is here yet (`ragft models fetch`).")
    else:
        from core.generation.loading import load_tokenizer

        tokenizer = load_tokenizer(folder)
    report = check_task(loaded, tokenizer)
    show(report, as_json, show_fields)
    if not report["usable"]:
        raise typer.Exit(2)


@tasks_app.command()
def baselines(
    task: TaskName,
    limit: Annotated[int | None, typer.Option(help="Test items, the sample that compare takes.")] = None,
    seed: Annotated[int, typer.Option(help="Random seed.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Mark two answers that need no language model: the majority value of each field, the nearest example's answer."""
    from ui.lab import Lab

    lab = Lab(read_settings())
    result = lab.measure_baselines(lab.task(task), limit=limit, seed=seed)
    rows = [{"answer": name, **{key: round(value, 3) for key, value in marks.items()}} for name, marks in result.items()]
    show(result if as_json else rows, as_json, lambda value: show_table(value, empty=""))
