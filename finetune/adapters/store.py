"""The adapters on this machine: written whole, named by a card, chosen by task and base weights."""

from __future__ import annotations

import math
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeGuard

from core.errors import LabError
from core.generation.adapter import CARD
from core.generation.loading import hash_weights
from core.generation.models import find_model
from core.settings import DEFAULT_MODEL, Settings
from core.storage import MANIFEST, cannot_write, new_folder, read_json, verify_folder, write_json

SELECTED = "selected.json"
LICENCES = {DEFAULT_MODEL: "Apache-2.0"}


@dataclass(frozen=True, slots=True)
class AdapterCard:
    """What an adapter is; a field with a default may be absent from cards that were written before it existed.

    Args:
        id: Names its folder.
        task: What it was trained for.
        model: The folder name of its base.
        weights: Hash of the base (`core.generation.loading.hash_weights`).
        data: Hash of the training examples.
        config: The settings of the training.
        outcome: What came of it: losses, steps, seconds, marks.
        created: When, in ISO 8601.
        dropped: Ids of the examples that were too long.
        trained_on: The fingerprint of each example that was used (`core/tasks/leakage.py`).
        licence: Of the `base` and of the `data`.
        environment: Versions and hardware (`core.comparison.runs.describe_environment`).
        instruction: What the model was told to do.
        schema: The JSON Schema of the answers it learned.
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
    licence: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    instruction: str = ""
    schema: Mapping[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """`passages` if it was trained with retrieved passages in its prompts, else `plain`."""
        return "passages" if self.config.get("with_context") else "plain"


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
    return stated.group(1) if stated else LICENCES.get(model.name, "unknown")


def save_adapter(settings: Settings, model: Any, card: AdapterCard) -> Path:
    """Store the adapter of a peft model as safetensors, with its card; returns its folder."""
    folder = settings.folder("adapters") / card.id
    with new_folder(folder) as temporary:
        model.save_pretrained(temporary, safe_serialization=True)
        write_json(temporary / CARD, asdict(card))
    return folder


def read_card(folder: Path) -> AdapterCard:
    """Read an adapter's card; fields that a later version added are left out.

    Raises:
        LabError: The card is absent or of another form.
    """
    values = read_json(folder / CARD)
    refused = LabError(f"{folder / CARD} is no adapter card.", "Delete the adapter and train it again.")
    if not isinstance(values, dict):
        raise refused
    known = {}
    for item in fields(AdapterCard):
        if item.name in values:
            known[item.name] = _read_field(item.type, values[item.name], refused)
        elif item.default is MISSING and item.default_factory is MISSING:
            raise refused
    return AdapterCard(**known)


def _read_field(kind: Any, value: Any, refused: LabError) -> Any:
    """Return a card's value as its field wants it: text, names in order, or an object."""
    if kind == "str" and isinstance(value, str):
        return value
    if str(kind).startswith("tuple") and isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    if str(kind).startswith("Mapping") and isinstance(value, dict):
        return value
    raise refused


def rank_adapter(card: AdapterCard) -> tuple[bool, datetime, str]:
    """Return what orders adapters: those of a whole training last, then by when they were made; an id is no date."""
    return not card.outcome.get("cancelled"), *date_adapter(card)


def date_adapter(card: AdapterCard) -> tuple[datetime, str]:
    """Return when an adapter was made, then its id; one whose date cannot be read is older than all others."""
    try:
        made = datetime.fromisoformat(card.created)
    except ValueError:
        made = datetime.min.replace(tzinfo=UTC)
    return made.replace(tzinfo=made.tzinfo or UTC), card.id


def list_adapters(settings: Settings, *, task: str | None = None) -> list[AdapterCard]:
    """Return the cards of all readable adapters, newest first."""
    cards = []
    for path in settings.folder("adapters").glob(f"[!.]*/{CARD}"):
        try:
            card = read_card(path.parent)
        except LabError:
            continue  # A damaged adapter must not hide the others; choosing it by id names the damage.
        if task is None or card.task == task:
            cards.append(card)
    return sorted(cards, key=date_adapter, reverse=True)


def check_adapters(settings: Settings) -> tuple[list[AdapterCard], list[str]]:
    """Return the cards of the whole adapters, newest first, and a sentence for each damaged one."""
    whole, damaged = [], []
    for path in sorted(settings.folder("adapters").glob("[!.]*/"), reverse=True):
        try:
            whole.append(load_card(settings, path.name))
        except LabError as error:
            damaged.append(f"{path.name}: {error}")
    return sorted(whole, key=date_adapter, reverse=True), damaged


def load_card(settings: Settings, adapter: str) -> AdapterCard:
    """Read an adapter's card after checking that nothing of it was changed.

    Raises:
        LabError: There is no such adapter, or it is damaged.
    """
    folder = find_folder(settings, adapter)
    verify_folder(folder, remedy=f"Delete it: `ragft adapters delete {adapter}`; the others are not affected.")
    return read_card(folder)


def is_number(value: Any) -> TypeGuard[int | float]:
    """Say whether a value of a card is a number, and a finite one."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def is_name(text: str) -> bool:
    """Say whether a text can name one folder among others, and no place elsewhere."""
    return bool(text) and text != SELECTED and Path(text).name == text and not text.startswith(".") and text.isprintable()


def find_folder(settings: Settings, adapter: str) -> Path:
    """Return the folder of an adapter; a name that leads elsewhere is no adapter's.

    Raises:
        LabError: There is no such adapter.
    """
    folder = settings.folder("adapters") / adapter
    if not is_name(adapter) or not folder.is_dir() or folder.is_symlink():
        raise LabError(f"There is no adapter {adapter!r}.", "See `ragft adapters list`; `ragft train TASK` makes one.")
    return folder


def find_base(settings: Settings, weights: str) -> Path:
    """Return the folder of the model whose weights have this hash: the chosen model, or another on this machine.

    Raises:
        LabError: No such model is here.
    """
    seen = []
    chosen = [find_model(settings)] if _is_here(settings) else []
    for folder in (*chosen, *(path.parent for path in sorted(settings.folder("models").glob(f"[!.]*/{MANIFEST}")))):
        found = hash_weights(folder)
        if found == weights:
            return folder
        seen.append(f"{folder.name} ({found[:12]})")
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


def choose_adapter(
    settings: Settings, *, task: str, weights: str, wanted: str | None = None, with_context: bool = False
) -> Path:
    """Return the folder of the adapter to use: the one asked for, the one selected, else the newest for this base.

    One of a cancelled training comes after those of whole ones. Where there are adapters trained with passages and without, `with_context` says which kind is meant.

    Raises:
        LabError: There is none, or it is damaged; the command that makes one is named.
    """
    if wanted is not None:
        folder = find_folder(settings, wanted)
    else:
        fitting = [card for card in list_adapters(settings, task=task) if card.weights == weights]
        if not fitting:
            raise LabError(f"There is no adapter for {task} on this model.", f"Train one: `ragft train {task}`.")
        chosen = _find_selected(settings, task)
        meant = "passages" if with_context else "plain"
        best = max(fitting, key=lambda card: (card.kind == meant, card.id in chosen, rank_adapter(card)))
        folder = settings.folder("adapters") / best.id
    verify_folder(folder, remedy=f"Delete it (`ragft adapters delete {folder.name}`) and train again: `ragft train {task}`.")
    return folder


def read_selected(settings: Settings) -> dict[str, dict[str, str]]:
    """Return the selected adapter's id by task and kind (`plain`, `passages`).

    Raises:
        LabError: The file is damaged.
    """
    path = settings.folder("adapters") / SELECTED
    if not path.is_file():
        return {}
    values: dict[str, dict[str, str]] = read_json(path)
    kinds = list(values.values()) if isinstance(values, dict) else [None]
    if not all(isinstance(kind, dict) and all(isinstance(adapter, str) for adapter in kind.values()) for kind in kinds):
        raise LabError(f"{path} does not say which adapter each task uses.", "Delete it: the newest are used then.")
    return values


def _find_selected(settings: Settings, task: str) -> set[str]:
    """Return the ids selected for a task.

    Raises:
        LabError: One of them is gone.
    """
    chosen = set(read_selected(settings).get(task, {}).values())
    for adapter in sorted(chosen):
        if not (settings.folder("adapters") / adapter).is_dir():
            raise LabError(
                f"The adapter {adapter}, selected for {task}, is gone.", f"Undo: `ragft adapters select {adapter} --undo`."
            )
    return chosen


def select_adapter(settings: Settings, adapter: str) -> AdapterCard:
    """Let a task answer with this adapter instead of its newest; of each kind one can be selected.

    Raises:
        LabError: There is no such adapter, or it is damaged.
    """
    card = load_card(settings, adapter)
    selected = read_selected(settings)
    selected[card.task] = {**selected.get(card.task, {}), card.kind: adapter}
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
        LabError: There is no such adapter, or the disk refuses.
    """
    folder = find_folder(settings, adapter)
    unselect_adapter(settings, adapter)
    try:
        aside = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{adapter}.deleted."))
        os.replace(folder, aside)
    except OSError as error:
        raise cannot_write(folder, error) from error
    shutil.rmtree(aside, ignore_errors=True)
