"""The commands about models: fetch, list."""

from __future__ import annotations

from typing import Annotated

import typer

from core.settings import read_settings
from ui.cli.console import AsJson, err, show, show_fields, show_table

models_app = typer.Typer(help="The models on this machine.", no_args_is_help=True)


@models_app.command("fetch")
def models_fetch(
    name: Annotated[str | None, typer.Argument(help="A name on the Hub.")] = None, as_json: AsJson = False
) -> None:
    """Make a model available; does nothing when it already is."""
    from core.generation.models import fetch_model

    settings = read_settings()
    folder = fetch_model(settings, name, notify=lambda text: err.print(text, markup=False))
    show({"model": name or settings.model, "folder": str(folder)}, as_json, show_fields)


@models_app.command("list")
def models_list(as_json: AsJson = False) -> None:
    """List the models on this machine."""
    settings = read_settings()
    rows = [
        {"model": path.parent.name, "mib": round(sum(f.stat().st_size for f in path.parent.rglob("*") if f.is_file()) / 2**20)}
        for path in sorted(settings.folder("models").glob("*/config.json"))
    ]
    show(rows, as_json, lambda value: show_table(value, empty="No model yet: `ragft models fetch`"))
