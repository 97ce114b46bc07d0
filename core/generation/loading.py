"""Loading weights: one way for training and for answering, so that an adapter meets the weights it was trained on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import LabError
from core.generation.adapter import CARD
from core.generation.attention import register_slot_attention
from core.generation.building import build_alone
from core.generation.device import Device, cast_weights, choose_device
from core.storage import MANIFEST, hash_file, hash_json, read_json


@dataclass(frozen=True, slots=True)
class Loaded:
    """A causal language model with its tokenizer, where it runs, and the hash of its files."""

    model: Any
    tokenizer: Any
    device: Device
    weights_hash: str
    storage: str


def hash_weights(folder: Path) -> str:
    """Return the hash that names a model's weights: over the sha256 of its safetensors."""
    if (folder / MANIFEST).is_file():
        files = read_json(folder / MANIFEST)["files"]
        return hash_json({name: value for name, value in files.items() if name.endswith(".safetensors")})
    return hash_json({path.name: hash_file(path) for path in sorted(folder.glob("*.safetensors"))})


def silence_libraries() -> None:
    """Turn off transformers' own progress bars and notices: ours say what matters, logs stay readable."""
    from warnings import filterwarnings

    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    filterwarnings("ignore", category=FutureWarning, module="transformers")  # peft reads an old name; nothing to do here.


def load_tokenizer(folder: Path) -> Any:
    """Load a tokenizer, with a padding token that is only ever masked."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    if not tokenizer.chat_template:
        raise LabError(f"{folder} has no chat template.", "Choose an instruction-tuned model.")
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    return tokenizer


def load_model(
    folder: Path, *, storage: str = "nf4", trainable: bool = False, attention: str = "", unpack: bool | None = None
) -> Loaded:
    """Load a model.

    Args:
        folder: The model's folder.
        storage: `nf4`: weights rounded to 4-bit NormalFloat with double quantization (QLoRA, arXiv
            2305.14314, section 3), computed in 16 bits where the device does; `int8`: rounded to 8 bits
            (LLM.int8(), arXiv 2208.07339); `full`: as they are. A model with an adapter merged in is always
            loaded as it is: rounding again would take the adapter away.
        trainable: Keep 4-bit weights in 4 bits, dequantized at each use. Otherwise, on a CPU, they are
            dequantized once: the same values, without the cost at every step.
        attention: Name of the attention that transformers calls; ours over slots by default.
        unpack: Overrides whether 4-bit weights are dequantized once.

    Raises:
        LabError: The storage is unknown or the folder cannot be loaded.
    """
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    if storage not in {"nf4", "int8", "full"}:
        raise LabError(f"There is no storage {storage!r}.", "Choose nf4, int8 or full.")
    silence_libraries()
    if (folder / CARD).is_file():
        storage = "full"  # `finetune/adapters/merging.py` wrote it.
    device = choose_device()
    quantization = {
        "nf4": BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=device.dtype,
        ),
        "int8": BitsAndBytesConfig(load_in_8bit=True),
    }
    try:
        with build_alone():
            model = AutoModelForCausalLM.from_pretrained(
                folder,
                dtype=device.dtype,
                device_map={"": device.name},
                attn_implementation=attention or register_slot_attention(),
                quantization_config=quantization.get(storage),
            )
    except (OSError, ValueError) as error:
        raise LabError(f"The model in {folder} cannot be loaded: {error}") from error
    if storage == "nf4" and device.name == "cpu":
        if trainable if unpack is None else not unpack:
            keep_gradients(model)
        else:
            model = cast_weights(model.dequantize(), device.dtype)
    return Loaded(model.eval(), load_tokenizer(folder), device, hash_weights(folder), storage)


def load_shell(folder: Path, *, storage: str) -> Loaded:
    """Load all of a model but its weights: what counts tokens and compiles schemas for one that answers on a lent GPU.

    Raises:
        LabError: The folder cannot be loaded.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    silence_libraries()
    try:
        with build_alone(), torch.device("meta"):
            model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder), dtype=torch.bfloat16)
    except (OSError, ValueError) as error:
        raise LabError(f"The model in {folder} cannot be loaded: {error}") from error
    return Loaded(model, load_tokenizer(folder), Device("cuda", torch.bfloat16), hash_weights(folder), storage)


def keep_gradients(model: Any) -> None:
    """Stop bitsandbytes from repacking 4-bit weights on CPUs with AVX512-bf16.

    The packed product has no gradient, so one evaluation pass would silently cut every frozen layer's
    gradient for the rest of a training (measured: loss 4.4 against 2.5 after 24 steps).
    """
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False
