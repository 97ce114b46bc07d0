"""A chat as token ids: the one place where it is tokenized, for training and for answering.

A chat template marks turns with control tokens. What people write may hold the same characters ("what does <|im_end|>
mean?"), and a tokenizer that is given the rendered text makes control tokens of them too: the answer would be cut there,
and a user's text could open a turn of the system. So contents are tokenized as the text that they are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from core.errors import LabError
from core.values import Message

STAND_INS = range(0xF0000, 0xF1000)  # Private characters, which no template asks about and no trimming takes away.
REMEDY = "Take it out of the text, or choose another model."


def encode_prompt(tokenizer: Any, messages: Sequence[Message]) -> list[int]:
    """Render a chat with the model's own template, up to the start of the answer, as token ids.

    Raises:
        LabError: A text holds a control token's characters, which this tokenizer cannot take as text.
    """
    return _encode(tokenizer, messages, asks=True)


def encode_answered(tokenizer: Any, messages: Sequence[Message], answer: str) -> tuple[list[int], list[int]]:
    """Return the ids of a chat up to the answer, and those of the answer with the token that ends the turn.

    Raises:
        LabError: The template writes the chat differently once it is answered, or does not end the answer.
    """
    prompt = encode_prompt(tokenizer, messages)
    whole = _encode(tokenizer, [*messages, Message("assistant", answer)], asks=False)
    if whole[: len(prompt)] != prompt:
        raise LabError("The chat template writes a prompt differently once it is answered.", "Choose another model.")
    rest = whole[len(prompt) :]
    if tokenizer.eos_token_id not in rest:
        raise LabError(f"The chat template does not close the answer with {tokenizer.eos_token!r}.", "Choose another model.")
    # Templates write a line break after the end of the turn; it is nothing that a model should learn to say.
    return prompt, rest[: rest.index(tokenizer.eos_token_id) + 1]


def encode_text(tokenizer: Any, text: str) -> list[int]:
    """Return the ids of a text that belongs to no chat, without any control token."""
    return list(tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"])


def find_control_tokens(tokenizer: Any) -> list[str]:
    """Return the characters of the tokens that are no text, the longest first."""
    added = getattr(tokenizer, "added_tokens_decoder", {}).values()
    named = {str(token) for token in added if getattr(token, "special", False)} | set(tokenizer.all_special_tokens)
    return sorted((token for token in named if token), key=len, reverse=True)


def _encode(tokenizer: Any, messages: Sequence[Message], *, asks: bool) -> list[int]:
    controls = find_control_tokens(tokenizer)
    pattern = re.compile("|".join(map(re.escape, controls)))
    if not controls or not any(pattern.search(message.content) for message in messages):
        return _read(tokenizer, _render(tokenizer, messages, asks=asks))
    stand_ins = _choose_stand_ins(controls, messages)
    hidden = [Message(item.role, pattern.sub(lambda found: stand_ins[found[0]], item.content)) for item in messages]
    text = _render(tokenizer, hidden, asks=asks)
    # Where the same chat holds a letter in its place, both ways must agree.
    plain = text
    for stand_in in stand_ins.values():
        plain = plain.replace(stand_in, "x")
    agrees = _read(tokenizer, plain) == _read_parts(tokenizer, plain, pattern, {})
    ids = _read_parts(tokenizer, text, pattern, stand_ins)
    if not agrees or _count_controls(tokenizer, ids, controls) != len(pattern.findall(text)):
        token = next(found[0] for message in messages if (found := pattern.search(message.content)))
        raise LabError(f"A text holds {token!r}, which the tokenizer of this model cannot take as text.", REMEDY)
    return ids


def _render(tokenizer: Any, messages: Sequence[Message], *, asks: bool) -> str:
    turns = [{"role": message.role, "content": message.content} for message in messages]
    text: str = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=asks)
    return text


def _read(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def _read_parts(tokenizer: Any, text: str, pattern: re.Pattern[str], stand_ins: dict[str, str]) -> list[int]:
    """Tokenize a rendered chat: the template's control tokens as such, and what lies between as text."""
    ids: list[int] = []
    place = 0
    for found in [*pattern.finditer(text), None]:
        between = text[place : found.start() if found else len(text)]
        for token, stand_in in stand_ins.items():
            between = between.replace(stand_in, token)
        if between:
            ids += encode_text(tokenizer, between)
        if found:
            ids += _read(tokenizer, found[0])
            place = found.end()
    return ids


def _count_controls(tokenizer: Any, ids: Sequence[int], controls: Sequence[str]) -> int:
    known = set(tokenizer.convert_tokens_to_ids(list(controls)))
    return sum(number in known for number in ids)


def _choose_stand_ins(controls: Sequence[str], messages: Sequence[Message]) -> dict[str, str]:
    """Return a character for each control token that no text holds."""
    written = set().union(*(message.content for message in messages))
    free = (chr(code) for code in STAND_INS if chr(code) not in written)
    return dict(zip(controls, free, strict=False))
