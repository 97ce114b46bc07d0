"""The commands about adapters: list, show, select, merge, export, import, delete, push."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from core.errors import LabError
from core.settings import read_settings
from ui.cli.console import AsJson, err, show, show_fields, show_table

adapters_app = typer.Typer(help="The fine-tuned adapters on this machine.", no_args_is_help=True)
AdapterName = Annotated[str, typer.Argument(metavar="ADAPTER", help="An adapter's id: `ragft adapters list`.")]


@adapters_app.command("list")
def list_(task: Annotated[str | None, typer.Option(help="Only those of this task.")] = None, as_json: AsJson = False) -> None:
    """List the adapters, newest first; damaged ones are named."""
    from finetune.adapters.store import check_adapters, read_selected

    settings = read_settings()
    cards = check_adapters(settings)
    for sentence in cards.damaged:
        err.print(sentence, style="yellow", markup=False)
    selected = {adapter for kinds in read_selected(settings).values() for adapter in kinds.values()}
    rows = [
        {
            "adapter": card.id,
            "task": card.task,
            "model": card.model,
            "prompts": card.kind,
            "loss": card.outcome.get("last_loss"),
            "selected": card.id in selected,
        }
        for card in cards.whole
        if task in (None, card.task)
    ]
    show(
        rows,
        as_json,
        lambda value: show_table(
            value, empty="No adapter yet: `ragft train TASK`" if task is None else f"No adapter for {task!r}."
        ),
    )


@adapters_app.command("show")
def show_(adapter: AdapterName, as_json: AsJson = False) -> None:
    """Show an adapter's card, after checking its files."""
    from finetune.adapters.store import load_card
    from finetune.config import SHUFFLED
    from finetune.shuffled_labels import SENTENCE

    loaded = load_card(read_settings(), adapter)
    card = loaded.as_json()
    short = {
        **card,
        **({"note": SENTENCE} if loaded.kind == SHUFFLED else {}),
        "trained_on": f"{len(card['trained_on'])} examples",
        "dropped": len(card["dropped"]),
    }
    show(card if as_json else short, as_json, show_fields)


@adapters_app.command()
def select(
    adapter: AdapterName,
    undo: Annotated[bool, typer.Option("--undo", help="Go back to the newest.")] = False,
    as_json: AsJson = False,
) -> None:
    """Let its task answer with this adapter instead of the newest."""
    from finetune.adapters.store import select_adapter, unselect_adapter

    settings = read_settings()
    if undo:
        if not unselect_adapter(settings, adapter):
            raise LabError(f"The adapter {adapter!r} is not selected.", "See `ragft adapters list`.")
        show({"adapter": adapter, "selected": False}, as_json, show_fields)
        return
    card = select_adapter(settings, adapter)
    show({"adapter": adapter, "task": card.task, "selected": True}, as_json, show_fields)


@adapters_app.command()
def merge(
    adapter: AdapterName,
    output: Annotated[Path | None, typer.Option(help="The folder to write; among the lab's models by default.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write the base model with the adapter merged in, as a model of its own."""
    from finetune.adapters.merging import merge_to_folder

    settings = read_settings()
    folder = merge_to_folder(settings, adapter, output or settings.folder("models") / adapter)
    show({"adapter": adapter, "folder": str(folder), "use": f"RAGFT_MODEL={folder.resolve()}"}, as_json, show_fields)


@adapters_app.command()
def export(
    adapter: AdapterName,
    form: Annotated[
        str,
        typer.Option(
            "--format",
            help="zip (for import), merged (model folder), gguf (merged), gguf-lora, or gguf-base (what gguf-lora goes beside).",
        ),
    ] = "zip",
    output: Annotated[Path | None, typer.Option(help="What to write; named after the adapter, here, by default.")] = None,
    precision: Annotated[str, typer.Option(help="Of a GGUF's matrices: f16 or bf16.")] = "f16",
    as_json: AsJson = False,
) -> None:
    """Write an adapter for other programs: peft, transformers, llama.cpp, Ollama."""
    from finetune.adapters.export import ENDINGS, export_adapter
    from finetune.adapters.store import load_card
    from finetune.config import SHUFFLED
    from finetune.shuffled_labels import SENTENCE

    settings, target = read_settings(), output or Path(f"{adapter}{ENDINGS.get(form, '')}")
    written = export_adapter(settings, adapter, target, form=form, precision=precision)
    result: dict[str, Any] = {"adapter": adapter, "format": form, "file": str(written)}
    if load_card(settings, adapter).kind == SHUFFLED:
        result["note"] = SENTENCE
    if form in {"gguf", "gguf-lora"}:
        lines = [f"FROM ./{adapter}{ENDINGS['gguf-base']}", f"ADAPTER ./{written.name}"]
        result["modelfile"] = "\n".join(lines) if form == "gguf-lora" else f"FROM ./{written.name}"
    show(result, as_json, show_fields)


@adapters_app.command("import")
def import_(
    path: Annotated[Path, typer.Argument(help="A zip of export, or an adapter folder of peft.")],
    task: Annotated[str | None, typer.Option(help="The task it is for; an adapter made here knows its own.")] = None,
    as_json: AsJson = False,
) -> None:
    """Take in an adapter: safetensors alone, and only where it fits a model that is here."""
    from core.tasks.folders import find_task
    from finetune.adapters.importing import import_adapter

    settings = read_settings()
    name = find_task(task, settings).name if task else None
    card = import_adapter(settings, path, task=name)
    show({"adapter": card.id, "task": card.task, "model": card.model}, as_json, show_fields)


@adapters_app.command()
def delete(
    adapter: AdapterName,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete an adapter."""
    from finetune.adapters.store import delete_adapter, find_folder

    settings = read_settings()
    find_folder(settings, adapter)
    if not yes:
        if as_json or not sys.stdin.isatty():
            raise LabError(f"Deleting {adapter} was not confirmed.", "Say --yes where nobody can be asked.")
        typer.confirm(f"Delete {adapter}? It cannot be brought back.", abort=True, err=True)
    delete_adapter(settings, adapter)
    show({"adapter": adapter, "deleted": True}, as_json, show_fields)


@adapters_app.command()
def push(
    adapter: AdapterName,
    repository: Annotated[str, typer.Argument(metavar="OWNER/NAME", help="A repository on the Hub; made if absent.")],
    public: Annotated[bool, typer.Option("--public", help="Let everybody see it.")] = False,
    as_json: AsJson = False,
) -> None:
    """Upload an adapter with its model card to the Hub; the token comes from HF_TOKEN or `hf auth login`."""
    from finetune.adapters.hub import push_adapter

    address = push_adapter(read_settings(), adapter, repository, public=public)
    show({"adapter": adapter, "address": address}, as_json, show_fields)
