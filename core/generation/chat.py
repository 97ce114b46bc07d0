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
# What some templates ask for, set once: no thoughts before an answer (they would use up its room), and no date, which would
# make another prompt of the same question every day.
FIXED = {"enable_thinking": False, "date_string": "26 Jul 2024"}
REMEDY = "Take it out of the text, or choose another model."


def encode_prompt(tokenizer: Any, messages: Sequence[Message]) -> list[int]:
    """Render a chat with the model's own template, up to the start of the answer, as token ids.

    Raises:
        LabError: A text holds a control token's characters, which this tokenizer cannot take as text.
    """
    return _encode(tokenizer, messages, asks=True)


def encode_answered(tokenizer: Any, messages: Sequence[Message], answer: str) -> tuple[list[int], list[int]]:
    """Return the ids of a chat up to the answer, and those of the answer with the token that ends the turn.

    The turn ends with the first control token behind the answer: that of the text's end, or one of the turn's own.

    Raises:
        LabError: The template writes the chat differently once it is answered, or does not end the answer.
    """
    prompt = encode_prompt(tokenizer, messages)
    whole = _encode(tokenizer, [*messages, Message("assistant", answer)], asks=False)
    if whole[: len(prompt)] != prompt:
        whole = [*prompt, *_encode_rest(tokenizer, messages, answer)]
    rest = whole[len(prompt) :]
    ends = _list_controls(tokenizer)
    place = next((place for place, token in enumerate(rest) if token in ends), None)
    if place is None:
        raise LabError("The chat template does not close the answer with a control token.", "Choose another model.")
    # Templates write a line break after the end of the turn; it is nothing that a model should learn to say.
    return prompt, rest[: place + 1]


def find_end(tokenizer: Any) -> int | None:
    """Return the token that ends an answer by the template, which training teaches; None where the template ends none."""
    try:
        return encode_answered(tokenizer, [Message("user", "Yes or no?")], "Yes")[1][-1]
    except LabError:
        return None


def _encode_rest(tokenizer: Any, messages: Sequence[Message], answer: str) -> list[int]:
    """Return the ids of what follows a prompt once it is answered, where a tokenizer would join the answer to the prompt's end.

    A model writes its answer behind the prompt's own tokens, so the answer's are taken by themselves.

    Raises:
        LabError: The template writes the prompt differently.
    """
    whole = _render(tokenizer, [*messages, Message("assistant", answer)], asks=False)
    asked = _render(tokenizer, messages, asks=True)
    pattern = re.compile("|".join(map(re.escape, find_control_tokens(tokenizer))))
    if not whole.startswith(asked) or pattern.search(answer):
        raise LabError("The chat template writes a prompt differently once it is answered.", "Choose another model.")
    return _read_parts(tokenizer, whole[len(asked) :], pattern, {})


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
    if not agrees or _count_controls(tokenizer, ids) != len(pattern.findall(text)):
        token = next(found[0] for message in messages if (found := pattern.search(message.content)))
        raise LabError(f"A text holds {token!r}, which the tokenizer of this model cannot take as text.", REMEDY)
    return ids


def _render(tokenizer: Any, messages: Sequence[Message], *, asks: bool) -> str:
    """Write a chat by the model's template; one without a role for the system gets its words in the first question."""
    from jinja2 import TemplateError

    first = messages[0] if messages else None
    if first is None or first.role != "system":
        return _write(tokenizer, messages, asks=asks)
    try:
        text = _write(tokenizer, messages, asks=asks)
    except TemplateError:  # Gemma's refuses; Mistral's first one dropped the words in silence.
        return _write(tokenizer, _join_system(messages), asks=asks)
    return text if first.content.strip() in text else _write(tokenizer, _join_system(messages), asks=asks)


def _write(tokenizer: Any, messages: Sequence[Message], *, asks: bool) -> str:
    turns = [{"role": message.role, "content": message.content} for message in messages]
    text: str = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=asks, **FIXED)
    return text


def _join_system(messages: Sequence[Message]) -> list[Message]:
    """Return a chat with the system's words before the first question's; without a question they are one."""
    system, *others = messages
    if others and others[0].role == "user":
        return [Message("user", f"{system.content}\n\n{others[0].content}".strip()), *others[1:]]
    return [Message("user", system.content), *others]


def _list_controls(tokenizer: Any) -> set[int]:
    return set(tokenizer.convert_tokens_to_ids(find_control_tokens(tokenizer)))


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


def _count_controls(tokenizer: Any, ids: Sequence[int]) -> int:
    known = _list_controls(tokenizer)
    return sum(number in known for number in ids)


def _choose_stand_ins(controls: Sequence[str], messages: Sequence[Message]) -> dict[str, str]:
    """Return a character for each control token that no text holds."""
    written = set().union(*(message.content for message in messages))
    free = (chr(code) for code in STAND_INS if chr(code) not in written)
    return dict(zip(controls, free, strict=False))
