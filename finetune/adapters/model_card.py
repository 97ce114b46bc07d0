"""The README of an adapter that leaves this machine: what it is, what it answers, how well, and how to load it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from core.generation.models import SOURCES
from finetune.adapters.card import AdapterCard
from finetune.config import SHUFFLED
from finetune.shuffled_labels import SENTENCE

CONFIG = ("rank", "alpha", "learning_rate", "epochs", "batch_size", "storage", "prompts", "seed")
LOAD_ADAPTER = """```python
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

base = "{base}"
nf4 = BitsAndBytesConfig(
    load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=torch.bfloat16
)
tokenizer = AutoTokenizer.from_pretrained(base)
model = AutoModelForCausalLM.from_pretrained(base, {storage})
model = PeftModel.from_pretrained(model, ".")  # the folder of this file
```"""
LOAD_MERGED = """```python
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(".")  # the folder of this file
model = AutoModelForCausalLM.from_pretrained(".", dtype="bfloat16")
```

The adapter is part of these weights. Do not load them in 4 bits: rounding them again takes most of the tuning away."""


def name_base(card: AdapterCard) -> str:
    """Return the base model's name on the Hub where it is known, else its name here."""
    return SOURCES[card.model].hub if card.model in SOURCES else card.model


def write_readme(card: AdapterCard, *, merged: bool = False) -> str:
    """Return the README of an exported adapter, or of a model that it was merged into."""
    base = name_base(card)
    storage = 'quantization_config=nf4, dtype="bfloat16"'
    if card.config.get("storage", "nf4") == "full":
        storage = 'dtype="bfloat16"'
    front = {
        "base_model": base,
        "library_name": "transformers" if merged else "peft",
        "license": str(card.licence.get("base", "unknown")).lower(),
        "tags": ["lora", "qlora", "structured-output"],
    }
    load = LOAD_MERGED if merged else LOAD_ADAPTER.format(base=base, storage=storage)
    parts = [
        "---\n" + "".join(f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in front.items()) + "---",
        f"# {card.id}",
        f"A {'model with a LoRA adapter merged in' if merged else 'LoRA adapter'} for the task `{card.task}`, "
        f"made with the RAG vs Fine-Tuning Lab on {card.created}.",
        f"**{SENTENCE}**" if card.kind == SHUFFLED else "",
        _rows("Base", {"model": base, "sha256 of its weights": card.weights, "sha256 of the training data": card.data}),
        _rows("Licence", card.licence or {"base": "unknown", "data": "unknown"}),
        f"## Use\n\n{load}",
        f"## Prompt\n\nThe system message it was trained with starts with:\n\n> {card.instruction}" if card.instruction else "",
        f"## Answers\n\nOne JSON object of this schema:\n\n```json\n{_dump(card.schema)}\n```" if card.schema else "",
        _rows("Training", {key: card.config[key] for key in CONFIG if key in card.config}),
        _rows("Outcome", _flatten(card.outcome)),
        _rows("Environment", _flatten(card.environment)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _rows(title: str, values: Mapping[str, Any]) -> str:
    """Return a section with one line a value; empty without values."""
    lines = [f"- {key}: {value}" for key, value in values.items() if value not in (None, "", {})]
    return f"## {title}\n\n" + "\n".join(lines) if lines else ""


def _flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the plain values of nested objects under dotted names; lists are left out."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat.update(_flatten(value, f"{prefix}{key}."))
        elif not isinstance(value, list | tuple):
            flat[f"{prefix}{key}"] = round(value, 6) if isinstance(value, float) else value
    return flat


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
