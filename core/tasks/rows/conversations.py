"""Chats as rows: the turns, whoever wrote them down how, and of each chat what is asked and what is answered."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# Words for who speaks, in the forms of several trainers and services.
ROLES = {
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(("user", "human", "customer", "prompter", "client", "instruction"), "user"),
    **dict.fromkeys(
        ("assistant", "gpt", "chatgpt", "model", "bot", "ai", "bard", "bing", "claude", "agent", "response"), "assistant"
    ),
    **dict.fromkeys(("tool", "function", "observation", "tool_response", "function_response", "ipython"), "tool"),
    **dict.fromkeys(("function_call", "tool_call"), "call"),
}
SPEAKERS = ("role", "from", "speaker", "author", "sender")
CONTENTS = ("content", "value", "text", "parts", "message", "utterance")
LABELS = {"user": "User", "assistant": "Assistant", "tool": "Tool", "call": "Assistant calls"}
# How trainers write a chat as one text.
CHATML = re.compile(r"<\|im_start\|>\s*(\w+)\n(.*?)(?:<\|im_end\|>|\Z)", re.DOTALL)
HEADINGS = re.compile(r"###\s*(System|Human|User|Instruction|Input|Assistant|Response)\s*:\s*", re.IGNORECASE)
INST = re.compile(r"\[INST\]\s*(?:<<SYS>>(.*?)<</SYS>>)?(.*?)\[/INST\](.*?)(?=</s>|\[INST\]|\Z)", re.DOTALL)


class NoChat(Exception):
    """A cell that is no chat that can be read; the message says why."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What one side said.

    Args:
        role: `system`, `user`, `assistant` or `tool`.
        text: What it said.
        calls: Tools that it called, each with `name` and `arguments`.
    """

    role: str
    text: str
    calls: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Chat:
    """A chat as an example.

    Args:
        system: What the model is told.
        asked: The last turn of the user before the answer, with the turns before it where there are any.
        answer: The last turn of the assistant: its text, or its calls.
        turns: How many turns stand before the answer, the system's not counted.
        after: How many stand behind it.
    """

    system: str
    asked: str
    answer: str | list[Mapping[str, Any]]
    turns: int
    after: int


def is_chat(cell: Any) -> bool:
    """Say whether a cell is a list of turns, also as JSON text."""
    turns = _open(cell)
    return bool(turns) and all(isinstance(turn, dict) and _find(turn, SPEAKERS) for turn in turns)


def _open(cell: Any) -> list[Any]:
    if isinstance(cell, str) and cell.lstrip().startswith("["):
        try:
            cell = json.loads(cell)
        except (ValueError, RecursionError):
            return []
    return cell if isinstance(cell, list) else []


def _find(turn: Mapping[str, Any], names: Sequence[str]) -> str | None:
    return next((name for name in names if name in turn), None)


def read_turns(cell: Any) -> list[Turn]:
    """Return the turns of a cell.

    Raises:
        NoChat: It is none, or somebody speaks who is not known, or something else than text is said.
    """
    if isinstance(cell, str) and not cell.lstrip().startswith("["):
        return split_template(cell)
    turns = []
    for item in _open(cell):
        speaker = _find(item, SPEAKERS) if isinstance(item, dict) else None
        role = ROLES.get(str(item[speaker]).strip().lower()) if speaker else None
        if role is None:
            raise NoChat(f"{str(item)[:40]!r} is no turn of a user, an assistant, a system or a tool")
        content = _find(item, [name for name in CONTENTS if name != speaker])
        text, calls = _read_content(item.get(content) if content else None)
        calls += _read_calls(item)
        if role == "call":
            role, calls, text = "assistant", [*calls, _read_call(_parse(text))], ""
        turns.append(Turn(role, text.strip(), tuple(calls)))
    if not turns:
        raise NoChat("it is no list of turns")
    return turns


def _read_content(content: Any) -> tuple[str, list[Mapping[str, Any]]]:
    """Return the text of a turn and the calls among its parts."""
    if content is None or isinstance(content, str):
        return content or "", []
    texts: list[str] = []
    calls: list[Mapping[str, Any]] = []
    for part in content if isinstance(content, list) else [content]:
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, dict) and isinstance(part.get("text"), str):
            texts.append(part["text"])
        elif isinstance(part, dict) and part.get("type") == "tool_use":
            calls.append(_read_call(part))
        elif isinstance(part, dict) and part.get("type") == "tool_result":
            texts.append(_read_content(part.get("content"))[0])
        else:
            kind = part.get("type", "another kind of content") if isinstance(part, dict) else type(part).__name__
            raise NoChat(f"a turn holds {kind!r}, and only texts are read")
    return "\n".join(texts), calls


def _read_calls(turn: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = turn.get("tool_calls") or []
    single = turn.get("function_call")
    calls = [*(found if isinstance(found, list) else [found]), *([single] if single else [])]
    return [_read_call(call) for call in calls]


def _read_call(call: Any) -> Mapping[str, Any]:
    inner = call.get("function", call) if isinstance(call, dict) else None
    if not isinstance(inner, dict) or not isinstance(inner.get("name"), str):
        raise NoChat("a tool is called without its name")
    arguments: Any = next((inner[key] for key in ("arguments", "parameters", "args", "input") if key in inner), {})
    return {"name": inner["name"], "arguments": _parse(arguments) if isinstance(arguments, str) else arguments}


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def split_template(text: str) -> list[Turn]:
    """Return the turns of a chat that was written as one text: ChatML, `[INST]`, `### Human:`, `### Instruction:`.

    Raises:
        NoChat: It is of none of these forms.
    """
    found = [(role.lower(), said) for role, said in CHATML.findall(text)]
    if not found:
        for told, asked, said in INST.findall(text):
            found += [("system", told)] if told.strip() else []
            found += [("user", asked), ("assistant", said)]
    if not found:
        parts = HEADINGS.split(text)
        roles = {"input": "user", **({"instruction": "system"} if "input" in map(str.lower, parts[1::2]) else {})}
        found = [(roles.get(role.lower(), role.lower()), said) for role, said in zip(parts[1::2], parts[2::2], strict=True)]
        if found and parts[0].strip():
            found.insert(0, ("system", parts[0]))
    turns = [Turn(ROLES[role], said.strip()) for role, said in found if role in ROLES and said.strip()]
    if not {"user", "assistant"} <= {turn.role for turn in turns}:
        raise NoChat("it is no chat with a user and an assistant")
    return turns


def read_chat(turns: Sequence[Turn]) -> Chat:
    """Return what a chat asks and answers.

    Raises:
        NoChat: Nobody answers, or nobody asks before the answer.
    """
    place = max((number for number, turn in enumerate(turns) if turn.role == "assistant"), default=-1)
    if place < 0:
        raise NoChat("it has no turn of the assistant")
    before = [turn for turn in turns[:place] if turn.role != "system"]
    if not any(turn.role == "user" and turn.text for turn in before):
        raise NoChat("it has no turn of the user before the answer")
    told = "\n\n".join(dict.fromkeys(turn.text for turn in turns[:place] if turn.role == "system" and turn.text))
    answer = turns[place]
    alone = all(turn.role == "user" for turn in before)
    asked = "\n\n".join(turn.text for turn in before) if alone else "\n".join(map(_write_turn, before))
    said: str | list[Mapping[str, Any]] = list(answer.calls) if answer.calls else answer.text
    if not said:
        raise NoChat("the last turn of the assistant is empty")
    return Chat(told, asked, said, 1 if alone else len(before), len(turns) - place - 1)


def _write_turn(turn: Turn) -> str:
    calls = [f"{LABELS['call']} {call['name']}: {json.dumps(call['arguments'], ensure_ascii=False)}" for call in turn.calls]
    return "\n".join(([f"{LABELS[turn.role]}: {turn.text}"] if turn.text else []) + calls)
