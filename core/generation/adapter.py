"""A stored adapter in use: checked against its manifest and against the weights it was trained on."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from core.errors import LabError
from core.generation.device import cast_weights
from core.storage import read_json, verify_folder

CARD = "card.json"
WEIGHTS = "adapter_model.safetensors"  # As peft names it.


def attach_adapter(model: Any, folder: Path, *, name: str, weights_hash: str) -> None:
    """Attach the LoRA weights in `folder` beside a model's layers, frozen.

    Raises:
        LabError: The folder is damaged, or the adapter belongs to another base.
    """
    from peft import PeftConfig, inject_adapter_in_model, set_peft_model_state_dict
    from safetensors.torch import load_file

    _check(folder, weights_hash)
    config = PeftConfig.from_pretrained(str(folder))
    config.inference_mode = True
    inject_adapter_in_model(config, model, adapter_name=name)
    set_peft_model_state_dict(model, load_file(folder / WEIGHTS), adapter_name=name)
    model.eval().requires_grad_(False)


def choose_attached(model: Any, name: str | None) -> None:
    """Let a model with attached adapters answer with one of them, or with none.

    peft's layers are set directly: transformers' own methods refuse the peft release of their day.
    """
    from peft.tuners.tuners_utils import BaseTunerLayer

    for module in model.modules():
        if isinstance(module, BaseTunerLayer):
            module.enable_adapters(name is not None)
            if name is not None:
                module.set_adapter(name, inference_mode=True)


def merge_adapter(model: Any, folder: Path, *, weights_hash: str) -> Any:
    """Return a copy of a model with the LoRA weights in `folder` added to its own, W + (alpha / r) B A.

    The sum is made in float32 and rounded once; made in bfloat16 it would round the small update twice.

    Raises:
        LabError: The folder is damaged, or the adapter belongs to another base.
    """
    import torch
    from peft import PeftModel

    _check(folder, weights_hash)
    wide = cast_weights(copy.deepcopy(model), torch.float32)
    merged = PeftModel.from_pretrained(wide, str(folder), use_safetensors=True).merge_and_unload()
    return cast_weights(merged, model.dtype).eval()


def _check(folder: Path, weights_hash: str) -> None:
    """Refuse a damaged adapter, and one of another base: added to other weights it would answer nonsense without a word."""
    verify_folder(folder, remedy="Train it again, or choose another adapter.")
    card = read_json(folder / CARD)
    if card["weights"] != weights_hash:
        raise LabError(
            f"The adapter {folder.name} was trained on weights {card['weights'][:12]}, not on {weights_hash[:12]}.",
            "Train it again for this model, or answer with the model it was trained on: --model NAME.",
        )
