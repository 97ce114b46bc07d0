"""The commands about models: list, show, fetch, import, measure, remove."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.errors import LabError
from core.settings import STORAGES, read_settings
from core.units import format_size
from ui.cli.console import AsJson, err, out, show, show_fields, show_table
from ui.cli.options import StorageName

if TYPE_CHECKING:
    from lab.models import ModelFacts

models_app = typer.Typer(help="The models on this machine.", no_args_is_help=True)
Installed = Annotated[str, typer.Argument(help="A name that `ragft models list` shows.")]


def _notify(text: str) -> None:
    err.print(text, markup=False, highlight=False, soft_wrap=True)


@models_app.command("fetch")
def models_fetch(
    name: Annotated[str | None, typer.Argument(help="A name on the Hub.")] = None,
    revision: Annotated[
        str, typer.Option(help="A commit, branch or tag on the Hub; the model is then NAME@REVISION here.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Make a model available; does nothing when it already is."""
    from core.generation.models import fetch_model

    settings = read_settings()
    wanted = (name or settings.model) + (f"@{revision}" if revision else "")
    folder = fetch_model(settings, wanted, notify=_notify)
    show({"model": wanted, "folder": str(folder)}, as_json, show_fields)


@models_app.command("import")
def models_import(
    source: Annotated[Path, typer.Argument(help="A GGUF file, or a folder with config.json and *.safetensors.")],
    name: Annotated[str, typer.Option(help="What it is called here; by default as the file or folder.")] = "",
    link: Annotated[bool, typer.Option("--link", help="Leave a folder where it is and link to it, instead of a copy.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make a file or folder a model of this machine: a GGUF is converted once, a folder copied or linked."""
    from core.generation.model_import import import_model

    made = import_model(read_settings(), source, name=name, link=link, notify=_notify)
    if as_json:
        show({"model": made.name, "folder": str(made.folder), "notes": list(made.notes)}, as_json, show_fields)
        return
    for note in made.notes:
        out.print(note, markup=False, highlight=False, soft_wrap=True)
    show_fields({"model": made.name, "folder": str(made.folder), "use": f"--model {made.name}"})


@models_app.command("list")
def models_list(as_json: AsJson = False) -> None:
    """List the models on this machine with what they take; speeds where they were measured (`ragft models measure`)."""
    from lab.models import list_models

    found = list_models(read_settings())
    if as_json:
        show([asdict(facts) for facts in found], as_json, show_fields)
        return
    show_table([_shorten(facts) for facts in found], empty="No model yet: `ragft models fetch`")
    for facts in found:
        if facts.problem:
            err.print(f"{facts.name}: {facts.problem}", style="yellow", markup=False, highlight=False, soft_wrap=True)


@models_app.command("show")
def models_show(name: Installed, as_json: AsJson = False) -> None:
    """Show all that is known of a model, and what was made with it."""
    from lab.models import describe_model, find_needed

    settings = read_settings()
    facts, needed = describe_model(settings, name), find_needed(settings, name)
    if as_json:
        show({**asdict(facts), "needed": asdict(needed)}, as_json, show_fields)
        return
    show_fields({**_shorten(facts), "problem": facts.problem or "none", "linked to": facts.linked or "no other folder"})
    if facts.origin is not None:
        revision = f" at {facts.origin.revision}" if facts.origin.revision else ""
        show_fields({"from": f"{facts.origin.source}{revision} ({facts.origin.kind})", "done": " ".join(facts.origin.notes)})
    for storage, speed in facts.speeds.items():
        machine = f"{speed.machine.get('processor')}, {speed.machine.get('cores')} cores, {speed.date}"
        text = f"{speed.tokens_per_second:g} tokens/s, {speed.memory_mib:.0f} MiB, on {machine}"
        show_fields({f"measured with {STORAGES.get(storage, storage)}": text})
    show_fields({"adapters": ", ".join(needed.adapters) or "none", "runs": ", ".join(needed.runs) or "none"})


@models_app.command("measure")
def models_measure(name: Installed, storage: StorageName = "", as_json: AsJson = False) -> None:
    """Let a model write one short answer alone, and keep how fast it was, with the machine."""
    from lab.lab import Lab
    from lab.models import measure_speed

    speed = measure_speed(Lab(read_settings()), name, storage=storage)
    short = {"tokens/s": speed.tokens_per_second, "tokens": speed.tokens, "memory": f"{speed.memory_mib:.0f} MiB"}
    show(asdict(speed) if as_json else short, as_json, show_fields)


@models_app.command("remove")
def models_remove(
    name: Installed,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Remove the default model, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove a model from this machine; what was made with it is named first, and stays."""
    from lab.models import find_needed, list_names, remove_model

    settings = read_settings()
    if name in list_names(settings):
        needed = find_needed(settings, name)
        for kind, ids in (("adapters", needed.adapters), ("runs", needed.runs)):
            if ids:
                _notify(f"{len(ids)} {kind} were made with it and need it: {', '.join(ids)}")
        if not yes and not typer.confirm(f"Remove the model {name}?", err=True):
            raise LabError("Nothing was removed.")
    size = remove_model(settings, name, force=force)
    show({"model": name, "freed": size if as_json else format_size(size)}, as_json, show_fields)


def _shorten(facts: ModelFacts) -> dict[str, Any]:
    """Return the facts as a line for people; what is not known says so."""
    speeds = ", ".join(f"{speed.tokens_per_second:g} ({storage})" for storage, speed in facts.speeds.items())
    measured = [speed.memory_mib for storage, speed in facts.speeds.items() if storage == "nf4"]
    answers = f"{measured[0]:.0f} MiB, measured" if measured else f"about {format_size(facts.answers)}"
    unknown = bool(facts.problem)
    return {
        "model": f"{facts.name} (default)" if facts.bundled else facts.name,
        "parameters": "unknown" if unknown else f"{facts.parameters / 1e6:,.0f} M",
        "disk": f"{format_size(facts.disk)}{', linked' if facts.linked else ''}",
        "memory to answer": "unknown" if unknown else answers,
        "to train": "unknown" if unknown else f"about {format_size(facts.trains)}",
        "licence": facts.licence,
        "architecture": facts.architecture or "unknown",
        "context": f"{facts.context:,}" if facts.context else "unknown",
        "tokens/s": speeds or "not measured",
    }
