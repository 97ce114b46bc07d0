"""The command line: `ragft`. With `--json` one JSON document goes to stdout; progress and logs go to stderr.

Exit codes: 0 done, 2 something the user or the environment must mend (one sentence), 130 Ctrl-C.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from core.errors import Cancelled, LabError
from core.settings import prepare_libraries, read_settings
from ui.cli.adapters import adapters_app
from ui.cli.comparison import comparison_app
from ui.cli.console import AsJson, err, out, show, show_fields
from ui.cli.cost import cost_app
from ui.cli.jobs import jobs_app, run_job_folder
from ui.cli.ladder import ladder_app
from ui.cli.models import models_app
from ui.cli.options import ModelName, StorageName
from ui.cli.retrieval import retrieval_app
from ui.cli.runs import runs_app
from ui.cli.tasks import tasks_app
from ui.cli.training import training_app
from ui.cli.tuning import tuning_app
from ui.cli.votes import votes_app

INTERRUPTED = 130  # The shell's code for Ctrl-C.
app = typer.Typer(
    help="Retrieve or fine-tune? Compare both on your task, with evidence.", no_args_is_help=True, add_completion=False
)
app.add_typer(models_app, name="models")
app.add_typer(jobs_app, name="jobs")
app.add_typer(adapters_app, name="adapters")
runs_app.add_typer(cost_app)
app.add_typer(runs_app, name="runs")
app.add_typer(votes_app, name="votes")
for group in (tasks_app, training_app, retrieval_app, tuning_app, comparison_app, ladder_app):
    app.add_typer(group)  # Without a name: its commands stand beside these.
app.command("run-job", hidden=True)(run_job_folder)


def main() -> None:
    """Run the command line."""
    run_command(lambda: app(standalone_mode=False))


def run_command(command: Callable[[], int | None]) -> None:
    """Run a command at the edge: errors become a sentence and an exit code, once."""
    prepare_libraries()
    with _translated():
        code = command()  # typer returns the code of its Exit, and 130 for Ctrl-C.
        if code == INTERRUPTED:
            raise KeyboardInterrupt
        sys.exit(code or 0)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except LabError as error:
        err.print(str(error), style="red", markup=False, highlight=False)
        sys.exit(2)
    except (KeyboardInterrupt, Cancelled, typer.Abort):
        err.print("Stopped. What was finished is kept.")
        sys.exit(INTERRUPTED)
    except Exception as error:
        # typer's own usage errors (an unknown option, a missing argument) carry their exit code and sentence.
        if not hasattr(error, "format_message"):
            raise
        err.print(error.format_message(), style="red", markup=False)
        sys.exit(2)


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Say what this machine offers and what is missing."""
    from core.environment import describe_environment
    from core.generation.device import choose_device
    from core.generation.kernels.library import describe_kernel
    from core.generation.models import has_model

    settings = read_settings()
    device = choose_device()
    present = has_model(settings)
    report = {
        "home": str(settings.home),
        "model": settings.model,
        "model_present": present,
        "device": device.name,
        "dtype": device.dtype_name,
        "compiled_step": describe_kernel(),
        **describe_environment(),
    }
    show(report, as_json, show_fields)
    if not present and not as_json:
        out.print("Next: `ragft models fetch`")


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 7860,
    model: ModelName = "",
    storage: StorageName = "",
    mcp: Annotated[bool, typer.Option("--mcp", help="Offer the six endpoints as tools (MCP) too; or set RAGFT_MCP=1.")] = False,
) -> None:
    """Start the web page."""
    from core.settings import offers_tools
    from ui.page.app import launch

    launch(read_settings().at_model(model, storage), host=host, port=port, tools=mcp or offers_tools())
