"""A tokenizer as the constraint engine reads it, and whether both read the same text from the same tokens."""

from __future__ import annotations

import json
from copy import copy
from typing import Any

from core.errors import LabError

PROBE = 'a b\n{"é ≥ 日本": [1, -2.5, null], "x_y": "It\'s 30 €"}'


def load_constraint_tokenizer(tokenizer: Any, *, vocabulary: int) -> Any:
    """Prepare a tokenizer for constraints; takes about a second, so it is kept.

    The engine takes from a tokenizer's decoder how its tokens are written. transformers 5.17 gives the byte-level tokenizer of a
    GGUF file the decoder of another family: the engine then read every blank as `Ġ`, found no rule for what the model wrote, and
    held nothing, without a word. So what both read is compared, once.

    Args:
        tokenizer: A fast transformers tokenizer.
        vocabulary: Rows of the model's output, which may be more than the tokenizer's tokens.

    Raises:
        LabError: The tokenizer has no fast version, or the engine reads its tokens as another text.
    """
    from llguidance.hf import from_tokenizer

    if not getattr(tokenizer, "is_fast", False):
        raise LabError(
            f"{type(tokenizer).__name__} has no fast version, which constrained decoding needs.", "Decode freely (--mode free)."
        )
    try:
        read = from_tokenizer(tokenizer, n_vocab=vocabulary)
        if not reads_alike(read, tokenizer):
            read = from_tokenizer(decode_as_bytes(tokenizer), n_vocab=vocabulary)
    except ValueError as error:
        raise LabError(
            f"The constraint engine cannot read {type(tokenizer).__name__}: {str(error)[:200]}.", "Decode freely (--mode free)."
        ) from error
    if not reads_alike(read, tokenizer):
        raise LabError(
            f"The constraint engine reads the tokens of {type(tokenizer).__name__} as another text than it writes: "
            f"{read.decode_str(_encode(tokenizer))!r} for {PROBE!r}.",
            "Decode freely (--mode free).",
        )
    return read


def reads_alike(read: Any, tokenizer: Any) -> bool:
    """Whether the engine's bytes of a text's tokens are what the tokenizer itself decodes, but for blanks at the beginning."""
    tokens = _encode(tokenizer)
    theirs = read.decode_bytes(tokens).decode("utf-8", "replace")
    ours = tokenizer.decode(tokens, clean_up_tokenization_spaces=False)
    return bool(theirs.lstrip() == ours.lstrip())


def decode_as_bytes(tokenizer: Any) -> Any:
    """Return a tokenizer whose decoder is the byte-level one, where its text is cut at that level; else itself."""
    from tokenizers import Tokenizer, decoders

    backend = tokenizer.backend_tokenizer
    if "ByteLevel" not in json.dumps(json.loads(backend.to_str())["pre_tokenizer"]):
        return tokenizer
    other, backend = copy(tokenizer), Tokenizer.from_str(backend.to_str())
    backend.decoder = decoders.ByteLevel()
    other._tokenizer = backend
    return other


def _encode(tokenizer: Any) -> list[int]:
    """Return the probe's tokens without those that a vocabulary lacks."""
    tokens = tokenizer(PROBE, add_special_tokens=False)["input_ids"]
    return [token for token in tokens if token not in set(tokenizer.all_special_ids)]
