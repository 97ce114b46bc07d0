"""One sentence on what differs between several answers, computed from them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from core.evaluation.texts import normalize_text

SHOWN_VALUE = 48  # Characters of a value inside the sentence.


def describe_differences(answers: Mapping[str, Any], fields: Sequence[str]) -> str:
    """Say what differs between answers.

    Args:
        answers: The answers by the names of their cards; one that is no object could not be read.
        fields: The schema's fields, the one that matters most first.

    Returns:
        A sentence; empty where fewer than two answers can be compared.
    """
    readable = {name: value for name, value in answers.items() if isinstance(value, dict)}
    unreadable = [name for name in answers if name not in readable]
    silent = f" {_join(unreadable)} gave no readable answer." if unreadable else ""
    if len(readable) < 2:
        return ""
    differing = [field for field in fields if len({_key(value.get(field)) for value in readable.values()}) > 1]
    if not differing:
        return f"{'All' if not unreadable else 'The others'} say the same.{silent}"
    field = differing[0]
    groups: dict[str, list[str]] = {}
    for name, value in readable.items():
        groups.setdefault(_key(value.get(field)), []).append(name)
    told = "; ".join(
        f"{_join(names)}: {_quote(readable[names[0]].get(field))}" for names in sorted(groups.values(), key=len, reverse=True)
    )
    alike = [name for name in fields if name not in differing]
    rest = differing[1:]
    more = f" They differ in {_join(rest)} too." if rest else f" Same {alike[0]}." if len(alike) == 1 else ""
    return f"They differ in {field}. {told}.{more}{silent}"


def _key(value: Any) -> str:
    """Return what two values have in common that say the same: case, articles and punctuation do not count."""
    return normalize_text(value) if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)


def _quote(value: Any) -> str:
    if value is None:
        return "no value"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"“{text if len(text) <= SHOWN_VALUE else text[: SHOWN_VALUE - 1].rstrip() + '…'}”"


def _join(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
