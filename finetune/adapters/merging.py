"""An adapter merged into its base: a plain model folder that any program for transformers loads.

The sum W + (alpha / r) B A is made with the W that the adapter was trained on, for QLoRA the values of the 4-bit
weights, and is stored in 16 bits. Merged into the original weights, the adapter would correct an error that is
not there; rounded to 4 bits again, most of it would be lost, because its change is smaller than the steps of that
grid. `core.generation.loading` therefore loads such a folder in 16 bits whatever storage is asked for.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from core.generation.adapter import CARD, merge_adapter
from core.generation.loading import Loaded, load_model
from core.settings import Settings
from core.storage import new_folder, write_json, write_text
from finetune.adapters.model_card import write_readme
from finetune.adapters.store import find_base, find_folder, load_card


def merge_to_folder(settings: Settings, adapter: str, target: Path) -> Path:
    """Write the base with an adapter merged in: bf16 safetensors, tokenizer, chat template, card, README, manifest.

    Raises:
        LabError: There is no such adapter, it is damaged, its base is not here, or the target exists.
    """
    card = load_card(settings, adapter)
    with new_folder(target) as temporary:
        loaded = load_values(find_base(settings, card.weights), storage=str(card.config.get("storage", "nf4")))
        merged = merge_adapter(loaded.model, find_folder(settings, adapter), weights_hash=card.weights)
        _save(merged, loaded.tokenizer, temporary)
        write_json(temporary / CARD, card.as_json())
        write_text(temporary / "README.md", write_readme(card, merged=True))
    return target


def save_base(settings: Settings, adapter: str, folder: Path) -> None:
    """Write the base an adapter was trained on, with the values it saw, into an existing empty folder.

    Raises:
        LabError: There is no such adapter, it is damaged, or its base is not here.
    """
    card = load_card(settings, adapter)
    loaded = load_values(find_base(settings, card.weights), storage=str(card.config.get("storage", "nf4")))
    _save(loaded.model, loaded.tokenizer, folder)


def load_values(folder: Path, *, storage: str) -> Loaded:
    """Load a model with the values that training in this storage sees, as plain 16- or 32-bit weights."""
    loaded = load_model(folder, storage=storage)
    if getattr(loaded.model, "is_quantized", False):
        return replace(loaded, model=loaded.model.dequantize().to(loaded.device.dtype))
    return loaded


def _save(model: Any, tokenizer: Any, folder: Path) -> None:
    import torch

    model = model.to(torch.bfloat16)
    model.config.use_cache = True
    model.config.name_or_path = ""  # Otherwise the path on this machine would travel with it.
    model.save_pretrained(folder, safe_serialization=True)
    tokenizer.save_pretrained(folder)
