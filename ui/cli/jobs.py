"""The commands about long work: list, show, watch, cancel, resume."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from core.errors import LabError
from core.settings import read_settings
from ui.cli.console import AsJson, show, show_fields, show_table

jobs_app = typer.Typer(help="Long work: list, show, watch, cancel, resume.", no_args_is_help=True)
Stay = Annotated[bool, typer.Option("--watch/--no-watch", help="Follow it until it ends.")]


@jobs_app.command("list")
def jobs_list(as_json: AsJson = False) -> None:
    """List the jobs, newest first."""
    from core.jobs import list_jobs, read_status

    rows = []
    for folder in list_jobs(read_settings()):
        status = read_status(folder)
        rows.append(
            {"job": folder.name, "state": status.state, "step": f"{status.step}/{status.total}", "message": status.message}
        )
    show(rows, as_json, lambda value: show_table(value, empty="No job yet."))


@jobs_app.command("show")
def jobs_show(job_id: str, as_json: AsJson = False) -> None:
    """Show a job's status, its command, and what it reported last."""
    from dataclasses import asdict

    from core.jobs import CONFIG, find_job, read_events, read_status
    from core.storage import read_json

    folder = find_job(read_settings(), job_id)
    result = {**asdict(read_status(folder)), "command": read_json(folder / CONFIG)["command"], "events": read_events(folder)}
    show(result, as_json, lambda value: show_fields({**value, "events": f"{len(value['events'])} (see --json)"}))


@jobs_app.command("watch")
def jobs_watch(job_id: str, as_json: AsJson = False) -> None:
    """Follow a job until it ends; Ctrl-C only stops watching."""
    from core.jobs import find_job

    _follow(find_job(read_settings(), job_id), as_json)


@jobs_app.command("cancel")
def jobs_cancel(job_id: str, as_json: AsJson = False) -> None:
    """Stop a job: at its next step, else by force. What a training learned so far is kept, and it can be resumed."""
    from dataclasses import asdict

    from core.jobs import cancel_job, find_job

    show(asdict(cancel_job(find_job(read_settings(), job_id))), as_json, show_fields)


@jobs_app.command("resume")
def jobs_resume(job_id: str, watch: Stay = True, as_json: AsJson = False) -> None:
    """Go on with a job that was cancelled or died; a training continues from its newest state, to the same result."""
    from core.jobs import find_job, resume_job

    settings = read_settings()
    folder = find_job(settings, job_id)
    resume_job(settings, folder)
    if watch:
        _follow(folder, as_json)
    else:
        show({"job": folder.name, "state": "starting"}, as_json, show_fields)


def _follow(folder: Any, as_json: bool) -> None:
    from dataclasses import asdict

    from lab.training.jobs import follow_job

    status = follow_job(folder)
    show(asdict(status), as_json, lambda value: show_fields({key: value[key] for key in ("state", "step", "total", "message")}))
    if status.state == "failed":
        raise LabError(f"The job {folder.name} failed: {status.message}", f"Mend it, then: `ragft jobs resume {folder.name}`.")
