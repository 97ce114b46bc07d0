"""The files of a LoRA adapter, read as data: what they hold, and whether it fits a base model."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import LabError
from core.generation.building import build_alone
from core.storage import read_json
from finetune.lora import LoraPair

WEIGHTS = "adapter_model.safetensors"  # peft's name.
CONFIG = "adapter_config.json"  # peft's name.
TENSOR = re.compile(r"base_model\.model\.(?P<module>.+)\.lora_(?P<part>A\.weight|B\.weight|magnitude_vector)")
DTYPES = {"F64", "F32", "F16", "BF16"}  # As safetensors names them.
MAX_NUMBER = 65_536  # Of a rank or an alpha: far above any in use, and nothing overflows.
# What may stand in a config beside what is read here: it says who wrote it, or how it was trained.
KNOWN = {
    "peft_type", "task_type", "auto_mapping", "peft_version", "base_model_name_or_path", "revision", "inference_mode",
    "target_modules", "r", "lora_alpha", "lora_dropout", "bias", "use_rslora", "rank_pattern", "alpha_pattern",
    "init_lora_weights", "layers_to_transform", "layers_pattern", "megatron_core", "qalora_group_size", "runtime_config",
    "eva_config", "ensure_weight_tying", "use_dora",
}  # fmt: skip
INITIAL = (True, False, None, "gaussian", "eva", "orthogonal")  # Others (PiSSA, OLoRA, ...) change the base itself.
NAME = re.compile(r"[A-Za-z0-9_.]+")  # peft reads patterns as regular expressions; these mean themselves.


@dataclass(frozen=True, slots=True)
class LoraSettings:
    """What of an adapter's config decides its answers."""

    rank: int
    alpha: float
    rank_stabilized: bool
    weight_decomposed: bool
    ranks: Mapping[str, float]
    alphas: Mapping[str, float]

    def find_alpha(self, module: str) -> float:
        """Return the alpha of a module's pair."""
        return float(_find(self.alphas, module, self.alpha))


def read_settings(folder: Path) -> LoraSettings:
    """Read `adapter_config.json`.

    Raises:
        LabError: It is absent, is not LoRA, or asks for more than plain LoRA.
    """
    values = read_json(folder / CONFIG)
    if not isinstance(values, dict) or values.get("peft_type") != "LORA":
        kind = values.get("peft_type") if isinstance(values, dict) else type(values).__name__
        raise LabError(f"{CONFIG} describes {kind!r}, not LORA.", "Only LoRA adapters are taken in.")
    asked = [name for name, value in values.items() if value and name not in KNOWN]
    asked += [
        name for name, plain in (("bias", ("none", None)), ("init_lora_weights", INITIAL)) if values.get(name) not in plain
    ]
    if asked:
        raise LabError(f"{CONFIG} asks for {', '.join(asked)}, which is not supported.", "Only plain LoRA is taken in.")
    ranks, alphas = _read_numbers(values, "rank_pattern"), _read_numbers(values, "alpha_pattern")
    plain = _read_numbers({"plain": {name: values.get(name) for name in ("r", "lora_alpha")}}, "plain")
    return LoraSettings(
        int(plain["r"]), plain["lora_alpha"], bool(values.get("use_rslora")), bool(values.get("use_dora")), ranks, alphas
    )


def _read_numbers(values: Mapping[str, Any], name: str) -> dict[str, float]:
    """Return an object of positive numbers by plain names.

    Raises:
        LabError: It is something else.
    """
    numbers = values.get(name) or {}
    if not isinstance(numbers, dict):
        raise LabError(f"{CONFIG}: {name} is {numbers!r}.", "Only plain LoRA is taken in.")
    for key, value in numbers.items():
        usable = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= MAX_NUMBER
        if not usable or not NAME.fullmatch(key):
            raise LabError(f"{CONFIG}: {key} is {value!r}.", f"It must be a number between 0 and {MAX_NUMBER}.")
    return numbers


def write_settings(settings: LoraSettings, modules: list[str], *, base: str) -> dict[str, Any]:
    """Return an `adapter_config.json` that says what was checked and nothing else.

    Modules are named in full where their last names alone would mean others too.
    """
    return {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base,
        "inference_mode": True,
        "r": settings.rank,
        "lora_alpha": settings.alpha,
        "lora_dropout": 0.0,
        "bias": "none",
        "use_rslora": settings.rank_stabilized,
        "use_dora": settings.weight_decomposed,
        "rank_pattern": dict(settings.ranks),
        "alpha_pattern": dict(settings.alphas),
        "target_modules": modules,
    }


def read_pairs(folder: Path) -> dict[str, LoraPair]:
    """Read an adapter's matrices by the module they stand beside, `model.layers.0.self_attn.q_proj` for example.

    Raises:
        LabError: The file is no safetensors, or holds something else than pairs.
    """
    from safetensors.torch import load_file

    settings = read_settings(folder)
    modules = _group(read_shapes(folder), settings)
    values = load_file(folder / WEIGHTS)
    return {
        module: LoraPair(
            values[parts["A.weight"]], values[parts["B.weight"]], settings.find_alpha(module),
            rank_stabilized=settings.rank_stabilized,
        )
        for module, parts in modules.items()
    }  # fmt: skip


def _group(names: Iterable[str], settings: LoraSettings) -> dict[str, dict[str, str]]:
    """Return the names of each module's tensors by part: both matrices, with DoRA also the magnitudes.

    Raises:
        LabError: A tensor is something else, or one is missing.
    """
    modules: dict[str, dict[str, str]] = {}
    for name in sorted(names):
        match = TENSOR.fullmatch(name)
        if match is None:
            raise LabError(f"{WEIGHTS} holds {name!r}, which is no LoRA matrix.", "Only plain LoRA is taken in.")
        modules.setdefault(match["module"], {})[match["part"]] = name
    complete = {"A.weight", "B.weight", *(["magnitude_vector"] if settings.weight_decomposed else [])}
    for module, parts in modules.items():
        if set(parts) != complete:
            raise LabError(
                f"{WEIGHTS} holds {', '.join(sorted(parts))} of {module}, not {', '.join(sorted(complete))}.",
                "Export the adapter again.",
            )
    return modules


def read_shapes(folder: Path) -> dict[str, tuple[int, ...]]:
    """Read names and shapes from the header of `adapter_model.safetensors`.

    Raises:
        LabError: It is absent or no safetensors, or holds numbers that are no floats.
    """
    from safetensors import SafetensorError, safe_open

    path = folder / WEIGHTS
    if not path.is_file():
        raise LabError(f"There is no {WEIGHTS}.", "Give an adapter as peft or this lab saves it.")
    shapes = {}
    try:
        with safe_open(path, framework="pt") as stored:
            for name in stored.keys():  # noqa: SIM118 - it is no dict
                part = stored.get_slice(name)
                if part.get_dtype() not in DTYPES:
                    raise LabError(f"{name} is stored as {part.get_dtype()}.", "Only floats are taken in.")
                shapes[name] = tuple(part.get_shape())
    except (SafetensorError, OSError) as error:
        raise LabError(f"{WEIGHTS} cannot be read as safetensors: {error}.", "Copy or export the adapter again.") from error
    if not shapes:
        raise LabError(f"{WEIGHTS} is empty.", "Export the adapter again.")
    return shapes


def check_fit(folder: Path, base: Path) -> list[str]:
    """Check an adapter's tensors against the layers of a base model; returns the modules that it changes.

    Raises:
        LabError: A module is not in the base, has another shape there, or a number is not finite.
    """
    import torch
    from safetensors.torch import load_file

    settings, shapes, linears = read_settings(folder), read_shapes(folder), read_linears(base)
    modules = _group(shapes, settings)
    for module, parts in modules.items():
        if module not in linears:
            raise LabError(f"The adapter changes {module}, which {base.name} does not have.", "It belongs to another model.")
        out_size, in_size = linears[module]
        rank = int(_find(settings.ranks, module, settings.rank))
        fitting = {"A.weight": (rank, in_size), "B.weight": (out_size, rank), "magnitude_vector": (out_size,)}
        for part, name in parts.items():
            if shapes[name] != fitting[part]:
                raise LabError(
                    f"{name} has the shape {shapes[name]}; {base.name} with rank {rank} wants {fitting[part]}.",
                    "It belongs to another model.",
                )
    for name, values in load_file(folder / WEIGHTS).items():
        if not bool(torch.isfinite(values).all()):
            raise LabError(f"{name} holds numbers that are not finite.", "Export or train the adapter again.")
    return sorted(modules)


def read_linears(base: Path) -> dict[str, tuple[int, int]]:
    """Return the shape (out, in) of a model's linear layers by name, from its config alone.

    A head that shares its weights with the embedding is left out: changing one would change the other.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.from_pretrained(base)
    with build_alone(), torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    head = model.get_output_embeddings() if config.tie_word_embeddings else None
    return {
        name: (module.out_features, module.in_features)
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and module is not head
    }


def name_targets(modules: list[str], base: Path) -> list[str]:
    """Return the shortest list of names that means these modules: their last names, or the names in full."""
    last = {module.rsplit(".", 1)[-1] for module in modules}
    meant = {name for name in read_linears(base) if name.rsplit(".", 1)[-1] in last}
    return sorted(last) if meant == set(modules) else sorted(modules)


def _find(patterns: Mapping[str, Any], module: str, default: Any) -> Any:
    """Return the value for a module: patterns are names or ends of names."""
    for pattern, value in patterns.items():
        if module == pattern or module.endswith(f".{pattern}"):
            return value
    return default
