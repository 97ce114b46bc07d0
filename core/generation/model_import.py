"""Bringing a model here by hand: a GGUF file is converted, a folder is copied or linked. Whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from core.errors import LabError, name_cause
from core.generation.gguf_files import convert_gguf, inspect_gguf
from core.generation.models import hold_models, model_folder
from core.generation.origin import ORIGIN, ModelOrigin
from core.settings import Settings
from core.storage import cannot_write, hash_file, new_folder, write_json
from core.units import format_size
from core.values import OnNotice

KEPT = ("*.json", "*.safetensors", "*.jinja", "*.txt", "*.model", "README.md", "LICENSE*")  # Of a folder, that are copied.
WEIGHTS = "*.safetensors"
INDEX = "model.safetensors.index.json"
SPARED = 256 * 2**20  # Bytes that stay free on the disk.


@dataclass(frozen=True, slots=True)
class Imported:
    """A model that was brought here: its name, its folder, and what was done, a sentence each."""

    name: str
    folder: Path
    notes: tuple[str, ...]


def import_model(
    settings: Settings, source: Path, *, name: str = "", link: bool = False, notify: OnNotice = lambda _: None
) -> Imported:
    """Make a GGUF file or a model's folder a model of this machine.

    Args:
        settings: Where models are kept.
        source: The file, or the folder.
        name: What it is called; by default as the file or folder.
        link: Whether a folder stays where it is and is only linked; otherwise its files are copied.
        notify: Told of each step.

    Raises:
        LabError: It is neither, is damaged or of an unknown kind, a model of that name is here, or the disk is full.
    """
    source = Path(os.path.expanduser(source))
    target = _choose_folder(settings, name or (source.resolve().name if source.is_dir() else source.stem))
    if source.is_dir():
        return _link_folder(source, target) if link else _copy_folder(settings, source, target, notify)
    if link:
        raise LabError(f"{source} is no folder, so it cannot be linked.", "Leave --link out: a file is converted once.")
    if not source.is_file():
        raise LabError(f"There is no file or folder {source}.", "Name a GGUF file, or a folder with config.json.")
    return _convert_file(settings, source, target, notify)


def _choose_folder(settings: Settings, name: str) -> Path:
    """Return where the model will lie.

    Raises:
        LabError: The name leads elsewhere, or is taken.
    """
    if "/" in name:
        raise LabError(f"A model cannot be called {name!r}.", "Choose a name without slashes: --name NAME.")
    folder = model_folder(settings, name)
    if os.path.lexists(folder):
        raise LabError(
            f"There is a model {name} already.", f"Choose another --name, or remove it: `ragft models remove {name}`."
        )
    return folder


def _convert_file(settings: Settings, source: Path, target: Path, notify: OnNotice) -> Imported:
    facts = inspect_gguf(source)
    _check_room(target, 2 * facts.parameters)  # Two bytes each.
    notify(f"Reading {source.name}: {facts.name or facts.architecture}, {facts.parameters:,} numbers")
    with hold_models(settings, notify), new_folder(target) as temporary:
        tying = convert_gguf(source, temporary, facts, notify=notify)
        size = sum(path.stat().st_size for path in temporary.iterdir())
        done = f"Converted once: {format_size(source.stat().st_size)} as GGUF became {format_size(size)} as bf16 safetensors."
        notes = tuple(filter(None, (done, tying.note)))
        origin = ModelOrigin(
            "gguf", source.name, sha256=hash_file(source), licence=facts.licence, notes=notes, checks=tying.checks
        )
        write_json(temporary / ORIGIN, origin.as_json())
    return Imported(target.name, target, notes)


def _copy_folder(settings: Settings, source: Path, target: Path, notify: OnNotice) -> Imported:
    check_folder(source)
    files = sorted({path for pattern in KEPT for path in source.glob(pattern) if path.is_file()})
    size = sum(path.stat().st_size for path in files)
    _check_room(target, size)
    notify(f"Copying {len(files)} files, {format_size(size)}")
    with hold_models(settings, notify), new_folder(target) as temporary:
        for path in files:
            shutil.copyfile(path, temporary / path.name)
        notes = (f"Copied from {source.resolve()}: {len(files)} files, {format_size(size)}.",)
        write_json(temporary / ORIGIN, ModelOrigin("folder", str(source.resolve()), notes=notes).as_json())
    return Imported(target.name, target, notes)


def _link_folder(source: Path, target: Path) -> Imported:
    check_folder(source)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(source.resolve(), target_is_directory=True)
    except OSError as error:
        raise cannot_write(target, error) from error
    note = f"Linked: the files stay in {source.resolve()}, and the model is gone when they are moved or deleted."
    return Imported(target.name, target, (note,))


def check_folder(folder: Path) -> None:
    """Check that a folder holds a whole model with a chat template, without loading its weights.

    Raises:
        LabError: It does not; what is missing or damaged is named.
    """
    from safetensors import SafetensorError, safe_open

    remedy = "A model's folder has config.json, tokenizer.json and *.safetensors."
    config = _read_object(folder / "config.json", remedy)
    _check_kind(folder, config)
    files = sorted(folder.glob(WEIGHTS))
    if (folder / INDEX).is_file():
        shards = _read_object(folder / INDEX, remedy).get("weight_map")
        named = set(shards.values()) if isinstance(shards, dict) else set()
        if missing := sorted(str(name) for name in named - {path.name for path in files}):
            raise LabError(f"{folder} lacks {missing[0]}, which {INDEX} names.", "Copy all of its files.")
    if not files:
        raise LabError(
            f"{folder} has no *.safetensors.", f"{remedy} Weights in other files (pickles) can run code and are not read."
        )
    for path in files:
        try:
            with safe_open(path, framework="numpy"):
                pass
        except (SafetensorError, OSError) as error:
            raise LabError(f"{path} is damaged: {error}.", "Copy it again.") from error
    _check_tokenizer(folder)


def _read_object(path: Path, remedy: str) -> dict[str, object]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise LabError(f"Cannot read {path}: {error.strerror}.", remedy) from error
    except (ValueError, RecursionError) as error:
        raise LabError(f"{path} is damaged: {error}.", "Copy it again.") from error
    if not isinstance(value, dict):
        raise LabError(f"{path} holds no JSON object.", "Copy it again.")
    return value


def _check_kind(folder: Path, config: dict[str, object]) -> None:
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    kind = config.get("model_type")
    if kind not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        raise LabError(
            f"{folder / 'config.json'} names a model of the kind {kind!r}, which writes no text that this program knows of.",
            "Choose a causal language model that transformers reads.",
        )


def _check_tokenizer(folder: Path) -> None:
    from core.generation.loading import load_tokenizer

    try:
        load_tokenizer(folder)
    except (OSError, ValueError, KeyError, TypeError, ImportError) as error:
        raise LabError(f"The tokenizer in {folder} cannot be read: {name_cause(error)}.", "Copy all its files.") from error


def _check_room(target: Path, size: int) -> None:
    """Refuse what would fill the disk, before hours of copying say so.

    Raises:
        LabError: Too little is free.
    """
    existing = next(path for path in target.parents if path.exists())
    free = shutil.disk_usage(existing).free
    if size + SPARED > free:
        raise LabError(
            f"The model takes about {format_size(size)} and {format_size(free)} are free in {existing}.",
            "Free some space, or set RAGFT_HOME to another disk; a folder can be linked instead of copied: --link.",
        )
