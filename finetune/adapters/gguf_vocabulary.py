"""A byte-level BPE tokenizer as GGUF metadata, so that llama.cpp cuts text into the same tokens."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.errors import LabError
from core.storage import read_json

CONVERTER = "Export it merged, and convert that folder with llama.cpp's convert_hf_to_gguf.py."


def add_vocabulary(writer: Any, tokenizer: Any, folder: Path, *, size: int) -> None:
    """Add tokens, merges, special tokens and the chat template of the tokenizer in `folder`.

    Args:
        writer: A GGUFWriter.
        tokenizer: The loaded tokenizer.
        folder: Where its `tokenizer.json` lies.
        size: Rows of the model's embedding; ids beyond the tokenizer's are named and marked unused.

    Raises:
        LabError: It is no byte-level BPE, or it splits text in a way that has no name in GGUF.
    """
    stored = read_json(folder / "tokenizer.json")
    if stored["model"].get("type") != "BPE" or not stored["model"].get("merges"):
        raise LabError(f"The tokenizer of {folder.name} is no BPE with merges, which GGUF is written for here.", CONVERTER)
    tokens, kinds = _list_tokens(tokenizer, size)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(name_splitting(stored))
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges([_write_merge(merge) for merge in stored["model"]["merges"]])
    for name, attribute in (("bos", "bos_token_id"), ("eos", "eos_token_id"), ("unk", "unk_token_id"), ("pad", "pad_token_id")):
        if (token := getattr(tokenizer, attribute)) is not None:
            getattr(writer, f"add_{name}_token_id")(token)
    plain = tokenizer("a", add_special_tokens=False)["input_ids"]
    writer.add_add_bos_token(tokenizer("a")["input_ids"] == [tokenizer.bos_token_id, *plain])
    writer.add_add_space_prefix(False)
    writer.add_chat_template(tokenizer.chat_template)


def name_splitting(stored: Mapping[str, Any]) -> str:
    """Return llama.cpp's name for how a tokenizer splits text before merging.

    `gpt-2` is the splitting of byte-level BPE alone; `smollm` takes every digit for itself first. A SmolLM2 that
    was read from a GGUF has lost that first step, was trained without it here, and is therefore written as `gpt-2`.

    Raises:
        LabError: It splits in another way.
    """
    before = stored.get("pre_tokenizer") or {}
    steps = before["pretokenizers"] if before.get("type") == "Sequence" else [before]
    kinds = [step.get("type") for step in steps]
    last = steps[-1]
    plain = kinds[-1] == "ByteLevel" and last.get("use_regex", True) and not last.get("add_prefix_space", False)
    if stored.get("normalizer") is None and plain:
        if kinds == ["ByteLevel"]:
            return "gpt-2"
        if kinds == ["Digits", "ByteLevel"] and steps[0].get("individual_digits"):
            return "smollm"
    raise LabError(
        f"The tokenizer splits text by {' and '.join(map(str, kinds))} in a way that GGUF is not written for here.", CONVERTER
    )


def _list_tokens(tokenizer: Any, size: int) -> tuple[list[str], list[int]]:
    """Return the tokens by id and their kinds: special ones are never merged, added ones are matched whole."""
    from gguf import TokenType

    names = {index: token for token, index in tokenizer.get_vocab().items()}
    added = {index: token.special for index, token in tokenizer.added_tokens_decoder.items()}
    tokens: list[str] = []
    kinds: list[int] = []
    for index in range(size):
        tokens.append(names.get(index, f"[PAD{index}]"))
        if index not in names:
            kinds.append(TokenType.UNUSED)
        elif index in added:
            kinds.append(TokenType.CONTROL if added[index] else TokenType.USER_DEFINED)
        else:
            kinds.append(TokenType.NORMAL)
    return tokens, kinds


def _write_merge(merge: str | list[str]) -> str:
    """Return a merge as one line; both forms of `tokenizer.json` are read."""
    return merge if isinstance(merge, str) else " ".join(merge)
