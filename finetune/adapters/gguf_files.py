"""GGUF files for llama.cpp and Ollama: a Llama model, or a LoRA adapter beside one.

Names, shapes and metadata are those of llama.cpp's own converters (`conversion/llama.py`, `convert_lora_to_gguf.py`).
The rows of the query and key projections are reordered: transformers rotates the first half of a head against the
second, llama.cpp rotates neighbours, so row i of the first half and row i of the second become neighbours.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import LabError
from core.generation.loading import load_tokenizer
from core.storage import cannot_write
from finetune.adapters.gguf_vocabulary import add_vocabulary
from finetune.adapters.lora_files import read_pairs, read_settings

if TYPE_CHECKING:
    import numpy as np
    import torch

PRECISIONS = ("f16", "bf16")


def write_model_gguf(folder: Path, target: Path, *, name: str, precision: str = "f16") -> Path:
    """Write a model folder as one GGUF: matrices in 16 bits, vectors in 32, with tokenizer and chat template.

    bf16 values between 2^-14 and 65,504 are exact in f16 too, which every build of llama.cpp computes fast.

    Raises:
        LabError: The architecture, its positions or its tokenizer are not supported, or the target cannot be written.
    """
    import gguf

    if precision not in PRECISIONS:
        raise LabError(f"There is no precision {precision!r}.", f"Choose {' or '.join(PRECISIONS)}.")
    config, architecture = _read_config(folder)
    kind = gguf.GGMLQuantizationType[precision.upper()]

    def fill(writer: Any) -> None:
        writer.add_type(gguf.GGUFType.MODEL)
        writer.add_name(name)
        writer.add_file_type(gguf.LlamaFileType[f"MOSTLY_{precision.upper()}"])
        _add_shape(writer, config)
        add_vocabulary(writer, load_tokenizer(folder), folder, size=config.vocab_size)
        names = gguf.get_tensor_name_map(architecture, config.num_hidden_layers)
        for key, values in _read_tensors(folder):
            # Through 32 bits: NumPy has no bfloat16.
            array = _reorder(key, values.float(), config).numpy()
            _add_tensor(writer, _rename(names, key), array, kind if array.ndim > 1 else gguf.GGMLQuantizationType.F32)

    return _write(target, fill)


def write_lora_gguf(adapter: Path, base: Path, target: Path) -> Path:
    """Write an adapter folder as a LoRA GGUF, to be used beside a GGUF of its base.

    llama.cpp scales the product by one alpha / rank; a pair with another scale carries the difference in its B.

    Raises:
        LabError: The base's architecture is not supported, or the target cannot be written.
    """
    import gguf

    config, architecture = _read_config(base)
    settings, pairs = read_settings(adapter), read_pairs(adapter)
    if settings.weight_decomposed:
        raise LabError(f"{adapter.name} is a DoRA adapter, which llama.cpp does not read.", "Export it merged: --format gguf.")
    alpha = float(settings.alpha)

    def fill(writer: Any) -> None:
        writer.add_type(gguf.GGUFType.ADAPTER)
        writer.add_name(adapter.name)
        writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
        writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, alpha)
        names = gguf.get_tensor_name_map(architecture, config.num_hidden_layers)
        for module, pair in pairs.items():
            renamed = _rename(names, f"{module}.weight")
            more = pair.scale * pair.a.shape[0] / alpha  # 1 unless rsLoRA or the module's own rank or alpha says otherwise.
            b = _reorder(f"{module}.weight", pair.b.float() * more, config)
            _add_tensor(writer, f"{renamed}.lora_a", pair.a.float().numpy(), gguf.GGMLQuantizationType.F32)
            _add_tensor(writer, f"{renamed}.lora_b", b.numpy(), gguf.GGMLQuantizationType.F32)

    return _write(target, fill)


def _read_config(folder: Path) -> tuple[Any, Any]:
    """Return a model's config and its architecture in GGUF.

    Raises:
        LabError: It cannot be written as GGUF here.
    """
    import gguf
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(folder)
    if config.model_type != "llama":
        raise LabError(
            f"{folder.name} is a {config.model_type} model; GGUF is written for llama models (Llama, SmolLM2) alone.",
            "Export it merged, and convert that folder with llama.cpp's convert_hf_to_gguf.py.",
        )
    positions = config.rope_parameters.get("rope_type", "default")
    if positions != "default":
        raise LabError(
            f"{folder.name} stretches its positions ({positions}), which is not written as GGUF here.",
            "Export it merged, and convert that folder with llama.cpp's convert_hf_to_gguf.py.",
        )
    return config, gguf.MODEL_ARCH.LLAMA


def _add_shape(writer: Any, config: Any) -> None:
    writer.add_vocab_size(config.vocab_size)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    width = config.head_dim or config.hidden_size // config.num_attention_heads
    writer.add_rope_dimension_count(width)
    writer.add_key_length(width)
    writer.add_value_length(width)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)


def _read_tensors(folder: Path) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield a model's tensors one by one; a tied head is stored once, as the embedding."""
    from safetensors import safe_open

    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="pt") as stored:
            for key in stored.keys():  # noqa: SIM118 - it is no dict
                yield key, stored.get_tensor(key)


def _rename(names: Any, key: str) -> str:
    """Return a tensor's name in GGUF.

    Raises:
        LabError: It has none.
    """
    renamed = names.get_name(key, try_suffixes=(".weight", ".bias"))
    if renamed is None:
        raise LabError(f"GGUF has no name for {key}.", "Choose another format.")
    return str(renamed)


def _reorder(key: str, values: torch.Tensor, config: Any) -> torch.Tensor:
    """Return the rows of a query or key projection in llama.cpp's order, any other tensor as it is.

    Shape: (heads * width, ...), also the B of an adapter's pair, whose rows are those of the product.
    """
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}.get(key.split(".")[-2])
    if heads is None:
        return values.contiguous()
    half = values.shape[0] // heads // 2
    return values.reshape(heads, 2, half, *values.shape[1:]).swapaxes(1, 2).reshape(values.shape).contiguous()


def _add_tensor(writer: Any, name: str, values: np.ndarray[Any, Any], kind: Any) -> None:
    """Add a tensor of 32-bit values in the given type."""
    import gguf

    if kind == gguf.GGMLQuantizationType.F32:
        writer.add_tensor(name, values)
    else:
        writer.add_tensor(name, gguf.quantize(values, kind), raw_dtype=kind)


def _write(target: Path, fill: Any) -> Path:
    """Write a GGUF under a temporary name, then rename it; an existing file is not overwritten.

    Raises:
        LabError: The target exists or cannot be written.
    """
    import gguf

    if target.exists():
        raise LabError(f"{target} exists already.", "Choose another file with --output; nothing was overwritten.")
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    writer = gguf.GGUFWriter(None, "llama")
    try:
        fill(writer)
        writer.write_header_to_file(temporary)
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        temporary.replace(target)
    except OSError as error:
        raise cannot_write(target, error) from error
    finally:
        writer.close()
        temporary.unlink(missing_ok=True)
    return target
