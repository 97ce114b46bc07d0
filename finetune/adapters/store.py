"""The adapters on this machine: written whole, named by a card, chosen by task and base weights."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.errors import LabError
from core.generation.adapter import CARD
from core.generation.loading import hash_weights
from core.generation.models import find_model
from core.generation.origin import read_licence
from core.settings import DEFAULT_MODEL, Settings
from core.storage import MANIFEST, cannot_write, child, new_folder, read_json, verify_folder, write_json
from core.stored import Listing, read_each
from finetune.adapters.card import AdapterCard, date_adapter, read_card

SELECTED = "selected.json"  # Beside the adapters' folders: the adapter that each task uses, by kind.
LICENCES = {DEFAULT_MODEL: "Apache-2.0"}  # Of bases whose folder states none.


def new_adapter_id(task: str) -> str:
    """Return an id that sorts by time and names the task."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{task}-{secrets.token_hex(2)}"


def find_licence(model: Path) -> str:
    """Return the licence of a base model as its folder or our sources state it, else `unknown`."""
    readme = model / "README.md"
    stated = None
    if readme.is_file():
        front = readme.read_text(encoding="utf-8", errors="replace").split("\n---", 1)[0]
        stated = re.search(r"^license:\s*(\S+)\s*$", front, re.MULTILINE)
    return stated.group(1) if stated else read_licence(model) or LICENCES.get(model.name, "unknown")


def save_adapter(settings: Settings, model: Any, card: AdapterCard) -> Path:
    """Store the adapter of a peft model as safetensors, with its card; returns its folder."""
    folder = settings.folder("adapters") / card.id
    with new_folder(folder) as temporary:
        model.save_pretrained(temporary, safe_serialization=True)
        write_json(temporary / CARD, card.as_json())
    return folder


def list_cards(settings: Settings, *, task: str | None = None) -> Listing[AdapterCard]:
    """Read the cards of all adapters, newest first, and name the damaged ones; files beside the card are not looked at.

    Whose a damaged one is cannot be read, so it is named for every task.
    """
    cards = read_each(_list_folders(settings), read_card)
    return replace(cards, whole=_sort(card for card in cards.whole if task in (None, card.task)))


def list_adapters(settings: Settings, *, task: str | None = None) -> list[AdapterCard]:
    """Return the cards of all readable adapters, newest first; choosing a damaged one by its id names the damage."""
    return list_cards(settings, task=task).whole


def check_adapters(settings: Settings) -> Listing[AdapterCard]:
    """Check every file of every adapter; returns the cards of the whole ones, newest first, and names the others."""
    cards = read_each(_list_folders(settings), lambda folder: load_card(settings, folder.name))
    return replace(cards, whole=_sort(cards.whole))


def _list_folders(settings: Settings) -> list[Path]:
    return sorted((folder for place in settings.places("adapters") for folder in place.glob("[!.]*/")), reverse=True)


def _sort(cards: Iterable[AdapterCard]) -> list[AdapterCard]:
    """Return cards, newest first."""
    return sorted(cards, key=date_adapter, reverse=True)


def load_card(settings: Settings, adapter: str) -> AdapterCard:
    """Read an adapter's card after checking that nothing of it was changed.

    Raises:
        LabError: There is no such adapter, or it is damaged.
    """
    folder = find_folder(settings, adapter)
    verify_folder(folder, remedy=f"Delete it: `ragft adapters delete {adapter}`; the others are not affected.")
    return read_card(folder)


def is_name(text: str) -> bool:
    """Say whether a text can name one adapter's folder, which is no other place and not the file of the selection."""
    try:
        child(Path(), text, what="adapter")
    except LabError:
        return False
    return text != SELECTED


def find_folder(settings: Settings, adapter: str) -> Path:
    """Return the folder of an adapter; a name that leads elsewhere is no adapter's.

    Raises:
        LabError: There is no such adapter.
    """
    remedy = "See `ragft adapters list`; `ragft train TASK` makes one."
    for place in settings.places("adapters"):
        folder = child(place, adapter, what="adapter", remedy=remedy)
        if folder.is_dir() and not folder.is_symlink():
            return folder
    raise LabError(f"There is no adapter {adapter!r}.", remedy)


def find_base(settings: Settings, weights: str) -> Path:
    """Return the folder of the model whose weights have this hash: the chosen model, or another on this machine.

    Raises:
        LabError: No such model is here.
    """
    seen = []
    chosen = [find_model(settings)] if _is_here(settings) else []
    for folder in (*chosen, *(path.parent for path in sorted(settings.folder("models").glob(f"[!.]*/{MANIFEST}")))):
        own_weights = hash_weights(folder)
        if own_weights == weights:
            return folder
        seen.append(f"{folder.name} ({own_weights[:12]})")
    raise LabError(
        f"The adapter was trained on weights {weights[:12]}, and no model here has them: {', '.join(seen) or 'there is none'}.",
        "Set RAGFT_MODEL to the model it was trained on.",
    )


def _is_here(settings: Settings) -> bool:
    try:
        find_model(settings)
    except LabError:
        return False
    return True


def read_selected(settings: Settings) -> dict[str, dict[str, str]]:
    """Return the selected adapter's id by task and kind (`finetune.config.PROMPTS`).

    Raises:
        LabError: The file is damaged.
    """
    from pydantic import TypeAdapter, ValidationError

    path = settings.folder("adapters") / SELECTED
    if not path.is_file():
        return {}
    try:
        return TypeAdapter(dict[str, dict[str, str]]).validate_python(read_json(path), strict=True)
    except ValidationError as error:
        raise LabError(f"{path} does not say which adapter each task uses.", "Delete it: the newest are used then.") from error


def find_selected(settings: Settings, task: str) -> set[str]:
    """Return the ids selected for a task.

    Raises:
        LabError: One of them is gone.
    """
    chosen = set(read_selected(settings).get(task, {}).values())
    for adapter in sorted(chosen):
        try:
            find_folder(settings, adapter)
        except LabError as error:
            raise LabError(
                f"The adapter {adapter}, selected for {task}, is gone.", f"Undo: `ragft adapters select {adapter} --undo`."
            ) from error
    return chosen


def select_adapter(settings: Settings, adapter: str) -> AdapterCard:
    """Let a task answer with this adapter instead of its newest that fits; of each kind one can be selected.

    One that was trained on a mixture serves both kinds, so it takes the place of what was selected before.

    Raises:
        LabError: There is no such adapter, or it is damaged.
    """
    card = load_card(settings, adapter)
    selected = read_selected(settings)
    others = {} if card.kind == "mixed" else selected.get(card.task, {})
    selected[card.task] = {**others, card.kind: adapter}
    write_json(settings.folder("adapters") / SELECTED, selected)
    return card


def unselect_adapter(settings: Settings, adapter: str) -> bool:
    """Forget that an adapter was selected; returns whether it was."""
    selected = read_selected(settings)
    kept = {task: {kind: chosen for kind, chosen in kinds.items() if chosen != adapter} for task, kinds in selected.items()}
    if kept != selected:
        write_json(settings.folder("adapters") / SELECTED, {task: kinds for task, kinds in kept.items() if kinds})
    return kept != selected


def delete_adapter(settings: Settings, adapter: str) -> None:
    """Delete an adapter, damaged or whole: it is moved aside in one step, so no half of it is ever seen.

    Raises:
        LabError: There is no such adapter, it is not a visitor's own, or the disk refuses.
    """
    folder = find_folder(settings, adapter)
    if folder.parent != settings.folder("adapters"):
        raise LabError(f"The adapter {adapter} comes with this page and stays.", "Those that you train can be deleted.")
    unselect_adapter(settings, adapter)  # First: an adapter that is selected and gone would stop its task.
    try:
        aside = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{adapter}.deleted."))
        os.replace(folder, aside)
    except OSError as error:
        raise cannot_write(folder, error) from error
    shutil.rmtree(aside, ignore_errors=True)
