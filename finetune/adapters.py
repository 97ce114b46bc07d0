"""The adapters on this machine: written whole, named by a card, chosen by task and base weights."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.errors import LabError
from core.generation.adapter import CARD
from core.settings import Settings
from core.storage import new_folder, read_json, verify_folder, write_json


@dataclass(frozen=True, slots=True)
class AdapterCard:
    """What an adapter is.

    `weights` is the hash of the base, `data` of the training examples; `trained_on` holds the fingerprint of each
    example that was used (`core/leakage.py`), empty in adapters made before it was recorded.
    """

    id: str
    task: str
    model: str
    weights: str
    data: str
    config: Mapping[str, Any]
    outcome: Mapping[str, Any]
    created: str
    dropped: tuple[str, ...] = ()
    trained_on: tuple[str, ...] = ()


def new_adapter_id(task: str) -> str:
    """Return an id that sorts by time and names the task."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{task}-{secrets.token_hex(2)}"


def save_adapter(settings: Settings, model: Any, card: AdapterCard) -> Path:
    """Store the adapter of a peft model as safetensors, with its card; returns its folder."""
    folder = settings.folder("adapters") / card.id
    with new_folder(folder) as temporary:
        model.save_pretrained(temporary, safe_serialization=True)
        write_json(temporary / CARD, asdict(card))
    return folder


def read_card(folder: Path) -> AdapterCard:
    """Read an adapter's card.

    Raises:
        LabError: The card is absent or of another form.
    """
    values = read_json(folder / CARD)
    known = {item.name for item in fields(AdapterCard)}
    if not isinstance(values, dict) or not known - {"trained_on"} <= set(values) <= known:
        raise LabError(f"{folder / CARD} is no adapter card.", "Delete the adapter and train it again.")
    return AdapterCard(**{**values, "dropped": tuple(values["dropped"]), "trained_on": tuple(values.get("trained_on", ()))})


def list_adapters(settings: Settings, *, task: str | None = None) -> list[AdapterCard]:
    """Return the cards of all readable adapters, newest first."""
    cards = []
    for path in sorted(settings.folder("adapters").glob(f"[!.]*/{CARD}"), reverse=True):
        try:
            card = read_card(path.parent)
        except LabError:
            continue  # A damaged adapter must not hide the others; choosing it by id names the damage.
        if task is None or card.task == task:
            cards.append(card)
    return cards


def choose_adapter(
    settings: Settings, *, task: str, weights: str, wanted: str | None = None, with_context: bool = False
) -> Path:
    """Return the folder of the adapter to use: the one asked for, else the newest for this task and base.

    Where there are adapters trained with passages and without, `with_context` says which kind is meant.

    Raises:
        LabError: There is none, or it is damaged; the command that makes one is named.
    """
    if wanted is not None:
        folder = settings.folder("adapters") / wanted
        if Path(wanted).name != wanted or not folder.is_dir():
            raise LabError(f"There is no adapter {wanted!r}.", f"Train one: `ragft train {task}`.")
    else:
        fitting = [card for card in list_adapters(settings, task=task) if card.weights == weights]
        if not fitting:
            raise LabError(f"There is no adapter for {task} on this model.", f"Train one: `ragft train {task}`.")
        meant = [card for card in fitting if bool(card.config.get("with_context")) == with_context]
        folder = settings.folder("adapters") / (meant or fitting)[0].id
    verify_folder(folder, remedy=f"Delete {folder} and train again: `ragft train {task}`.")
    return folder
