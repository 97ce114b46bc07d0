"""The commands about tasks: list, check, baselines, make, import, export, rename, delete, put back."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from core.errors import LabError
from core.settings import read_settings
from ui.cli.console import AsJson, TaskName, err, out, show, show_fields, show_table
from ui.cli.task_report import print_preview, print_report

tasks_app = typer.Typer()


@tasks_app.command()
def tasks(as_json: AsJson = False) -> None:
    """List the tasks."""
    from core.tasks.folders import list_tasks, load_tasks

    settings = read_settings()
    listing = load_tasks(settings)
    rows: list[dict[str, str | int]] = [
        {"name": task.name, "title": task.title, "train": len(task.train), "test": len(task.test)} for task in listing.whole
    ]
    for sentence in listing.damaged:
        name, _, error = sentence.partition(": ")
        rows.append({"name": name, "title": f"unusable: {error}", "train": 0, "test": 0})
    order = [folder.name for folder in list_tasks(settings)]
    rows.sort(key=lambda row: order.index(str(row["name"])))
    show(rows, as_json, lambda value: show_table(value, empty="No task."))


@tasks_app.command()
def check(task: TaskName, as_json: AsJson = False) -> None:
    """Check a task: invalid outputs, duplicates, near copies, documents that hold the exam, lengths. Exit 2 when unusable."""
    from core.evaluation.exam_report import report_exam
    from core.generation.models import find_model
    from core.tasks.check import check_task
    from core.tasks.folders import find_task
    from core.tasks.loading import load_task
    from lab.lab import Lab
    from lab.leaks import read_documents

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
    report = check_task(loaded, tokenizer, *read_documents(Lab(settings), loaded))
    report["exam"] = report_exam(loaded)
    show(report, as_json, lambda value: print_report(value, out))
    if not report["usable"]:
        raise typer.Exit(2)


@tasks_app.command()
def baselines(
    task: TaskName,
    limit: Annotated[int | None, typer.Option(help="Test items, the sample that compare takes.")] = None,
    seed: Annotated[int, typer.Option(help="Random seed.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Mark answers that need no language model: the majority value, the nearest example's, and what fits the task."""
    from lab.judging import mark_baselines
    from lab.lab import Lab

    lab = Lab(read_settings())
    loaded = lab.task(task)
    result = mark_baselines(lab, loaded, limit=limit, seed=seed)
    lines = {
        name: {**marks["means"], **{f"{loaded.primary_metric} on {part}": mean for part, mean in marks["slices"].items()}}
        for name, marks in result.items()
    }
    rows = [
        {"mean of": name, **{answer: round(means[name], 3) for answer, means in lines.items()}}
        for name in next(iter(lines.values()))
    ]
    show(result if as_json else rows, as_json, lambda value: show_table(value, empty=""))


@tasks_app.command("new-task")
def new_task(
    name: Annotated[str, typer.Argument(help="Name of the task: small letters, digits, hyphens.")],
    examples: Annotated[
        list[Path] | None,
        typer.Option(help="CSV, JSON, JSON lines, .xlsx, Parquet, also gzipped, a zip or a folder; may be repeated."),
    ] = None,
    sheet: Annotated[str | None, typer.Option(help="Sheet of a workbook; the first with content by default.")] = None,
    from_hub: Annotated[str | None, typer.Option(help="A data set on the Hub instead of a file.")] = None,
    hub_split: Annotated[str, typer.Option(help="Split of the data set on the Hub.")] = "train",
    documents: Annotated[list[Path] | None, typer.Option(help="A document, or a folder of them; may be repeated.")] = None,
    source: Annotated[str | None, typer.Option("--input", help="Column of the input; guessed by default.")] = None,
    output: Annotated[list[str] | None, typer.Option(help="Column of an output field; may be repeated.")] = None,
    group: Annotated[str | None, typer.Option(help="Column whose values stay on one side of the split.")] = None,
    schema: Annotated[Path | None, typer.Option(help="A JSON Schema of the answer; inferred by default.")] = None,
    title: Annotated[str, typer.Option(help="What people call it.")] = "",
    instruction: Annotated[str, typer.Option(help="What the model is told to do.")] = "",
    licence: Annotated[str, typer.Option(help="Licence of the data.")] = "unknown",
    train: Annotated[int | None, typer.Option(help="At most so many training examples.", min=1)] = None,
    test: Annotated[int | None, typer.Option(help="So many test examples; a fifth by default.", min=1)] = None,
    skip_bad: Annotated[bool, typer.Option(help="Leave bad rows out.")] = False,
    dry_run: Annotated[bool, typer.Option(help="Report and write nothing.")] = False,
    preview: Annotated[
        bool, typer.Option(help="Show five rows as they were understood and one whole prompt, and write nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a task of your own rows: columns are mapped, the schema inferred, the split made, everything reported first."""
    from core.tasks.draft import draft_task
    from core.tasks.records import read_hub, read_records
    from core.tasks.writing import TaskTexts, write_task
    from lab.drafts import choose_columns, default_instruction, describe_draft, read_schema

    if bool(examples) == (from_hub is not None):
        raise LabError("Give either --examples FILE or --from-hub DATASET.")
    settings = read_settings()
    records = read_records(examples, sheet=sheet) if examples else read_hub(str(from_hub), split=hub_split)
    wanted = read_schema(schema) if schema else None
    columns = choose_columns(records, source=source, outputs=output or (), group=group, schema=wanted)
    draft = draft_task(records, columns, schema=wanted, train=train, test=test)
    instruction = instruction or default_instruction(draft)
    dry_run = dry_run or preview
    report = describe_draft(draft, settings, name=name, instruction=instruction, documents=documents or ())
    folder = None
    if not dry_run and (skip_bad or not draft.problems):
        texts = TaskTexts(title or name, instruction, input_label=draft.input_label, licence=licence)
        folder = write_task(draft, settings.folder("tasks"), texts, name=name, documents=documents or ())
    show({**report, "folder": str(folder) if folder else None}, as_json, lambda value: _print_draft(value, preview=preview))
    if draft.problems and not skip_bad and not dry_run:
        raise LabError(
            f"{len(draft.problems)} rows are unusable (first: {draft.problems[0]}), so nothing was written.",
            "Mend them, or leave them out with --skip-bad.",
        )


def _print_draft(report: dict[str, Any], *, preview: bool) -> None:
    if preview:
        print_preview(report, out)
    print_report(report, out)


@tasks_app.command("import")
def import_(
    path: Annotated[Path, typer.Argument(help="A task folder, or a zip of one.")],
    name: Annotated[str | None, typer.Option(help="Another name for it here.")] = None,
    as_json: AsJson = False,
) -> None:
    """Take in a ready task folder or zip."""
    from core.tasks.archive import import_task

    folder = import_task(path, read_settings().folder("tasks"), name=name)
    show({"task": folder.name, "folder": str(folder)}, as_json, show_fields)


@tasks_app.command("export-task")
def export_task_(
    task: TaskName,
    out: Annotated[Path | None, typer.Option(help="The zip to write; TASK.zip here by default.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write a task as one zip that `ragft import` takes in."""
    from core.tasks.archive import export_task
    from core.tasks.folders import find_task

    folder = find_task(task, read_settings())
    target = export_task(folder, out or Path(f"{folder.name}.zip"))
    show({"task": folder.name, "file": str(target)}, as_json, show_fields)


@tasks_app.command("rename-task")
def rename_task_(
    task: TaskName,
    title: Annotated[str, typer.Argument(help="What people call it from now on.")],
    as_json: AsJson = False,
) -> None:
    """Give a task of your own another title; its name, which its adapters and runs know it by, stays."""
    from lab.own_tasks import rename_task

    show({"task": task, "title": rename_task(read_settings(), task, title)}, as_json, show_fields)


@tasks_app.command("delete-task")
def delete_task_(
    task: TaskName,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete a task of your own with its documents and index; `restore-task` puts it back within a day."""
    from lab.own_tasks import delete_task, describe_belongings, find_own, tell_belongings

    settings = read_settings()
    find_own(settings, task, "deleted")
    if not yes:
        if as_json or not sys.stdin.isatty():
            raise LabError(f"Deleting {task} was not confirmed.", "Say --yes where nobody can be asked.")
        for sentence in tell_belongings(describe_belongings(settings, task)):
            err.print(sentence, highlight=False)
        typer.confirm(f"Delete {task}? `ragft restore-task {task}` puts it back within a day.", abort=True, err=True)
    entry = delete_task(settings, task)
    show({"task": entry.task, "deleted": True, "entry": entry.id}, as_json, show_fields)


@tasks_app.command("restore-task")
def restore_task_(
    task: Annotated[str | None, typer.Argument(help="Name of a task that was deleted; without it they are listed.")] = None,
    as_json: AsJson = False,
) -> None:
    """Put back a task that was deleted, as long as it is there: a day."""
    from datetime import UTC, datetime

    from core.tasks.trash import list_trash
    from lab.own_tasks import restore_task

    settings = read_settings()
    if task is None:
        rows = [
            {"task": entry.task, "title": entry.title, "deleted": f"{datetime.fromtimestamp(entry.deleted, UTC):%Y-%m-%d %H:%M} UTC", "entry": entry.id}
            for entry in list_trash(settings).whole
        ]  # fmt: skip
        show(rows, as_json, lambda value: show_table(value, empty="No deleted task."))
        return
    entry = restore_task(settings, task)
    show({"task": entry.task, "title": entry.title, "restored": True}, as_json, show_fields)
