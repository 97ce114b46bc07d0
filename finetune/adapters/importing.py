"""An adapter comes to this machine: a zip or a folder from somewhere else, distrusted until every part was checked.

Only numbers and JSON are read. A pickle can run code when it is opened, so a package that holds one is refused
unopened; `adapter_config.json` is written anew from the few values that were checked.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.errors import LabError
from core.generation.adapter import CARD
from core.generation.loading import hash_weights
from core.generation.models import find_model
from core.settings import Settings
from core.storage import MANIFEST, SHOWN_NAME, hash_file, new_folder, read_json, verify_folder, write_json
from core.tasks.archive import unpack_zip
from finetune.adapters.card import AdapterCard, check_values, read_card
from finetune.adapters.lora_files import CONFIG, WEIGHTS, check_fit, name_targets, read_settings, write_settings
from finetune.adapters.model_card import name_base
from finetune.adapters.store import find_base, find_licence, is_name, list_adapters, new_adapter_id

MAX_FILES = 200  # Of a package; one that this lab writes has five.
MAX_BYTES = 4 * 2**30  # Unpacked; rank 64 on a 70B model in 32 bits takes 3.1 GiB.
# Endings of what torch, NumPy and others read by unpickling.
PICKLES = {".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib", ".npy", ".npz"}
REMEDY = "Give a zip that `ragft adapters export` wrote, or an adapter folder of peft."


def import_adapter(settings: Settings, source: Path, *, task: str | None = None) -> AdapterCard:
    """Take in an adapter and return its card.

    Args:
        settings: Where it goes, and which model a foreign adapter is for.
        source: A zip or folder with `adapter_model.safetensors` and `adapter_config.json`. Without `card.json` it
            is foreign: it is taken for the chosen model if its shapes fit. Its id here is a new one; what is newest
            goes by when it was made.
        task: The task it is for; a foreign adapter needs one, another keeps its own by default.

    Raises:
        LabError: It is unsafe, damaged, for another base, or here already; nothing was kept.
    """
    with _open(source) as folder:
        card = _read_own(folder) if (folder / CARD).is_file() else _describe_foreign(settings, folder, task)
        card = replace(card, task=task or card.task)
        check_values(card)
        if not is_name(card.id) or not is_name(card.task):
            raise LabError(
                f"{card.id!r} for the task {card.task!r} cannot be stored under these names.", "Nothing was taken in."
            )
        base = find_base(settings, card.weights)
        modules = name_targets(check_fit(folder, base), base)
        _refuse_double(settings, folder, card.task)
        card = replace(card, id=new_adapter_id(card.task), created=_read_date(card.created))
        with new_folder(settings.folder("adapters") / card.id) as temporary:
            shutil.copyfile(folder / WEIGHTS, temporary / WEIGHTS)
            write_json(temporary / CONFIG, write_settings(read_settings(folder), modules, base=name_base(card)))
            write_json(temporary / CARD, card.as_json())
    return card


def _refuse_double(settings: Settings, folder: Path, task: str) -> None:
    """Refuse weights that a task has already.

    Raises:
        LabError: It has; the adapter is named.
    """
    own = folder / WEIGHTS
    own_hash = hash_file(own)
    for card in list_adapters(settings, task=task):
        stored = settings.folder("adapters") / card.id / WEIGHTS
        if stored.is_file() and stored.stat().st_size == own.stat().st_size and hash_file(stored) == own_hash:
            raise LabError(
                f"This adapter is here already, as {card.id}.", f"Delete it first: `ragft adapters delete {card.id}`."
            )


def _read_date(text: str) -> str:
    """Return when a package says it was made, in UTC, and now where it says nothing usable or a time to come."""
    now = datetime.now(UTC)
    try:
        made = datetime.fromisoformat(text)
        made = min(made.replace(tzinfo=UTC) if made.tzinfo is None else made.astimezone(UTC), now)
    except (ValueError, OverflowError):
        made = now
    return made.isoformat(timespec="seconds")


def _read_own(folder: Path) -> AdapterCard:
    """Read the card of an adapter that this lab exported, checking the package against its manifest.

    Raises:
        LabError: A file was changed, added or lost, or the card is none.
    """
    names = {path.name for path in folder.iterdir()} - {MANIFEST}
    manifest: Any = read_json(folder / MANIFEST) if (folder / MANIFEST).is_file() else None
    listed = manifest.get("files") if isinstance(manifest, dict) else None
    if (
        not isinstance(listed, dict)
        or set(listed) != names
        or not all(isinstance(expected, str) for expected in listed.values())
    ):
        raise LabError(
            f"The package holds {', '.join(sorted(names))}; its {MANIFEST} lists something else.", "Export the adapter again."
        )
    verify_folder(folder, remedy="The package was changed after it was written: export the adapter again.")
    return read_card(folder)


def _describe_foreign(settings: Settings, folder: Path, task: str | None) -> AdapterCard:
    """Make a card for an adapter that was trained elsewhere."""
    if task is None:
        raise LabError("The adapter comes without a card, so its task is not known.", "Name it: --task TASK.")
    model, lora = find_model(settings), read_settings(folder)
    return AdapterCard(
        id=new_adapter_id(task),
        task=task,
        model=model.name,
        weights=hash_weights(model),
        data="unknown",
        config={"rank": lora.rank, "alpha": lora.alpha, "rslora": lora.rank_stabilized, "dora": lora.weight_decomposed},
        outcome={"imported": True, "cancelled": False},
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        licence={"base": find_licence(model), "data": "unknown"},
    )


@contextmanager
def _open(source: Path) -> Iterator[Path]:
    """Yield a private copy of a package, files side by side, or the unpacked zip's only folder.

    Raises:
        LabError: There is nothing, it is too large, or it holds a pickle, a link, or a path that leads elsewhere.
    """
    if not os.path.exists(source):  # Path's own raises where a name is too long.
        raise LabError(f"There is no {str(source)[:SHOWN_NAME]}.", REMEDY)
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch) / "package"
        if source.is_dir():
            _copy_folder(source, place)
        else:
            unpack_zip(source, place, max_files=MAX_FILES, max_bytes=MAX_BYTES, remedy=REMEDY)
        adapters = sorted(path.parent for path in place.rglob(CONFIG))
        _refuse_pickles(source, place)  # Before anything is opened.
        if len(adapters) != 1:
            raise LabError(f"{source.name} holds {len(adapters)} adapters ({CONFIG}).", REMEDY)
        yield adapters[0]


def _copy_folder(source: Path, target: Path) -> None:
    """Copy the plain files of a folder, following no link.

    Raises:
        LabError: It holds a link, or too much.
    """
    paths = sorted(source.iterdir())
    links = [path.name for path in paths if path.is_symlink()]
    if links:
        raise LabError(f"{source.name} holds the link {links[0]!r}.", "Put the file itself there; nothing was taken in.")
    files = [path for path in paths if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    if len(paths) > MAX_FILES or size > MAX_BYTES:
        raise LabError(
            f"{source.name} holds {len(paths)} files of {size / 2**20:,.0f} MiB; the limits are {MAX_FILES} and "
            f"{MAX_BYTES / 2**20:,.0f}.",
            REMEDY,
        )
    _refuse_pickles(source, source)
    target.mkdir()
    for path in files:
        shutil.copyfile(path, target / path.name)


def _refuse_pickles(source: Path, folder: Path) -> None:
    pickles = sorted(path.name for path in folder.rglob("*") if path.suffix.lower() in PICKLES)
    if pickles:
        raise LabError(
            f"{source.name} holds {pickles[0]}, whose kind can run code when it is opened.",
            "Only safetensors are read: remove it, or save the adapter with safe_serialization=True; nothing was taken in.",
        )
