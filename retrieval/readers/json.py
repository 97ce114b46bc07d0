"""JSON to text: records become rows of `key: value` lines, anything else one line per value."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from retrieval.readers.limits import Limits, Text, UnreadableFile
from retrieval.readers.table import join_rows
from retrieval.readers.text import clean_text, decode_text


def read_json_file(path: Path, limits: Limits) -> Text:
    """Read a JSON file: a list, or the one list in an object, gives rows; an object gives a paragraph per entry."""
    value = _parse(decode_text(path.read_bytes()), "It")
    if isinstance(value, dict) and len(value) == 1 and isinstance(next(iter(value.values())), list):
        value = next(iter(value.values()))
    if isinstance(value, list):
        return join_rows(_render(item) for item in value)
    if not isinstance(value, dict):
        return Text(_render(value))
    return Text("\n\n".join(_paragraphs(value)))


def read_json_lines(path: Path, limits: Limits) -> Text:
    """Read a file with one JSON value per line: each is a row."""
    lines = enumerate(decode_text(path.read_bytes()).split("\n"), start=1)
    return join_rows(_render(_parse(line, f"Line {number}")) for number, line in lines if line.strip())


def _parse(text: str, what: str) -> Any:
    """Parse JSON; numbers keep their spelling, for 1.10 is a version as often as a number."""
    try:
        return json.loads(text, parse_float=str, parse_int=str)
    except RecursionError as error:
        raise UnreadableFile(f"{what} is nested too deeply.") from error
    except ValueError as error:
        raise UnreadableFile(f"{what} is no JSON: {error}.") from error


def _paragraphs(value: dict[str, Any]) -> Iterator[str]:
    """Yield the entries of an object: texts and numbers that follow each other together, containers each apart."""
    plain: list[str] = []
    for key, item in value.items():
        if not isinstance(item, dict | list) or _is_flat(item):
            plain += _lines(item, key)
            continue
        if plain:
            yield "\n".join(plain)
            plain = []
        parts = item if isinstance(item, list) else [item]
        yield from ("\n".join(_lines(part, key)) for part in parts)
    if plain:
        yield "\n".join(plain)


def _is_flat(value: Any) -> bool:
    return isinstance(value, list) and not any(isinstance(item, dict | list) for item in value)


def _render(value: Any) -> str:
    try:
        return "\n".join(_lines(value, ""))
    except RecursionError as error:
        raise UnreadableFile("It is nested too deeply.") from error


def _lines(value: Any, name: str) -> Iterator[str]:
    """Yield `path: value` lines; keys are joined by dots, a list of plain values stands on one line."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _lines(item, f"{name}.{key}" if name else key)
    elif isinstance(value, list) and not _is_flat(value):
        for place, item in enumerate(value, start=1):
            yield from _lines(item, f"{name}.{place}" if name else str(place))
    else:
        text = ", ".join(map(_spell, value)) if isinstance(value, list) else _spell(value)
        if text:
            yield f"{_spell(name)}: {text}" if name else text


def _spell(value: Any) -> str:
    text = value if isinstance(value, str) else "" if value is None else json.dumps(value)
    return " ".join(clean_text(text).split())
