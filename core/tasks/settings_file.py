"""A task's `task.toml` as a file that a person wrote: some keys are changed in it, every other line stays as it is."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from core.errors import LabError
from core.storage import write_text

FILE = "task.toml"


def is_writable(folder: Path) -> bool:
    """Say whether a task's settings can be written where they lie; those of an installed package often cannot."""
    return os.access(folder, os.W_OK) and os.access(folder / FILE, os.W_OK)


def write_settings(folder: Path, values: Mapping[str, Any], *, tuned: Mapping[str, Any]) -> None:
    """Set keys of a task's `task.toml` and replace its table `[tuned]`; comments and order of the rest stay.

    Args:
        folder: The task.
        values: By key; None takes the key out.
        tuned: The table: texts, numbers and lists of them.

    Raises:
        LabError: The file cannot be read or written, or is no TOML.
    """
    path = folder / FILE
    try:
        text = path.read_bytes().decode("utf-8")  # As bytes: line ends stay as they are.
    except OSError as error:
        raise LabError(f"Cannot read {path}: {error.strerror}.") from error
    try:
        edited = edit_settings(text, values, tuned=tuned)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise LabError(f"{path} is not valid TOML: {error}.") from error
    except RecursionError as error:
        raise LabError(
            f"{path} is nested too deeply to be read.", "Its values are texts, numbers and lists of them."
        ) from error
    write_text(path, edited)


def edit_settings(text: str, values: Mapping[str, Any], *, tuned: Mapping[str, Any]) -> str:
    """Return the text of a `task.toml` with other values; see `write_settings`.

    Raises:
        TOMLDecodeError: It is no TOML.
    """
    before = tomllib.loads(text)
    end = "\r\n" if "\r\n" in text else "\n"
    head: list[str] = []  # Statements before the first table.
    tables: list[str] = []
    table: str | None = None
    remarks: list[str] = []  # Comments in the table that goes; those after its last key are about the next one.
    missing = {key: value for key, value in values.items() if value is not None}
    for statement in _split(text.replace("\r\n", "\n")):
        parsed = tomllib.loads(statement)
        key = next(iter(parsed), None)
        if statement.lstrip().startswith("["):
            tables += remarks if table == "tuned" and key != "tuned" else []
            table, remarks = key, []
        if table == "tuned":
            remarks = [] if parsed else [*remarks, statement]
        elif table is not None:
            tables.append(statement)
        elif key not in values and key != "tuned":
            head.append(statement)
        elif key in missing:
            head.append(f"{key} = {_write(missing.pop(key))}{_find_comment(statement, parsed)}\n")
    while head and not head[-1].strip():  # Blank lines before the first table stay before it.
        tables.insert(0, head.pop())
    if head and not head[-1].endswith("\n"):
        head[-1] += "\n"
    head += [f"{key} = {_write(value)}\n" for key, value in missing.items()]
    rest = "".join(tables).strip("\n")
    blocks = ["".join(head), rest + "\n" if rest else "", "[tuned]\n" + _write_table(tuned) if tuned else ""]
    edited = "\n".join(block for block in blocks if block)
    kept = {key: value for key, value in before.items() if key not in values and key != "tuned"}
    wanted = (
        kept | {key: value for key, value in values.items() if value is not None} | ({"tuned": dict(tuned)} if tuned else {})
    )
    assert tomllib.loads(edited) == wanted, "an edited task.toml says something else"
    return edited.replace("\n", end)


def _split(text: str) -> Iterator[str]:
    """Yield the statements of a TOML file: lines that mean something alone, several where a text or a list goes on."""
    held = ""
    for line in re.findall(r"[^\n]*\n|[^\n]+", text):
        held += line
        try:
            tomllib.loads(held)
        except tomllib.TOMLDecodeError:
            continue
        yield held
        held = ""


def _find_comment(statement: str, parsed: Mapping[str, Any]) -> str:
    """Return the comment behind a value, with the white space before it; empty where there is none."""
    line = statement.rstrip("\n")
    for place, character in enumerate(line):
        if character == "#" and "\n" not in line[place:] and _means(line[:place], parsed):
            value = line[:place].rstrip()
            return line[len(value) :]
    return ""


def _means(text: str, parsed: Mapping[str, Any]) -> bool:
    try:
        return tomllib.loads(text) == parsed
    except tomllib.TOMLDecodeError:
        return False


def _write_table(values: Mapping[str, Any]) -> str:
    return "".join(f"{key} = {_write(value)}\n" for key, value in values.items())


def _write(value: Any) -> str:
    """Write a value as TOML. Its basic strings are JSON's but for two things: no surrogates, and DEL is escaped."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False).replace("\x7f", "\\u007f")
