"""A model that takes steps of a few tokens through the compiled step, and all others through torch.

A step of one token is bound by reading the weights, which the compiled step reads as 4 bits (`step.cpp`); a step of many is
bound by arithmetic, which torch's products do best. Both read and write the same slots.
"""

from __future__ import annotations

import ctypes
import logging
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from core.generation.adapter import WEIGHTS
from core.generation.kernels.layout import LowRank, PackedModel, TokenStep, add_adapter, pack_model
from core.generation.kernels.library import load_kernel
from core.generation.slots import PackedStep, Slots, plan_step
from core.storage import read_json

if TYPE_CHECKING:
    import torch

MOST_TOKENS = 32  # In one step; of more, torch's products gain on it (`benchmarks/LOG.md`).
FAMILIES = frozenset({"llama", "qwen2"})
LEAST_PARAMETERS = 30_000_000  # Smaller models answer at once anyway.
POSITIONS = 8192  # At most, for which the angles are kept.
CLOSE = 1e-3  # Relative to the largest logit; other orders of summing differ by 1e-6.
TRIED = (5, 7, 11)  # Tokens of the trial; any do.

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class QuickModel:
    """Called as `DecodeLoop` calls a model.

    Args:
        model: transformers' model, loaded with the attention over slots.
        packed: The same model for the compiled step.
        library: The compiled step.
    """

    model: Any
    packed: PackedModel
    library: Any

    @property
    def device(self) -> Any:
        """Where the model is."""
        return self.model.device

    def __call__(self, *, step: PackedStep, **arguments: Any) -> Any:
        """Run one packed step; returns an object with `logits`. Shape: (1, kept, vocabulary)."""
        ids, kept = arguments["input_ids"], arguments["logits_to_keep"]
        fits = step.slots.length <= self.packed.model.positions
        if ids.shape[1] > MOST_TOKENS or not fits:
            return self.model(step=step, **arguments)
        return SimpleNamespace(logits=run_step(self.library, self.packed, ids, step, kept)[None])


def run_step(library: Any, packed: PackedModel, ids: torch.Tensor, step: PackedStep, kept: torch.Tensor) -> torch.Tensor:
    """Take a step; returns the logits of the tokens `kept`. Shape: ids (1, tokens); result (kept, vocabulary)."""
    import torch

    model, slots = packed.model, step.slots
    stores = [slots.open_layer(layer, model.key_heads, model.width) for layer in range(model.layers)]
    keys, values = ((ctypes.c_void_p * model.layers)(*(pair[side].data_ptr() for pair in stores)) for side in (0, 1))
    logits = torch.empty(len(kept), model.vocabulary, dtype=torch.float32)  # The default is anybody's (`building.py`).
    if any(store.dtype != torch.float32 for pair in stores for store in pair):
        raise TypeError("The compiled step reads and writes keys and values in float32.")
    told = TokenStep(
        ids.numel(), len(kept), slots.count, slots.length, torch.get_num_threads(), ids.data_ptr(), step.rows.data_ptr(),
        step.positions.data_ptr(), kept.data_ptr(), ctypes.addressof(keys), ctypes.addressof(values), logits.data_ptr(),
    )  # fmt: skip
    if library.run_step(ctypes.byref(model), ctypes.byref(told)):
        raise IndexError(f"A step of {ids.numel()} tokens lies outside the slots or the vocabulary.")
    return logits


def make_quick(model: Any) -> QuickModel | None:
    """Return the model with the compiled step, or None where it does not apply: torch then answers alone."""
    if not suits(model):
        return None
    library = load_kernel().library
    if library is None:
        return None
    packed = pack_model(library, model, positions=min(POSITIONS, model.config.max_position_embeddings))
    if packed is None:
        return None
    quick = QuickModel(model, packed, library)
    return quick if agrees(quick, model) else None


def suits(model: Any) -> bool:
    """Whether a model is of a kind that the compiled step computes, in float32 on a CPU, and large enough to gain."""
    import torch

    config = model.config
    return (
        config.model_type in FAMILIES
        and model.device.type == "cpu"
        and model.dtype == torch.float32
        and config.hidden_act == "silu"
        and not getattr(config, "attention_bias", False)
        and not getattr(config, "mlp_bias", False)
        and not getattr(config, "use_sliding_window", False)
        and (config.rope_parameters or {}).get("rope_type", "default") in {"default", "llama3", "linear"}
        and all(type(module) is not torch.nn.Module and _is_plain(module) for module in model.modules())
        and model.num_parameters() >= LEAST_PARAMETERS
    )


def _is_plain(module: Any) -> bool:
    """Whether a module is no stand-in for a linear layer, as those of 8 bits or with an attached adapter are."""
    import torch

    return not isinstance(module, torch.nn.Linear) or type(module) is torch.nn.Linear


def agrees(quick: QuickModel, model: Any) -> bool:
    """Whether a trial step gives what torch gives: a model may differ from its family in what its settings do not say."""
    import torch

    found = []
    for number in (0, 1):
        slots = Slots(1, len(TRIED))
        step = plan_step(slots, [0], [len(TRIED)], fresh=[False], device=model.device)
        ids, kept = torch.tensor([TRIED]) % model.config.vocab_size, torch.arange(len(TRIED))
        if number:
            found.append(run_step(quick.library, quick.packed, ids, step, kept))
        else:
            with torch.inference_mode():
                output = model(
                    input_ids=ids, position_ids=step.positions[None], use_cache=False, logits_to_keep=kept, step=step
                )
            found.append(output.logits[0])
    apart = float((found[0] - found[1]).abs().max() / found[0].abs().max())
    if not apart <= CLOSE:  # Written so that what is no number counts as apart.
        log.warning("The compiled step is %.1e away from torch on this model, so torch answers alone, slower.", apart)
    return apart <= CLOSE


def attach_quickly(base: QuickModel, merged: Any, folder: Path) -> QuickModel | None:
    """Return a merged model whose small steps read the base's 4-bit weights and the adapter beside them.

    Merged weights are no NF4 values any more; W x + B (A x) is the same product. None where the adapter holds
    more than plain updates of the layers' matrices.
    """
    pairs = read_pairs(folder, base.packed.model.layers)
    packed = add_adapter(base.packed, pairs) if pairs is not None else None
    if packed is None:
        return None
    quick = QuickModel(merged, packed, base.library)
    return quick if agrees(quick, merged) else None


def read_pairs(folder: Path, layers: int) -> list[dict[str, LowRank]] | None:
    """Read a stored adapter's matrices by layer and name; None where there are others."""
    from safetensors.torch import load_file

    config = read_json(folder / "adapter_config.json")
    others = ("use_dora", "rank_pattern", "alpha_pattern", "modules_to_save", "lora_bias", "fan_in_fan_out")
    if config.get("peft_type") != "LORA" or any(config.get(name) for name in others) or config.get("bias", "none") != "none":
        return None
    scale = config["lora_alpha"] / (config["r"] ** 0.5 if config.get("use_rslora") else config["r"])
    found: list[dict[str, dict[str, torch.Tensor]]] = [{} for _ in range(layers)]
    for name, tensor in load_file(folder / WEIGHTS).items():
        parts = name.split(".")  # base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight
        if parts[3:4] != ["layers"] or parts[-2] not in {"lora_A", "lora_B"} or not int(parts[4]) < layers:
            return None
        found[int(parts[4])].setdefault(parts[6], {})[parts[-2]] = tensor.float()
    if any(set(pair) != {"lora_A", "lora_B"} for own in found for pair in own.values()):
        return None
    return [{name: LowRank(pair["lora_A"], pair["lora_B"] * scale) for name, pair in own.items()} for own in found]
