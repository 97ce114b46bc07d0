"""The commands about long work: list, show, watch, cancel, resume."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from core.errors import LabError
from core.settings import read_settings
from ui.cli.console import AsJson, Bars, show, show_fields, show_table, warn_of

jobs_app = typer.Typer(help="Long work: list, show, watch, cancel, resume.", no_args_is_help=True)
Stay = Annotated[bool, typer.Option("--watch/--no-watch", help="Follow it until it ends.")]


@jobs_app.command("list")
def jobs_list(as_json: AsJson = False) -> None:
    """List the jobs, newest first; damaged ones are named."""
    from core.jobs import list_statuses

    listing = list_statuses(read_settings())
    warn_of(listing.damaged)
    rows = [
        {"job": folder.name, "state": status.state, "step": f"{status.step}/{status.total}", "message": status.message}
        for folder, status in listing.whole
    ]
    show(rows, as_json, lambda value: show_table(value, empty="No job yet."))


@jobs_app.command("show")
def jobs_show(job_id: str, as_json: AsJson = False) -> None:
    """Show a job's status, the command that does the same, and what it reported last."""
    from core.jobs import find_job, read_config, read_events, read_status
    from ui.command import describe_job

    folder = find_job(read_settings(), job_id)
    config = read_config(folder)
    result = {
        **read_status(folder).as_json(),
        "command": describe_job(config),
        "request": dict(config.request),
        "events": read_events(folder),
    }
    show(result, as_json, lambda value: show_fields({**value, "events": f"{len(value['events'])} (see --json)"}))


@jobs_app.command("watch")
def jobs_watch(job_id: str, as_json: AsJson = False) -> None:
    """Follow a job until it ends; Ctrl-C only stops watching."""
    from core.jobs import find_job

    _follow(find_job(read_settings(), job_id), as_json)


@jobs_app.command("cancel")
def jobs_cancel(job_id: str, as_json: AsJson = False) -> None:
    """Stop a job: at its next step, else by force. What a training learned so far is kept, and it can be resumed."""
    from core.jobs import cancel_job, find_job

    show(cancel_job(find_job(read_settings(), job_id)).as_json(), as_json, show_fields)


@jobs_app.command("resume")
def jobs_resume(job_id: str, watch: Stay = True, as_json: AsJson = False) -> None:
    """Go on with a job that was cancelled or died; a training continues from its newest state, to the same result."""
    from core.jobs import find_job, resume_job
    from ui.command import RUNNER

    settings = read_settings()
    folder = find_job(settings, job_id)
    resume_job(settings, folder, runner=RUNNER)
    if watch:
        _follow(folder, as_json)
    else:
        show({"job": folder.name, "state": "starting"}, as_json, show_fields)


def _follow(folder: Path, as_json: bool) -> None:
    from ui.cli.watch import follow_job

    status = follow_job(folder)
    shown = ("state", "step", "total", "message")
    show(status.as_json(), as_json, lambda value: show_fields({key: value[key] for key in shown}))
    if status.state == "failed":
        raise LabError(f"The job {folder.name} failed: {status.message}", f"Mend it, then: `ragft jobs resume {folder.name}`.")


def run_job_folder(folder: Path) -> None:
    """Carry out the job of a folder in this process, as `ui.command.RUNNER` starts it."""
    from lab.jobs import run_job
    from lab.lab import Lab

    run_job(Lab(read_settings()), folder, watch=Bars)
