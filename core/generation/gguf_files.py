"""A GGUF file as a folder: read, checked, and written once as bf16 safetensors with one matrix where two are the same.

Many files of models whose output matrix is their embedding carry it twice, rounded in two ways. Written out, the second one
would take up to half of a small model's size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.errors import LabError, name_cause
from core.generation.building import build_alone
from core.generation.device import cast_weights, choose_device
from core.generation.loading import silence_libraries
from core.generation.vocabulary import decode_as_bytes
from core.values import OnNotice

MAGIC = b"GGUF"
EMBEDDING, HEAD = "token_embd.weight", "output.weight"
# About half a step of each type, as a share of the values' size: two roundings of one matrix lie within the sum of theirs.
ROUNDING = {"Q2": 0.25, "Q3": 0.16, "Q4": 0.1, "IQ": 0.25, "Q5": 0.06, "Q6": 0.03, "Q8": 0.01, "BF": 0.005, "F1": 0.001}
SIZES = ("block_count", "embedding_length")  # Facts without which a file is no model.
BITS = {"F32": 32, "F16": 16, "BF16": 15}  # Of what is most exact; others by the digit in their name.
SMALL = 2_000_000_000  # Parameters of a model that is compared in 32 bits where 16 are slow.
CHUNK = 8192  # Rows compared at once.
PROBES = ("The capital of France is", '{"answer": "', "def add(a, b):\n    return a +")
REMEDY = "Take another file: one of an instruction-tuned model, whole, of a kind that transformers reads."


@dataclass(frozen=True, slots=True)
class GgufFacts:
    """What a GGUF file says of itself.

    Args:
        architecture: As the file names it.
        name: What its maker calls it.
        licence: As the file states it; empty where it does not.
        types: How each of the embedding and the output matrix is stored; one of them where there is only one.
        parameters: Numbers in all tensors.
    """

    architecture: str
    name: str
    licence: str
    types: dict[str, str]
    parameters: int


@dataclass(frozen=True, slots=True)
class Tying:
    """What became of a second output matrix.

    Args:
        note: A sentence about it; empty where the file has only one.
        checks: The two matrices' distance, and what the logits of a few prompts differ by.
    """

    note: str = ""
    checks: dict[str, Any] = field(default_factory=dict)


def inspect_gguf(path: Path) -> GgufFacts:
    """Read what a file says of itself, and that it is whole and of a kind that can answer; no weights are read.

    Raises:
        LabError: It is absent, no GGUF, cut short, of an unknown architecture, or has no chat template.
    """
    _check_magic(path)
    from gguf import GGUFReader
    from transformers.modeling_gguf_pytorch_utils import GGUF_SUPPORTED_ARCHITECTURES

    try:
        reader = GGUFReader(path)
        fields = {name: reader.fields[name].contents() for name in reader.fields if not name.startswith("tokenizer.ggml.")}
        ends = [int(tensor.data_offset) + int(tensor.n_bytes) for tensor in reader.tensors]
    except (ValueError, IndexError, KeyError, OverflowError, TypeError, UnicodeDecodeError, OSError, MemoryError) as error:
        raise LabError(f"{path} is damaged or was cut short: {error}.", "Download it again.") from error
    size = path.stat().st_size
    if not ends or max(ends) > size:
        raise LabError(f"{path} was cut short: it has {size:,} bytes of {max(ends, default=0):,}.", "Download it again.")
    architecture = str(fields.get("general.architecture") or "")
    known = sorted(set(GGUF_SUPPORTED_ARCHITECTURES) - {"general", "tokenizer"})
    if architecture not in known:
        raise LabError(f"{path} holds a model of the kind {architecture!r}, which is not known.", f"Known: {', '.join(known)}.")
    if missing := [name for name in (f"{architecture}.{size}" for size in SIZES) if not fields.get(name)] + _find_gaps(reader):
        # Without them transformers would fill in the sizes of some large model.
        raise LabError(f"{path} does not hold a whole model: it lacks {', '.join(missing)}.", REMEDY)
    if not fields.get("tokenizer.chat_template"):
        raise LabError(f"{path} has no chat template, so it is no model to talk with.", REMEDY)
    kept = {tensor.name: tensor.tensor_type.name for tensor in reader.tensors if tensor.name in (EMBEDDING, HEAD)}
    return GgufFacts(
        architecture=architecture,
        name=str(fields.get("general.name") or ""),
        licence=str(fields.get("general.license") or ""),
        types=kept,
        parameters=sum(int(tensor.n_elements) for tensor in reader.tensors),
    )


def _find_gaps(reader: Any) -> list[str]:
    known = {tensor.name for tensor in reader.tensors} | set(reader.fields)
    return [name for name in (EMBEDDING, "tokenizer.ggml.tokens") if name not in known]


def _check_magic(path: Path) -> None:
    try:
        with path.open("rb") as stream:
            start = stream.read(len(MAGIC))
    except OSError as error:
        raise LabError(f"Cannot read {path}: {error.strerror}.", "Check the path.") from error
    if start != MAGIC:
        raise LabError(f"{path} is no GGUF file: it begins with {start!r}.", REMEDY)


def convert_gguf(path: Path, folder: Path, facts: GgufFacts, *, notify: OnNotice = lambda _: None) -> Tying:
    """Write a GGUF as bf16 safetensors into a folder, once; transformers would convert it anew at every load.

    Raises:
        LabError: transformers cannot read it, or its tokenizer lacks what a chat needs.
    """
    import torch
    from transformers import AutoModelForCausalLM, GgufConfig

    silence_libraries()
    notify("Converting GGUF to bf16 safetensors")
    try:
        with build_alone():
            model = AutoModelForCausalLM.from_pretrained(
                path.parent, gguf_file=path.name, quantization_config=GgufConfig(dequantize=True), dtype=torch.bfloat16
            )
        tokenizer = _load_tokenizer(path, model)
    except (ValueError, KeyError, OSError, RuntimeError, NotImplementedError, ImportError) as error:
        raise LabError(f"{path} cannot be read as a model: {name_cause(error)}.", REMEDY) from error
    model.config.name_or_path = path.stem
    tying = tie_head(model, tokenizer, facts.types)
    state = model.state_dict()
    if model.config.get_text_config().tie_word_embeddings:
        state = {name: value for name, value in state.items() if not name.endswith("lm_head.weight")}
    model.save_pretrained(folder, state_dict=state)
    tokenizer.save_pretrained(folder)
    return tying


def _load_tokenizer(path: Path, model: Any) -> Any:
    """Return the file's tokenizer, with the token that ends an answer as the model's settings have it."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    # transformers 5.17 takes the token that begins a text for the one that ends it; the model's settings have the right one.
    end = model.generation_config.eos_token_id
    if isinstance(end, int):
        tokenizer.eos_token = tokenizer.convert_ids_to_tokens(end)
    return decode_as_bytes(tokenizer)  # The same version gives it the decoder of another family.


def tie_head(model: Any, tokenizer: Any, types: dict[str, str]) -> Tying:
    """Let a model's output matrix be its embedding where the file's two are roundings of one; the more exact one is kept.

    Args:
        model: As the file was read; changed in place.
        tokenizer: For the prompts whose logits are compared.
        types: How the file stores the two (`GgufFacts.types`).
    """
    embedding, head = model.get_input_embeddings(), model.get_output_embeddings()
    if head is None or EMBEDDING not in types or HEAD not in types or head.weight is embedding.weight:
        return Tying()
    exact = model.dtype
    distance = measure_distance(embedding.weight, head.weight)
    bound = _rounding(types[EMBEDDING]) + _rounding(types[HEAD])
    checks: dict[str, Any] = {"distance": distance, "bound": bound, "types": dict(types)}
    if distance is None or distance > bound:
        shown = "have other shapes" if distance is None else f"differ by {distance:.1%}, more than their rounding ({bound:.1%})"
        return Tying(f"Embedding and output matrix {shown}: both are kept.", checks)
    wide = choose_device().dtype if is_small(model) else model.dtype
    cast_weights(model, wide)  # Without bf16 instructions a few prompts would take minutes; cast back, nothing is lost.
    before = _compute_logits(model, tokenizer)
    kept = EMBEDDING if _count_bits(types[EMBEDDING]) > _count_bits(types[HEAD]) else HEAD
    if kept == HEAD:
        embedding.weight = head.weight
    else:
        head.weight = embedding.weight
    model.config.get_text_config().tie_word_embeddings = model.config.tie_word_embeddings = True
    after = _compute_logits(model, tokenizer)
    cast_weights(model, exact)
    checks |= _compare_logits(before, after)
    return Tying(
        f"Embedding ({types[EMBEDDING]}) and output matrix ({types[HEAD]}) are roundings of one matrix (they differ by "
        f"{distance:.1%}): only the {'output matrix' if kept == HEAD else 'embedding'}, the more exact one, is kept for both. "
        f"On {len(PROBES)} prompts {checks['same_tokens']} of {checks['tokens']} next tokens stay the same; logits move by "
        f"{checks['mean_change']:.3f} on average, at most {checks['largest_change']:.3f}, of a spread of {checks['spread']:.2f}.",
        checks,
    )


def is_small(model: Any) -> bool:
    """Whether a model in 32 bits does no harm to this machine's memory."""
    return int(model.num_parameters()) <= SMALL


def measure_distance(one: Any, other: Any) -> float | None:
    """Return the distance of two matrices as a share of the second one's size; None where their shapes differ."""
    if one.shape != other.shape:
        return None
    apart = size = 0.0
    for start in range(0, len(one), CHUNK):
        a, b = one[start : start + CHUNK].detach().float(), other[start : start + CHUNK].detach().float()
        apart += float((a - b).square().sum())
        size += float(b.square().sum())
    return (apart / size) ** 0.5 if size else None


def _rounding(kind: str) -> float:
    return ROUNDING.get(kind[:2], 0.001)


def _count_bits(kind: str) -> int:
    return BITS.get(kind) or int(next((letter for letter in kind if letter.isdigit()), "0"))


def _compute_logits(model: Any, tokenizer: Any) -> list[Any]:
    """Return the logits after each token of a few prompts. Shape of each: (tokens, vocabulary)."""
    import torch

    with torch.inference_mode():
        ids = (tokenizer(text, return_tensors="pt")["input_ids"] for text in PROBES)
        return [model(one, use_cache=False).logits[0].float() for one in ids]


def _compare_logits(before: Sequence[Any], after: Sequence[Any]) -> dict[str, Any]:
    import torch

    one, other = torch.cat(list(before)), torch.cat(list(after))
    return {
        "tokens": len(one),
        "same_tokens": int((one.argmax(-1) == other.argmax(-1)).sum()),
        "largest_change": float((one - other).abs().max()),
        "mean_change": float((one - other).abs().mean()),
        "spread": float(one.std()),
    }
