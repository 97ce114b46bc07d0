"""The commands about stored comparisons: list, show, name, note, pin, diff, rerun, export, push, gate."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from core.errors import LabError
from core.settings import read_settings
from core.units import format_size
from ui.cli.console import AsJson, Bars, err, out, show, warn_of

if TYPE_CHECKING:
    from lab.lab import Lab
    from lab.unfinished import Unfinished

DIFFERENT = 1  # Exit code of a rerun whose answers are not the same.
RunId = Annotated[str, typer.Argument(metavar="RUN", help="A run's id: `ragft runs list`.")]
TaskFilter = Annotated[str | None, typer.Option("--task", help="Only the runs of this task.")]


class RunsGroup(TyperGroup):
    """A group in which the id of a run stands for `show`: `ragft runs ID` shows it."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that words name; the first of them is a run's id where it is no command."""
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            args = ["show", *args, *(["--json"] if ctx.params.get("as_json") and "--json" not in args else [])]
        return super().resolve_command(ctx, args)


runs_app = typer.Typer(
    cls=RunsGroup,
    invoke_without_command=True,
    help="Stored comparisons: list, show, name, note, pin, diff, rerun, export, push, gate. `ragft runs ID` shows one.",
)


@runs_app.callback()
def runs(
    ctx: typer.Context,
    forget_answers: Annotated[
        bool, typer.Option("--forget-answers", help="Remove the answers kept for comparisons to come; runs stay.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the stored comparisons where no command is named."""
    if forget_answers:
        from lab.kept_answers import forget_all

        gone = forget_all(read_settings())
        show({"forgotten_bytes": gone}, as_json, lambda _: out.print(f"{format_size(gone)} of kept answers are gone."))
        raise typer.Exit
    if ctx.invoked_subcommand is None:
        list_(as_json=as_json)


@runs_app.command("list")
def list_(task: TaskFilter = None, as_json: AsJson = False) -> None:
    """List the runs by task, the newest first, and the comparisons that were begun and not finished."""
    from lab.runs import list_entries
    from lab.unfinished import list_unfinished
    from ui.cli.run_tables import print_entries

    settings = read_settings()
    listing, unfinished = list_entries(settings, task=task), list_unfinished(settings, task=task)
    warn_of([*listing.damaged, *unfinished.damaged])
    begun = [{**one.as_json(), "status": "unfinished", "command": _write_resume(one)} for one in unfinished.whole]
    whole = [{**entry.as_json(), "run": entry.id, "state": entry.verdict, "verdict": entry.sentence} for entry in listing.whole]

    def draw(_: Any) -> None:
        if not listing.whole:
            out.print("No run yet: `ragft compare TASK`" if task is None else f"No run of {task!r}.")
        print_entries(listing.whole, out)
        for one in unfinished.whole:
            err.print(_describe_unfinished(one), style="yellow", markup=False, highlight=False, soft_wrap=True)

    show([*whole, *begun], as_json, draw)


def _describe_unfinished(one: Unfinished) -> str:
    """Return a sentence about a comparison without an end, with the command that goes on."""
    from core.comparison.arms import find_title
    from lab.run_names import write_day

    items = f" on {one.items} items" if one.items is not None else ""
    what = f"Unfinished: {one.task or 'a comparison'}, {', '.join(map(find_title, one.arms))}{items}"
    command = _write_resume(one)
    if not command:
        return f"{what} ({one.state}, {write_day(one.since, clock=True)}). An older version did not keep how it was asked for."
    return f"{what} ({one.state}, {write_day(one.since, clock=True)}). Go on: `{command}`"


def _write_resume(one: Unfinished) -> str:
    """Return the command that goes on with a comparison; empty where nothing says how it was asked for."""
    from dataclasses import replace

    from ui.command import write_command

    if one.job is not None:
        return f"ragft jobs {'resume' if one.state in {'stopped', 'failed'} else 'watch'} {one.job}"
    return shlex.join(write_command(replace(one.request, fresh=False))) if one.request is not None else ""


@runs_app.command("show")
def show_(run: RunId, as_json: AsJson = False) -> None:
    """Show a run: its tables, its verdict, its note."""
    from core.comparison.runs import find_report, load_run
    from lab.run_names import find_pinned, name_run, read_label
    from ui.cli.tables import print_comparison

    settings = read_settings()
    loaded, label = load_run(settings, run), read_label(settings, run)
    about = {"name": name_run(loaded, label), "note": label.note, "pinned": find_pinned(settings, loaded.task) == run}

    def draw(_: Any) -> None:
        print_comparison({"run_id": loaded.id, "report": str(find_report(settings, run)), **loaded.summary}, out)
        out.print(f"Run: {about['name']}{' (pinned)' if about['pinned'] else ''}", soft_wrap=True)
        if label.note:
            out.print(f"Note: {label.note}", soft_wrap=True)

    show({**loaded.as_json(), **about}, as_json, draw)


@runs_app.command("name")
def name_(
    run: RunId,
    name: Annotated[str, typer.Argument(help="In your own words; '' gives back the usual name.")],
    as_json: AsJson = False,
) -> None:
    """Call a run something else."""
    from core.comparison.runs import load_run
    from lab.run_names import name_run, rename_run

    settings = read_settings()
    label = rename_run(settings, run, name)
    called = name_run(load_run(settings, run), label)
    show({"run": run, "name": called}, as_json, lambda _: out.print(f"{run} is called: {called}", soft_wrap=True))


@runs_app.command("note")
def note_(
    run: RunId,
    text: Annotated[str | None, typer.Argument(help="Replaces the note; '' removes it. Left out, it is shown.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write a note beside a run, or show it."""
    from core.comparison.runs import load_run
    from lab.run_names import note_run, read_label

    settings = read_settings()
    if text is None:
        load_run(settings, run)
        note = read_label(settings, run).note
        said = note or "There is no note."
    else:
        note = note_run(settings, run, text).note
        said = "The note is kept." if note else "The note is gone."
    show({"run": run, "note": note}, as_json, lambda _: out.print(said, soft_wrap=True))


@runs_app.command("pin")
def pin(
    run: RunId, remove: Annotated[bool, typer.Option("--remove", help="Unpin it.")] = False, as_json: AsJson = False
) -> None:
    """Make a run the one that other runs of its task are measured against."""
    from core.comparison.runs import load_run
    from lab.run_names import find_pinned, pin_run, unpin_run

    settings = read_settings()
    if remove:
        task = load_run(settings, run).task
        if find_pinned(settings, task) != run:
            raise LabError(f"The run {run} is not pinned.", "See `ragft runs list`.")
        unpin_run(settings, task)
        said = f"No run of {task} is pinned now."
    else:
        task = pin_run(settings, run).task
        said = f"{run} is the baseline of {task} now."
    about = {"task": task, "pinned": None if remove else run}
    show(about, as_json, lambda _: out.print(said, soft_wrap=True))


@runs_app.command("diff")
def diff(
    first: Annotated[str, typer.Argument(metavar="FIRST", help="The run that is measured against.")],
    second: Annotated[str, typer.Argument(metavar="SECOND", help="The other.")],
    metric: Annotated[str | None, typer.Option(help="A mark; by default the primary metric.")] = None,
    as_json: AsJson = False,
) -> None:
    """Put two runs side by side: settings that differ, items that flipped, paired differences."""
    from lab.run_gate import diff_runs
    from ui.cli.run_tables import print_difference

    found = diff_runs(_open_lab(), first, second, metric=metric)
    show(found.as_json(), as_json, lambda _: print_difference(found, out))


@runs_app.command("rerun")
def rerun_(run: RunId, as_json: AsJson = False) -> None:
    """Ask the same again, everything anew, and compare every answer; exit code 1 where one differs."""
    from lab.rerun import rerun

    with Bars() as bars:
        found = rerun(_open_lab(), run, bars)

    def draw(_: Any) -> None:
        warn_of(found.notes)
        out.print(found.describe(), soft_wrap=True)
        out.print(f"The new run: {found.again}", soft_wrap=True)

    show({**found.as_json(), "sentence": found.describe()}, as_json, draw)
    if not found.identical:
        raise typer.Exit(DIFFERENT)


@runs_app.command("export")
def export(
    run: RunId,
    file: Annotated[Path, typer.Argument(help="Where to write; its suffix says the form.")],
    form: Annotated[str | None, typer.Option("--format", help="html, json, csv, md or junit.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a file that is there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write a run into a file: report, spreadsheet, test report, Markdown or JSON."""
    from lab.run_export import export_run

    written, remark = export_run(_open_lab(), run, file, form=form, force=force)
    warn_of([remark] if remark else [])
    show(
        {"file": str(file), "format": written, "note": remark},
        as_json,
        lambda _: out.print(f"{run} is written to {file} ({written}).", soft_wrap=True),
    )


@runs_app.command("push")
def push(
    run: RunId,
    repository: Annotated[str, typer.Option("--repo", metavar="OWNER/NAME", help="A data set on the Hub; made if absent.")],
    public: Annotated[
        bool, typer.Option("--public", help="Let everybody see it; answers hold passages of the documents.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Upload a finished run to the Hub, into a folder of its own; the token comes from HF_TOKEN or `hf auth login`."""
    from lab.run_hub import push_run

    address = push_run(read_settings(), run, repository, public=public)
    show({"run": run, "address": address}, as_json, lambda _: out.print(f"{run} lies in {address}", soft_wrap=True))


@runs_app.command("gate")
def gate(
    run: RunId,
    baseline: Annotated[str | None, typer.Option(help="The run to measure against; by default the pinned one.")] = None,
    margin: Annotated[float | None, typer.Option(help="By how much marks may be worse; by default the task's margin.")] = None,
    arm: Annotated[list[str] | None, typer.Option(help="An approach that counts, may be repeated; by default all.")] = None,
    metric: Annotated[str | None, typer.Option(help="A mark, schema_valid or json_valid; by default the primary one.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say whether a run may follow its baseline: exit code 0 yes, 1 it is worse, 3 more items would tell."""
    from lab.run_gate import gate_run
    from ui.cli.run_tables import print_gate

    found = gate_run(_open_lab(), run, baseline=baseline, margin=margin, arms=tuple(arm or ()), metric=metric)
    show(found.as_json(), as_json, lambda _: print_gate(found, out))
    raise typer.Exit(found.exit_code)


def _open_lab() -> Lab:
    from lab.lab import Lab

    return Lab(read_settings())
